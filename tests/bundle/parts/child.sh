# shellcheck shell=sh disable=SC2034,SC2154 # run.sh's variables
# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The daemonwatch authors
#
# Services that daemonwatch runs in the foreground, as its children.

# The others: lines of the service
web() {
	configure <<EOF
service web {
	start = $(list web)
	$*
}
EOF
}

# $1: a poller; the default is what the other scenarios use.
killed() {
	DAEMONWATCH_POLLER=$1
	export DAEMONWATCH_POLLER
	server web
	web
	watch
	expect "it is the poller" grep -q "\"poller\": *\"$1\"" <<EOF
$(watcher status -j)
EOF
	await_serving web
	await_up web
	first=$pid
	# shellcheck disable=SC2046 # three words
	set -- $("$helper" ids "$first")
	is_equal "$1" "$watcher_pid" "its parent"
	kill9 "$first"
	await_serving web 2
	await_up web
	is_equal "$(column web 5)" 1 "restarts"
	expect "the cause is told" said "web: up -> .*killed by signal 9"
	kill -TERM "$watcher_pid"
	got=0
	wait "$watcher_pid" || got=$?
	is_equal $got 0 "exit status"
	is_gone "$pid" || fail "the service is left"
	is_equal "$(tally web term)" 1 "SIGTERMs"
}

exits() {
	for status in 0 1 3; do
		server "s$status" -n 1 -x $status
	done
	configure <<EOF
service s0 { start = $(list s0) }
service s1 { start = $(list s1) }
service s3 { start = $(list s3) }
EOF
	watch
	for status in 0 1 3; do
		await_serving "s$status"
		eval "answers \$s${status}_port" || fail "no answer"
		await_serving "s$status" 2
		await_up "s$status"
		expect "told" said "s$status: up -> .*exit.*$status"
	done
}

many_kills() {
	server web
	web "backoff = 0s..0s"
	watch
	n=1
	while [ $n -le 50 ]; do
		await "start $n" happened web start $n
		kill9 "$(pid_of web $n)"
		n=$((n + 1))
	done
	await_serving web 51
	await_up web
	is_equal "$(column web 5)" 50 "restarts"
	is_equal "$(tally web)" 51 "starts"
}

twenty_at_once() {
	: >all
	for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
		server "s$i" -p 0 -m refuses
		echo "service s$i { start = $(list "s$i") }" >>all
	done
	configure <all
	watch
	pids=
	for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
		await_serving "s$i"
		pids="$pids $pid"
	done
	# shellcheck disable=SC2086 # words
	kill -9 $pids
	for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
		await_serving "s$i" 2
		is_equal "$(tally "s$i")" 2 "starts of s$i"
	done
	returns 0 watcher status 's*'
}

# The nanoseconds between two starts, in milliseconds
gap() {
	awk -v n="$1" '$1 == "start" {
		if (++i == n + 1) {
			printf "%d\n", ($3 - last) / 1000000
			exit
		}
		last = $3
	}' web.log
}

crash_loop() {
	server web -t 0 -x 1
	web "backoff = 100ms..400ms"
	watch
	await "six starts" happened web start 6
	[ "$(gap 2)" -ge 90 ] || fail "second delay: $(gap 2)"
	[ "$(gap 3)" -ge 180 ] || fail "third delay: $(gap 3)"
	[ "$(gap 4)" -ge 360 ] || fail "fourth delay: $(gap 4)"
	[ "$(gap 5)" -ge 360 ] || fail "fifth delay: $(gap 5)"
}

gives_up() {
	server web -t 0 -x 1
	web "backoff = 1ms..2ms give-up = 3 in 10m"
	watch
	await_state web failed
	is_equal "$(tally web)" 4 "starts"
	returns 3 watcher status web
	returns 0 watcher status
}

will_not_end() {
	server web -I
	web "stop-timeout = 300ms"
	watch
	await_serving web
	returns 0 watcher stop -w web
	is_gone "$pid" || fail "it is left"
	is_equal "$(tally web term)" 1 "SIGTERMs"
	is_equal "$(tally web)" 1 "starts"
}

surroundings() {
	mkdir home
	configure <<EOF
service teller {
	start = {"$helper", "facts", "$d/facts"}
	cwd = "$d/home"
	umask = 027
	log = "$d/teller.out"
}
EOF
	watch
	await "its facts" test -s facts
	is_equal "$(fact facts cwd)" "$d/home" "directory"
	is_equal "$(fact facts umask)" 027 "umask"
	is_equal "$(fact facts fds)" "0 1 2" "descriptors"
	is_equal "$(fact facts null)" 0 "descriptors on /dev/null"
	is_equal "$(fact facts tty)" no "terminal"
}

as_nobody() {
	needs_root "change its user"
	mkdir open
	chmod 777 open
	configure <<EOF
service teller {
	start = {"$helper", "facts", "$d/open/facts"}
	user = nobody
}
EOF
	watch
	await "its facts" test -s open/facts
	is_equal "$(fact open/facts uid)" "$(id -u nobody)" "user"
	is_equal "$(fact open/facts gid)" "$(id -g nobody)" "group"
}

for poller in $pollers; do
	scenario "killed, noticed and started again ($poller)" killed "$poller"
done
scenario "ended by itself, whatever its status" exits
scenario "fifty kills are fifty starts" many_kills
scenario "twenty die at once, twenty come back" twenty_at_once
scenario "a crash loop is slowed down" crash_loop
scenario "give-up" gives_up
scenario "SIGTERM ignored: SIGKILL after stop-timeout" will_not_end
scenario "directory, umask and log of a service" surroundings
scenario "user of a service" as_nobody
