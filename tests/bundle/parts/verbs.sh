# shellcheck shell=sh disable=SC2034,SC2154 # run.sh's variables
# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The daemonwatch authors
#
# start, stop, restart and status, as init scripts use them: exit statuses of
# the LSB and words; of a program on the library (echod), and of daemonwatch.

echod() {
	"$bin/echod" -p "$echod_port" -f "$d/e.pid" "$@"
}

echod_verbs() {
	echod_port=$("$helper" port)
	returns 2 echod
	says "usage: echod start|stop|restart|status"
	returns 2 echod begin
	returns 3 echod status
	says "echod: not running"
	returns 0 echod stop
	says "echod: not running"
	returns 0 echod start
	first=$(cat e.pid)
	expect "it serves when start returns" answers "$echod_port"
	returns 0 echod status
	says "echod: running, pid $first\$"
	returns 1 echod start
	says "echod: already running, pid $first\$"
	returns 0 echod restart
	second=$(cat e.pid)
	[ "$first" != "$second" ] || fail "restart did nothing"
	expect "the old one is gone" is_gone "$first"
	expect "the new one serves" answers "$echod_port"
	returns 0 echod stop
	expect "it is gone when stop returns" is_gone "$second"
	[ ! -e e.pid ] || fail "the pidfile is left"
	returns 3 echod status
	returns 0 echod restart
	says "not running"
	returns 0 echod stop
}

echod_killed() {
	echod_port=$("$helper" port)
	returns 0 echod start
	kill9 "$(cat e.pid)"
	returns 1 echod status
	says "echod: dead, but .*e.pid exists"
	returns 0 echod start
	returns 0 echod status
	kill9 "$(cat e.pid)"
	returns 0 echod stop
	says "not running"
	[ ! -e e.pid ] || fail "the stale pidfile is left"
	returns 3 echod status
}

echod_fails() {
	server other
	run_server other
	echod_port=$other_port
	returns 1 echod start
	says "port $echod_port: "
	# The launcher has told; the daemon may be about to end.
	await "its end" echod_has_status 3
	[ ! -e e.pid ] || fail "a pidfile is left"
	kill9 "$pid"
}

echod_has_status() {
	got=0
	echod status >/dev/null 2>&1 || got=$?
	[ $got -eq "$1" ]
}

echod_foreground() {
	echod_port=$("$helper" port)
	"$bin/echod" -p "$echod_port" -f "$d/e.pid" run &
	job=$!
	await "its port" answers "$echod_port"
	is_equal "$(cat e.pid)" "$job" "pid"
	kill -TERM $job
	got=0
	wait $job || got=$?
	is_equal $got 0 "exit status"
	[ ! -e e.pid ] || fail "the pidfile is left"
}

echod_stopped() {
	echod_port=$("$helper" port)
	returns 0 echod start
	first=$(cat e.pid)
	kill -STOP "$first"
	returns 0 echod stop
	expect "it is gone" is_gone "$first"
}

# By the system's own way of running daemons, where that is rc.subr(8).
echod_rc() {
	[ -r /etc/rc.subr ] || skip "no /etc/rc.subr here"
	echod_port=$("$helper" port)
	cat >"$d/rc" <<EOF
#!/bin/sh
. /etc/rc.subr
name=echod
rcvar=echod_enable
command=$bin/echod
pidfile=$d/e.pid
command_args=
start_cmd="$bin/echod -p $echod_port -f $d/e.pid start"
load_rc_config echod
run_rc_command "\$1"
EOF
	returns 1 sh "$d/rc" onestatus
	says "echod is not running"
	returns 0 sh "$d/rc" onestart
	first=$(cat e.pid)
	returns 0 sh "$d/rc" onestatus
	says "echod is running as pid $first"
	returns 0 sh "$d/rc" onerestart
	expect "the old one is gone" is_gone "$first"
	expect "it serves" answers "$echod_port"
	returns 0 sh "$d/rc" onestop
	returns 3 echod status
}

one_server() {
	server web
	configure <<EOF
service web { start = $(list web) }
EOF
}

watcher_verbs() {
	one_server
	returns 2 "$dw"
	says "usage"
	returns 2 "$dw" statsu
	says "status"
	returns 2 "$dw" status --no-such-option
	returns 3 watcher status
	says "not running"
	returns 0 watcher stop
	says "not running"
	returns 0 watcher start
	first=$(daemon_pid)
	await_serving web
	await_up web
	returns 0 watcher status
	says "^web  *up .* $pid "
	returns 1 watcher start
	says "already running, pid $first\$"
	returns 1 watcher run
	says "already running, pid $first\$"
	returns 0 watcher restart
	[ "$(daemon_pid)" != "$first" ] || fail "restart did nothing"
	expect "the old one is gone" is_gone "$first"
	await_up web
	is_equal "$(tally web)" 1 "starts of web over a restart"
	second=$(daemon_pid)
	returns 0 watcher stop
	expect "it is gone" is_gone "$second"
	expect "its service is gone" is_gone "$pid"
	is_equal "$(tally web term)" 1 "SIGTERMs to web"
	[ ! -e "$d/run/pid" ] || fail "the pidfile is left"
	returns 3 watcher status
}

watcher_killed() {
	one_server
	returns 0 watcher start
	await_serving web
	kill9 "$(daemon_pid)"
	returns 1 watcher status
	says "dead"
	returns 1 watcher status -j
	returns 0 watcher start
	returns 0 watcher status
	await_up web
	is_equal "$(tally web)" 1 "starts of web"
}

watcher_hung() {
	one_server
	watch
	await_serving web
	kill -STOP "$watcher_pid"
	got=0
	watcher status >o 2>e || got=$?
	kill -CONT "$watcher_pid"
	is_equal $got 4 "status of a hung one"
	[ -s e ] || fail "it says nothing"
}

service_verbs() {
	server web
	server other
	configure <<EOF
service web { start = $(list web) }
service other { start = $(list other) }
EOF
	watch
	await_serving web
	first=$pid
	returns 1 watcher stop nobody
	says "nobody"
	returns 0 watcher stop -w web
	expect "it is gone" is_gone "$first"
	returns 3 watcher status web
	says "^web  *stopped "
	returns 0 watcher status
	returns 0 watcher start -w web
	returns 0 watcher status web
	await_serving web 2
	returns 0 watcher restart -w web
	await_serving web 3
	is_equal "$(tally web)" 3 "starts of web"
	is_equal "$(tally other)" 1 "starts of other"
	returns 0 watcher stop -w '*'
	returns 3 watcher status other
}

# An operator's stop is for good, whatever else happens.
stopped_stays_stopped() {
	server web
	server other
	configure <<EOF
service web { start = $(list web) }
service other { start = $(list other) }
EOF
	returns 0 watcher start
	returns 0 watcher stop -w web
	kill9 "$(daemon_pid)"
	returns 0 watcher start
	await_up other
	expect "stopped" is_state web stopped
	returns 0 watcher restart
	await_up other
	expect "stopped" is_state web stopped
	is_equal "$(tally web) $(tally other)" "1 1" "starts"
}

in_json() {
	server web
	configure <<EOF
service web {
	start = $(list web)
	tcp port { address = 127.0.0.1:$web_port interval = 100ms }
}
EOF
	returns 3 watcher status -j
	says '"ok": *false'
	watch
	await_serving web
	await "the check's answer" check_is port ok
	returns 0 watcher status -j
	tr -d ' \n' <o >flat
	while read -r member; do
		grep -q -- "$member" flat || fail "no $member in $(cat flat)"
	done <<EOF
^{.*}\$
"version":1
"ok":true
"pid":$watcher_pid
"poller":"[a-z]*"
"services":\\[{
"name":"web"
"type":"child"
"state":"up"
"phase":"[a-z-]*"
"wanted":true
"since":"2[0-9]*-[0-9-]*T[0-9:.]*[-+Z]
"since_ms":[0-9]
"pids":\\[$pid\\]
"restarts":0
"cause":"
"checks":\\[{"name":"port"
"kind":"tcp"
"latency_ms":[0-9]
"failures":0
EOF
	# shellcheck disable=SC2086 # words
	set -- $pollers
	is_equal "$(sed 's/.*"poller":"\([a-z]*\)".*/\1/' flat)" "$1" \
	    "the default poller"
}

bad_configuration() {
	one_server
	returns 0 watcher check
	cat >>"$d/dw.conf" <<EOF
service web { start = "true" }
service bad {
	start = "true"
	intervall = 10s
	ready = nothing
}
EOF
	returns 1 watcher check
	says 'dw.conf:4:9: .*web'
	says 'dw.conf:7:2: .*intervall.*interval'
	says 'dw.conf:8:10: '
	returns 78 watcher start
	returns 3 watcher status
}

scenario "J2, echod start, status, restart, stop" echod_verbs
scenario "J2, echod killed: status 1, and a stale pidfile is no bar" \
    echod_killed
scenario "J2, echod that cannot serve says so" echod_fails
scenario "J2, echod in the foreground" echod_foreground
scenario "J2, echod stopped by SIGSTOP can be ended" echod_stopped
scenario "J2, echod under rc.subr" echod_rc
scenario "daemonwatch start, status, restart, stop" watcher_verbs
scenario "daemonwatch killed: status 1" watcher_killed
scenario "daemonwatch hung: status 4" watcher_hung
scenario "verbs for services" service_verbs
scenario "what an operator stopped stays stopped" stopped_stays_stopped
scenario "status -j" in_json
scenario "errors of the configuration" bad_configuration
