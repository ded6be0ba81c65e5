dnl SPDX-License-Identifier: BSD-2-Clause
dnl Copyright (c) 2026 The daemonwatch authors
dnl
dnl Where the functions of a BSD come from.

dnl DW_LIB_BSD
dnl
dnl libbsd in overlay mode; on the BSDs, libc and libutil; with
dnl --without-libbsd, compat/ and its headers in compat/overlay.
AC_DEFUN([DW_LIB_BSD], [
AC_ARG_WITH([libbsd],
    [AS_HELP_STRING([--without-libbsd],
	[use the functions of compat/ where libc lacks them])],
    [], [with_libbsd=check])
OVERLAY_CPPFLAGS=
dw_bsd_from="libc"
AC_CHECK_HEADERS([libutil.h])
AS_IF([test "x$with_libbsd" = xcheck], [
	dnl A system whose libc has them needs no libbsd.
	AC_SEARCH_LIBS([pidfile_open], [util], [
		with_libbsd=no
		dw_bsd_from="libc and libutil"], [with_libbsd=yes])])
AS_IF([test "x$with_libbsd" != xno], [
	PKG_CHECK_MODULES([LIBBSD], [libbsd-overlay >= 0.9], [], [
		AC_MSG_ERROR([libbsd (0.9 or later) was not found.
Install it (Debian: libbsd-dev) or configure with --without-libbsd.])])
	AC_DEFINE([HAVE_LIBBSD], [1], [libbsd's overlay is used])
	dw_bsd_from="libbsd"
], [
	AS_IF([test "x$ac_cv_header_libutil_h" != xyes], [
		OVERLAY_CPPFLAGS='-I$(top_srcdir)/compat/overlay'
		dw_bsd_from="libc and compat/"])
])
AC_SUBST([OVERLAY_CPPFLAGS])
])

dnl DW_COMPAT_FUNCS
dnl
dnl One file in compat/ for each function that is missing.  To test ours on a
dnl system that has its own: ./configure --without-libbsd ac_cv_func_NAME=no
AC_DEFUN([DW_COMPAT_FUNCS], [
AC_REQUIRE([AC_USE_SYSTEM_EXTENSIONS])dnl
dw_save_LIBS=$LIBS
dw_save_CPPFLAGS=$CPPFLAGS
LIBS="$LIBBSD_LIBS $LIBS"
CPPFLAGS="$CPPFLAGS $LIBBSD_CFLAGS"
AC_CHECK_FUNCS([setproctitle_init])
AC_REPLACE_FUNCS([closefrom explicit_bzero flopen flopenat getprogname reallocarray
    setproctitle strlcat strlcpy strtonum])
dnl A family in one file, as they share a structure.
AC_REPLACE_FUNCS([pidfile_open])
LIBS=$dw_save_LIBS
CPPFLAGS=$dw_save_CPPFLAGS
dnl On Linux closefrom is closefds_linux.c's work; closefds_bsd.c needs it.
AS_CASE([$ac_cv_func_closefrom:$host_os],
    [yes:*|no:linux*], [],
    [AC_MSG_ERROR([this system has no closefrom, and compat/ none for it])])
dw_replaced=`AS_ECHO(["$LIB@&t@OBJS"]) | $SED 's/[[^ ]]*}//g;s/\(\$U\)*\.o//g;s/^ //'`
])
