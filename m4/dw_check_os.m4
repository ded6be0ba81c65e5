dnl SPDX-License-Identifier: BSD-2-Clause
dnl Copyright (c) 2026 The daemonwatch authors
dnl
dnl DW_CHECK_OS
dnl
dnl The one place that says which file of compat/ answers which question on
dnl this system.  For each question: the candidate that the system's name
dnl suggests, then a test that what it needs is really there, else "none".
dnl
dnl Sets COMPAT_OS_OBJS (objects), POLLERS (names, the default first),
dnl HAVE_POLLER_*, DEFAULT_POLLER, LIBKQUEUE_CFLAGS and LIBKQUEUE_LIBS.

AC_DEFUN([DW_CHECK_OS], [
AC_REQUIRE([AC_CANONICAL_HOST])dnl
AC_ARG_WITH([poller],
    [AS_HELP_STRING([--with-poller=epoll|kqueue|poll],
	[the poller that is used by default (the best one there is);
	kqueue on Linux is libkqueue's, to try ours with])],
    [], [with_poller=])

dnl The candidates.  (What is not written yet is not named.)
AS_CASE([$host_os],
    [linux*], [
	dw_procfd=linux dw_proctab=linux dw_reaper=linux
	dw_cred=linux dw_closefds=linux dw_peer=linux
	dw_confine=linux dw_sigreset=linux dw_sender=linux
	dw_listening=linux dw_usage=linux dw_oom=linux],
    [freebsd*], [
	dw_procfd=none dw_proctab=freebsd dw_reaper=freebsd
	dw_cred=bsd dw_closefds=bsd dw_peer=freebsd
	dw_confine=freebsd dw_sigreset=freebsd dw_sender=freebsd
	dw_listening=freebsd dw_usage=freebsd dw_oom=none],
    [dragonfly*], [
	dw_procfd=none dw_proctab=none dw_reaper=dragonfly
	dw_cred=bsd dw_closefds=bsd dw_peer=bsd
	dw_confine=none dw_sigreset=none dw_sender=none
	dw_listening=none dw_usage=none dw_oom=none],
    [netbsd*], [
	dw_procfd=none dw_proctab=netbsd dw_reaper=none
	dw_cred=bsd dw_closefds=bsd dw_peer=netbsd
	dw_confine=none dw_sigreset=none dw_sender=none
	dw_listening=netbsd dw_usage=netbsd dw_oom=none],
    [
	dw_procfd=none dw_proctab=none dw_reaper=none
	dw_cred=bsd dw_closefds=bsd dw_peer=bsd
	dw_confine=none dw_sigreset=none dw_sender=none
	dw_listening=none dw_usage=none dw_oom=none])

dnl What only one system has is tested only there.
AS_CASE([$host_os], [linux*], [dw_linux=yes], [dw_linux=no])
AM_CONDITIONAL([OS_LINUX], [test "$dw_linux" = yes])
AS_CASE([$host_os], [freebsd*], [dw_freebsd=yes], [dw_freebsd=no])
AM_CONDITIONAL([OS_FREEBSD], [test "$dw_freebsd" = yes])

dnl Are they there?
AC_CHECK_FUNCS([epoll_create1 kqueue kqueue1 kqueuex getpeereid procctl])
dnl Only on demand, as nothing is gained by it but to try poller_kqueue.c.
AS_CASE([$with_poller:$ac_cv_func_kqueue], [kqueue:no], [
	PKG_CHECK_MODULES([LIBKQUEUE], [libkqueue], [
		dw_libs=$LIBS
		LIBS="$LIBKQUEUE_LIBS $LIBS"
		AS_UNSET([ac_cv_func_kqueue])
		AC_CHECK_FUNCS([kqueue libkqueue_drain_pending_close])
		LIBS=$dw_libs
		AC_DEFINE([HAVE_LIBKQUEUE], [1],
		    [kqueue is emulated by libkqueue])], [:])])
AC_CHECK_DECLS([SYS_pidfd_open, SYS_pidfd_send_signal], [],
    [AS_VAR_IF([dw_procfd], [linux], [dw_procfd=none])],
    [[#include <sys/syscall.h>]])
dnl The kernel's headers, which a libc of one's own may be without.
AC_CHECK_HEADER([linux/inet_diag.h], [],
    [AS_VAR_IF([dw_listening], [linux], [dw_listening=none])],
    [[#include <stdint.h>]])
AC_CHECK_DECL([PR_SET_CHILD_SUBREAPER], [],
    [AS_VAR_IF([dw_reaper], [linux], [dw_reaper=none])],
    [[#include <sys/prctl.h>]])
AC_CHECK_DECL([PROC_REAP_ACQUIRE], [],
    [AS_CASE([$dw_reaper], [freebsd|dragonfly], [dw_reaper=none])],
    [[#include <sys/types.h>
#include <sys/procctl.h>]])
AC_CHECK_DECL([PR_SET_NO_NEW_PRIVS], [],
    [AS_VAR_IF([dw_confine], [linux], [dw_confine=none])],
    [[#include <sys/prctl.h>]])
AC_CHECK_DECL([PROC_NO_NEW_PRIVS_CTL], [],
    [AS_VAR_IF([dw_confine], [freebsd], [dw_confine=none])],
    [[#include <sys/types.h>
#include <sys/procctl.h>]])
AC_CHECK_MEMBER([struct xucred.cr_pid], [],
    [AS_VAR_IF([dw_peer], [freebsd], [dw_peer=bsd])],
    [[#include <sys/param.h>
#include <sys/ucred.h>]])
AC_CHECK_DECL([LOCAL_CREDS_PERSISTENT], [],
    [AS_VAR_IF([dw_sender], [freebsd], [dw_sender=none])],
    [[#include <sys/types.h>
#include <sys/socket.h>
#include <sys/un.h>]])

dnl The pollers: all that can be compiled are, the default comes first.
POLLERS=
AS_VAR_IF([ac_cv_func_epoll_create1], [yes], [
	AC_DEFINE([HAVE_POLLER_EPOLL], [1], [poller_epoll.c is compiled])
	POLLERS="$POLLERS epoll"])
AS_VAR_IF([ac_cv_func_kqueue], [yes], [
	AC_DEFINE([HAVE_POLLER_KQUEUE], [1], [poller_kqueue.c is compiled])
	POLLERS="$POLLERS kqueue"])
AC_DEFINE([HAVE_POLLER_POLL], [1], [poller_poll.c is compiled])
POLLERS="$POLLERS poll"
AS_IF([test -n "$with_poller"], [
	AS_CASE([" $POLLERS "],
	    [*" $with_poller "*], [],
	    [AC_MSG_ERROR([no poller "$with_poller" here; there is:$POLLERS])])
	dw_others=
	for dw_p in $POLLERS; do
		test "$dw_p" = "$with_poller" || dw_others="$dw_others $dw_p"
	done
	POLLERS="$with_poller$dw_others"])
set -- $POLLERS
POLLERS="$[]*"
AC_DEFINE_UNQUOTED([DEFAULT_POLLER], ["$[]1"], [the default poller's name])
AC_SUBST([POLLERS])

COMPAT_OS_OBJS=
for dw_p in $POLLERS; do
	AS_VAR_APPEND([COMPAT_OS_OBJS], [" compat/poller_$dw_p.lo"])
done
AS_IF([test -n "$LIBKQUEUE_LIBS"],
    [AS_VAR_APPEND([COMPAT_OS_OBJS], [" compat/libkqueue.lo"])])
DW_OS_ANSWERS=
m4_foreach([dw_question], [[procfd], [proctab], [reaper], [cred], [closefds],
    [peer], [confine], [sigreset], [sender], [listening], [usage],
    [oom]], [
AC_MSG_CHECKING([which dw_question to use])
AC_MSG_RESULT([$dw_[]dw_question])
AS_VAR_APPEND([COMPAT_OS_OBJS],
    [" compat/dw_question[]_$dw_[]dw_question.lo"])
AS_VAR_APPEND([DW_OS_ANSWERS], ["dw_question[]_$dw_[]dw_question "])
])
AS_CASE([$host_os],
    [linux*], [
	AS_VAR_APPEND([COMPAT_OS_OBJS], [" compat/procfs_linux.lo"])],
    [freebsd*|netbsd*], [
	AS_VAR_APPEND([COMPAT_OS_OBJS], [" compat/sysctl_bsd.lo"])])
AS_VAR_IF([dw_reaper], [freebsd], [],
    [AS_VAR_APPEND([COMPAT_OS_OBJS], [" compat/reaper_tree.lo"])])
AC_SUBST([COMPAT_OS_OBJS])
])
