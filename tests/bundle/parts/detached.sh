# shellcheck shell=sh disable=SC2034,SC2154 # run.sh's variables
# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The daemonwatch authors
#
# Processes that are not daemonwatch's children: found by pidfile or by
# pattern, their death told by the kernel; and services whose daemonwatch died.

by_pidfile() {
	server web -d -P "$d/web.pid" "$@"
	configure <<EOF
service web {
	type = detached
	pidfile = "$d/web.pid"
	start = $(list web)
	interval = 60s
	on-exit = stop
	backoff = 1ms..100ms
	stop-timeout = 500ms
}
EOF
}

by_match() {
	server web "$@"
	behind web
	configure <<EOF
service web {
	type = detached
	match = '-l $d/web.log '
	start = "$d/web.sh"
	interval = 60s
	on-exit = stop
	backoff = 1ms..100ms
	stop-timeout = 500ms
}
EOF
}

# Nobody looks within a minute: the kernel has told.
foreign_death() {
	"$1"
	watch
	for n in 1 2 3; do
		await_serving web $n
		await_up web
		kill9 "$pid"
	done
	await_serving web 4
	await_up web
	is_equal "$(column web 5)" 3 "restarts"
	kill -TERM "$watcher_pid"
	wait "$watcher_pid"
	is_gone "$pid" || fail "it is left"
	is_equal "$(tally web term)" 1 "SIGTERMs"
}

found_running() {
	"$1"
	if [ -e web.sh ]; then
		./web.sh
		await_serving web
	else
		run_server web
	fi
	# shellcheck disable=SC2046 # three words
	set -- $("$helper" ids "$pid")
	is_equal "$1" "$BUNDLE_SESSION" "its parent"
	watch
	await_up web
	is_equal "$(tally web)" 1 "starts"
	kill9 "$pid"
	await_serving web 2
	await_up web
}

operated() {
	"$1"
	watch
	await_serving web
	first=$pid
	returns 0 watcher stop -w web
	is_gone "$first" || fail "it is left"
	returns 0 watcher start -w web
	await_serving web 2
	returns 0 watcher restart -w web
	await_serving web 3
	is_gone "$(pid_of web 2)" || fail "the second is left"
	is_equal "$(tally web)" 3 "starts"
}

will_not_end() {
	"$1" -I
	watch
	await_serving web
	await_up web
	returns 0 watcher stop -w web
	is_gone "$pid" || fail "it is left"
	is_equal "$(tally web term)" 1 "SIGTERMs"
}

three_of_them() {
	server web -p 0 -m refuses
	{
		echo '#!/bin/sh'
		for i in 1 2 3; do
			echo "$(words web) >/dev/null 2>&1 </dev/null & # $i"
		done
	} >web.sh
	chmod +x web.sh
	configure <<EOF
service web {
	type = detached
	match = '-l $d/web.log '
	count = 3
	start = "$d/web.sh"
	interval = 100ms
	on-exit = stop
	backoff = 50ms..100ms
}
EOF
	watch
	await "three" happened web start 3
	await_state web up
	expect "three processes" grep -q '+2$' <<EOF
$(column web 4)
EOF
	kill9 "$(pid_of web 1)"
	await "three anew" happened web start 6
	await_state web up
	for i in 1 2 3; do
		is_gone "$(pid_of web $i)" || fail "old one $i is left"
	done
}

trio() {
	server child
	server byfile -d -P "$d/byfile.pid"
	server bymatch
	behind bymatch
	configure <<EOF
service child { start = $(list child) }
service byfile {
	type = detached
	pidfile = "$d/byfile.pid"
	start = $(list byfile)
	on-exit = stop
}
service bymatch {
	type = detached
	match = '-l $d/bymatch.log '
	start = "$d/bymatch.sh"
	on-exit = stop
}
EOF
	watch
	for name in child byfile bymatch; do
		await_serving $name
	done
	await_up child byfile bymatch
}

# kill -9 of daemonwatch: nothing of it is felt by the services.
adopted() {
	trio
	for round in 1 2 3; do
		kill -9 "$watcher_pid"
		wait "$watcher_pid"
		for name in child byfile bymatch; do
			expect "$name lives" is_alive "$(pid_of $name)"
		done
		returns 1 watcher status
		watch
		await_up child byfile bymatch
	done
	is_equal "$(tally child) $(tally byfile) $(tally bymatch)" "1 1 1" \
	    "starts over $round kills"
	# And they are watched as before, each its pid.
	for name in child byfile bymatch; do
		kill9 "$(pid_of $name)"
		await_serving $name 2
	done
	await_up child byfile bymatch
	kill -TERM "$watcher_pid"
	wait "$watcher_pid"
	for name in child byfile bymatch; do
		is_gone "$(pid_of $name)" || fail "$name is left"
		is_equal "$(tally $name) $(tally $name term)" "2 1" \
		    "starts and stops of $name"
	done
}

died_meanwhile() {
	trio
	kill -9 "$watcher_pid"
	wait "$watcher_pid"
	for name in child byfile bymatch; do
		kill9 "$(pid_of $name)"
	done
	watch
	for name in child byfile bymatch; do
		await_serving $name 2
	done
	await_up child byfile bymatch
}

kept() {
	trio
	returns 0 watcher stop --keep
	wait "$watcher_pid"
	for name in child byfile bymatch; do
		expect "$name lives" is_alive "$(pid_of $name)"
	done
	watch
	await_up child byfile bymatch
	is_equal "$(tally child) $(tally byfile) $(tally bymatch)" "1 1 1" starts
}

for way in by_pidfile by_match; do
	scenario "killed, noticed and started again, $way" foreign_death $way
	scenario "found running, watched like one's own, $way" \
	    found_running $way
	scenario "stop, start, restart, $way" operated $way
	scenario "SIGTERM ignored: SIGKILL after stop-timeout, $way" \
	    will_not_end $way
done
scenario "three processes, count = 3" three_of_them
scenario "daemonwatch killed: services run on and are taken over" adopted
scenario "daemonwatch killed: what died meanwhile is started" died_meanwhile
scenario "stop --keep leaves all, the next takes over" kept
