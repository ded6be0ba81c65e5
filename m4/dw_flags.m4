dnl SPDX-License-Identifier: BSD-2-Clause
dnl Copyright (c) 2026 The daemonwatch authors
dnl
dnl How to compile and how to test.

dnl DW_COMPILER_FLAGS
dnl
dnl Sets WARN_CFLAGS, HARDEN_CFLAGS, HARDEN_LDFLAGS, PIE_CFLAGS, PIE_LDFLAGS,
dnl SANITIZER_CFLAGS.  Every flag is tried first.
AC_DEFUN([DW_COMPILER_FLAGS], [
AC_ARG_ENABLE([werror],
    [AS_HELP_STRING([--enable-werror], [warnings are errors (for CI)])],
    [], [enable_werror=no])
AC_ARG_ENABLE([hardening],
    [AS_HELP_STRING([--disable-hardening],
	[no PIE, RELRO, stack protector, _FORTIFY_SOURCE])],
    [], [enable_hardening=yes])
AC_ARG_ENABLE([sanitizers],
    [AS_HELP_STRING([--enable-sanitizers=LIST],
	[compile with -fsanitize=LIST (address,undefined)])],
    [], [enable_sanitizers=no])

dnl -Werror in the trial makes clang refuse what it does not know.  (gcc's
dnl -Wextra has -Wimplicit-fallthrough; clang's does not read the comment.)
AX_APPEND_COMPILE_FLAGS([-std=c11], [WARN_CFLAGS])
AX_APPEND_COMPILE_FLAGS(m4_normalize([
    -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes
    -Wold-style-definition -Wpointer-arith -Wcast-qual -Wwrite-strings
    -Wformat=2 -Wvla -Wundef -Wnull-dereference
    -Wnested-externs -Wduplicated-cond
]), [WARN_CFLAGS], [-Werror])
dnl gcc does not take a cast to void for an answer, where KNF asks for one.
AX_APPEND_COMPILE_FLAGS([-Wno-unused-result], [WARN_CFLAGS])
AS_VAR_IF([enable_werror], [yes],
    [AX_APPEND_COMPILE_FLAGS([-Werror], [WARN_CFLAGS])])
AC_SUBST([WARN_CFLAGS])

SANITIZER_CFLAGS=
dw_sanitizers=
AS_CASE([$enable_sanitizers],
    [no], [],
    [
	AS_VAR_IF([enable_sanitizers], [yes],
	    [enable_sanitizers=address,undefined])
	dw_sanitizers=$enable_sanitizers
	SANITIZER_CFLAGS="-fsanitize=$enable_sanitizers"
	AX_CHECK_LINK_FLAG([$SANITIZER_CFLAGS], [],
	    [AC_MSG_ERROR([the compiler cannot -fsanitize=$enable_sanitizers])])
	AX_APPEND_COMPILE_FLAGS(
	    m4_normalize([-fno-omit-frame-pointer -fno-sanitize-recover=all]),
	    [SANITIZER_CFLAGS])
	dnl They do not go together with these.
	enable_hardening=no])
AC_SUBST([SANITIZER_CFLAGS])
dnl Where the bounds of memory are watched each text has its own.
AS_VAR_IF([dw_sanitizers], [], [dw_shared=256], [dw_shared=0])
AC_DEFINE_UNQUOTED([SHARED_TEXT_MAX], [$dw_shared],
    [texts of the configuration share blocks up to this many bytes])

AS_VAR_IF([enable_hardening], [yes], [
	AX_APPEND_COMPILE_FLAGS(
	    m4_normalize([-fstack-protector-strong -fstack-clash-protection
	    -fcf-protection]), [HARDEN_CFLAGS], [-Werror])
	AX_APPEND_LINK_FLAGS(
	    m4_normalize([-Wl,-z,relro -Wl,-z,now -Wl,-z,noexecstack
	    -Wl,--as-needed]), [HARDEN_LDFLAGS])
	AX_CHECK_COMPILE_FLAG([-fPIE], [
		AX_CHECK_LINK_FLAG([-fPIE -pie], [
			PIE_CFLAGS=-fPIE
			PIE_LDFLAGS=-pie])])
	AX_ADD_FORTIFY_SOURCE])
AC_SUBST([HARDEN_CFLAGS])
AC_SUBST([HARDEN_LDFLAGS])

dnl libtool's way is no version script on the BSDs, and hides nothing there.
AX_CHECK_LINK_FLAG([-Wl,--version-script=$srcdir/lib/libdaemonwatch.map],
    [EXPORT_LDFLAGS='-Wl,--version-script=$(srcdir)/lib/libdaemonwatch.map'],
    [EXPORT_LDFLAGS="-export-symbols-regex '^dw_'"], [-shared])
AC_SUBST([EXPORT_LDFLAGS])
AC_SUBST([PIE_CFLAGS])
AC_SUBST([PIE_LDFLAGS])
])

dnl DW_TEST_TOOLS
dnl
dnl What only tests and upkeep need; none of it is needed to build.
AC_DEFUN([DW_TEST_TOOLS], [
PKG_CHECK_MODULES([CMOCKA], [cmocka >= 1.1], [dw_unit_tests=yes],
    [dw_unit_tests="no: cmocka was not found (Debian: libcmocka-dev)"])
AM_CONDITIONAL([HAVE_CMOCKA], [test "$dw_unit_tests" = yes])
AX_CHECK_LINK_FLAG([-Wl,--wrap=malloc], [dw_wrap=yes], [dw_wrap=no], [],
    [AC_LANG_SOURCE([[#include <stdlib.h>
void *__wrap_malloc(size_t n) { return (calloc(n, 1)); }
int main(void) { return (malloc(1) == NULL); }]])])
AM_CONDITIONAL([HAVE_LINKER_WRAP], [test "$dw_wrap" = yes])

AX_VALGRIND_DFLT([helgrind], [off])
AX_VALGRIND_DFLT([drd], [off])
AX_VALGRIND_DFLT([sgcheck], [off])
AX_VALGRIND_CHECK
dnl Kept for when config.status runs configure again; each make has its own.
AC_ARG_VAR([MAKE], [the make that will be used, if it is not "make"])
AM_SUBST_NOTMAKE([MAKE])
dnl The macro's rules are GNU make's; other makes cannot read them.
AS_CASE([`${MAKE-make} --version 2>/dev/null`], [*GNU*], [],
    [VALGRIND_CHECK_RULES=])

dnl An interpreter that has pytest: the first "python3" may be one without.
AC_ARG_VAR([PYTHON], [a Python 3 that can import pytest])
AC_CACHE_CHECK([for a Python with pytest], [dw_cv_python], [
	dw_cv_python=
	for dw_p in "$PYTHON" python3 /usr/bin/python3 /usr/local/bin/python3
	do
		test -n "$dw_p" || continue
		AS_IF([$dw_p -c 'import pytest' </dev/null >/dev/null 2>&1],
		    [dw_cv_python=$dw_p; break])
	done])
PYTHON=${dw_cv_python:-python3}
AS_IF([test -n "$dw_cv_python"], [dw_integration_tests="yes, $PYTHON"],
    [dw_integration_tests="no: pytest was not found (Debian: python3-pytest)"])

dnl A tool that is missing is missed when it is wanted, not before.
AC_ARG_VAR([CLANG_FORMAT], [clang-format, for make format])
AC_ARG_VAR([MANDOC], [mandoc, for make lint])
AC_ARG_VAR([CPPCHECK], [cppcheck, for make lint])
AC_ARG_VAR([SHELLCHECK], [shellcheck, for make lint])
: "${CLANG_FORMAT=clang-format}" "${MANDOC=mandoc}"
: "${CPPCHECK=cppcheck}" "${SHELLCHECK=shellcheck}"
])
