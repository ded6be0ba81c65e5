# shellcheck shell=sh disable=SC2034,SC2154 # run.sh's variables
# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The daemonwatch authors
#
# Becoming a daemon by the book (APUE 13.3), and that those who started it are
# told how it went.

# The seven steps, from a terminal and with what a daemon should not keep.
by_the_book() {
	mkdir odd
	cd odd || fail odd
	umask 077
	"$helper" terminal "$helper" facts -1 "$d/before" \
	    5</dev/null 7>"$d/held" || fail "a terminal"
	"$helper" terminal "$helper" daemon "$d/after" \
	    5</dev/null 7>"$d/held" || fail "the launcher"
	before=$d/before after=$d/after
	# What there was to get rid of.
	is_equal "$(fact "$before" umask)" 077 "umask before"
	is_equal "$(fact "$before" tty)" yes "terminal before"
	is_equal "$(fact "$before" cwd)" "$d/odd" "directory before"
	for fd in 5 7; do
		case " $(fact "$before" fds) " in
		*" $fd "*) ;;
		*) fail "descriptors before: $(fact "$before" fds)" ;;
		esac
	done
	await "the daemon" test -s "$after"
	daemon=$(fact "$after" pid)
	is_equal "$(fact "$after" umask)" 000 "umask"
	is_equal "$(fact "$after" tty)" no "controlling terminal"
	is_equal "$(fact "$after" cwd)" / "directory"
	is_equal "$(fact "$after" fds)" "0 1 2" "descriptors"
	is_equal "$(fact "$after" null)" "0 1 2" "descriptors on /dev/null"
	[ "$(fact "$after" sid)" != "$daemon" ] || fail "it leads a session"
	[ "$(fact "$after" sid)" != "$(fact "$before" sid)" ] ||
	    fail "it is in the old session"
	[ "$(fact "$after" pgid)" = "$(fact "$after" sid)" ] ||
	    fail "process group and session differ"
	# Its terminal has hung up, and it lives.
	expect "it lives" is_alive "$daemon"
	kill9 "$daemon"
}

# The launcher, at a gate: sets daemon.  The file returned has its exit status at its end.
at_the_gate() {
	mkfifo gate
	(
		"$helper" daemon -g "$d/gate" "$d/after" >launcher 2>&1
		echo $? >returned
	) &
	await "the daemon at the gate" test -s gate.at
	daemon=$(cat gate.at)
}

waits_until_ready() {
	at_the_gate
	for look in 1 2 3 4 5 6 7 8 9 10; do
		"$helper" nap 10
		[ ! -e returned ] || fail "returned before it was ready, look $look"
	done
	echo >gate
	await "the launcher's end" test -s returned
	is_equal "$(cat returned)" 0 "launcher's exit status"
	await "the daemon" test -s after
	kill9 "$daemon"
}

dies_before_ready() {
	at_the_gate
	kill9 "$daemon"
	await "the launcher's end" test -s returned
	is_equal "$(cat returned)" 1 "launcher's exit status"
	[ -s launcher ] || fail "the launcher says nothing"
}

fails_before_ready() {
	returns 7 "$helper" daemon -x 7 "$d/after"
	says "cannot serve: out of order"
	[ ! -s "$d/o" ] || fail "an error on the standard output"
}

one_server() {
	server web
	configure <<EOF
service web { start = $(list web) }
EOF
}

watcher_from_terminal() {
	one_server
	umask 077
	"$helper" terminal "$dw" start -f "$d/dw.conf" || fail "start"
	umask 022
	daemon=$(daemon_pid)
	# shellcheck disable=SC2046 # three words
	set -- $("$helper" ids "$daemon")
	[ "$3" != "$daemon" ] || fail "it leads a session"
	# shellcheck disable=SC2046
	set -- "$3" $("$helper" ids $$)
	[ "$1" != "$4" ] || fail "it is in our session"
	await_serving web
	kill9 "$pid"
	await_serving web 2
	await_up web
	is_equal "$(daemon_pid)" "$daemon" "pid"
}

# $1: how it is started; a service gets nothing of a poor inheritance.
inherits_poorly() {
	server web
	configure <<EOF
service web { start = $(list web) }
service teller { start = {"$helper", "facts", "$d/facts"} }
EOF
	mkdir -p "$d/run"
	case $1 in
	start) "$helper" poor "$dw" start -f "$d/dw.conf" || fail start ;;
	run) "$helper" poor "$dw" run -f "$d/dw.conf" >/dev/null 2>&1 & ;;
	closed) "$dw" start -f "$d/dw.conf" <&- >&- 2>&- || fail start ;;
	esac
	await_serving web
	await_up web
	await "the service's facts" test -s facts
	is_equal "$(fact facts fds)" "0 1 2" "a service's descriptors"
	is_equal "$(fact facts ignored)" "" "what a service ignores"
	is_equal "$(fact facts blocked)" "" "what a service blocks"
	is_equal "$(fact facts umask)" 022 "a service's umask"
	is_equal "$(fact facts cwd)" / "a service's directory"
	is_equal "$(fact facts pgid)" "$(fact facts pid)" "its process group"
	is_equal "$(fact facts service)" teller "DAEMONWATCH_SERVICE"
	case "$(fact facts null) " in
	'0 '*) ;;
	*) fail "a service's standard input is not /dev/null" ;;
	esac
	kill9 "$pid"
	await_serving web 2
	await_up web
	# Signals that were ignored or blocked are heard.
	daemon=$(daemon_pid)
	kill -TERM "$daemon"
	expect "SIGTERM ends it" "$helper" gone "$daemon" $((10000 * slow))
	is_gone "$pid" || fail "its service was left"
}

start_tells_errors() {
	one_server
	rmdir "$d/run"
	echo "a file" >"$d/run"
	got=0
	watcher start >o 2>e || got=$?
	rm -f "$d/run"
	case $got in
	0 | 2) fail "exit status $got" ;;
	esac
	says "$d/run"
	mkdir "$d/run"
	echo 'service { }' >>"$d/dw.conf"
	returns 78 watcher start
	says "dw.conf:4:9: "
	returns 3 watcher status
}

keeps_no_pipe() {
	one_server
	(
		watcher start 2>&1 | cat
		: >returned
	) &
	await "the end of the pipe" test -e returned
	expect "it runs" has_status 0
	await_serving web
}

scenario "J1, the seven steps, from a terminal" by_the_book
scenario "J1, the parent returns when the daemon is ready" waits_until_ready
scenario "J1, a daemon that dies before it is ready" dies_before_ready
scenario "J1, a daemon's error and exit status are its launcher's" \
    fails_before_ready
scenario "daemonwatch start outlives its terminal" watcher_from_terminal
for how in start run closed; do
	scenario "a poor inheritance is not handed on ($how)" \
	    inherits_poorly $how
done
scenario "daemonwatch start tells what went wrong" start_tells_errors
scenario "daemonwatch start | cat ends" keeps_no_pipe
