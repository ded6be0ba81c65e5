dnl SPDX-License-Identifier: BSD-2-Clause
dnl Copyright (c) 2026 The daemonwatch authors
dnl
dnl DW_LIB_CURL
dnl
dnl libcurl, for daemonwatch-prober-http alone.  Without it that is not built,
dnl and a configuration that needs it is refused.  Not asked for, it is used
dnl where it is found.
AC_DEFUN([DW_LIB_CURL], [
AC_ARG_WITH([curl],
    [AS_HELP_STRING([--without-curl],
	[no checks by HTTP and TLS; --with-curl: fail without libcurl])],
    [], [with_curl=check])
dw_curl=no
AS_IF([test "x$with_curl" != xno], [
	PKG_CHECK_MODULES([LIBCURL], [libcurl >= 7.70], [dw_curl=yes], [
		dw_curl="no: libcurl was not found (Debian: libcurl4-openssl-dev)"
		AS_IF([test "x$with_curl" != xcheck], [
			AC_MSG_ERROR([libcurl (7.70 or later) was not found.
Install it (Debian: libcurl4-openssl-dev) or configure with --without-curl.])])
	])
])
AS_IF([test "$dw_curl" = yes], [dw_with_curl=true], [dw_with_curl=false])
AC_DEFINE_UNQUOTED([WITH_CURL], [$dw_with_curl],
    [is there a daemonwatch-prober-http?])
AM_CONDITIONAL([HAVE_LIBCURL], [test "$dw_curl" = yes])
])
