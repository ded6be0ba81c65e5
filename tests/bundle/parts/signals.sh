# shellcheck shell=sh disable=SC2034,SC2154 # run.sh's variables
# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The daemonwatch authors
#
# Signals to daemonwatch, and services that signals have stopped.

web() {
	server web "$@"
	configure <<EOF
service web { start = $(list web) $keys }
EOF
	watch
	await_serving web
	await_up web
}
keys=

# $1: the signal
ends_by() {
	web
	kill -"$1" "$watcher_pid"
	got=0
	wait "$watcher_pid" || got=$?
	is_equal $got 0 "exit status"
	is_gone "$pid" || fail "its service is left"
	returns 3 watcher status
	[ ! -e "$d/run/pid" ] || fail "the pidfile is left"
}

hup() {
	web
	mv dw.log dw.log.1
	kill -HUP "$watcher_pid"
	await "a new log" test -e dw.log
	kill9 "$pid"
	await_serving web 2
	await "its words in the new log" said "web: up -> "
	is_equal "$(tally web hup)" 0 "SIGHUPs to the service"
}

storm() {
	web
	n=1
	while [ $n -le 200 ]; do
		kill -HUP "$watcher_pid" || fail "it ended at $n"
		[ $((n % 50)) -ne 0 ] || kill -9 "$(pid_of web)"
		[ $((n % 50)) -ne 0 ] || await_serving web $((n / 50 + 1))
		n=$((n + 1))
	done
	await_up web
	is_equal "$(tally web)" 5 "starts"
	kill -TERM "$watcher_pid"
	got=0
	wait "$watcher_pid" || got=$?
	is_equal $got 0 "exit status"
}

second_term() {
	keys='stop-timeout = 100s'
	web -I
	may_leave
	kill -TERM "$watcher_pid"
	await_state web stopping
	kill -TERM "$watcher_pid"
	got=0
	wait "$watcher_pid" || got=$?
	is_equal $got 0 "exit status"
	expect "the service is left as it is" is_alive "$pid"
}

stopped_service() {
	keys='stop-timeout = 300ms'
	web
	kill -STOP "$pid"
	returns 0 watcher stop -w web
	is_gone "$pid" || fail "it is left"
}

# What dies while daemonwatch cannot run is found when it can.
stopped_watcher() {
	web
	kill -STOP "$watcher_pid"
	kill -9 "$pid"
	kill -CONT "$watcher_pid"
	await_serving web 2
	await_up web
	is_equal "$(column web 5)" 1 restarts
}

for signal in TERM INT; do
	scenario "SIG$signal ends it in order" ends_by $signal
done
scenario "SIGHUP opens the log again" hup
scenario "two hundred SIGHUPs, and deaths among them" storm
scenario "a second SIGTERM ends it at once" second_term
scenario "a service stopped by SIGSTOP can be ended" stopped_service
scenario "a death while daemonwatch is stopped" stopped_watcher
