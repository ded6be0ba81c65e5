# shellcheck shell=sh disable=SC2034,SC2154 # run.sh's variables
# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The daemonwatch authors
#
# Pidfiles: races for them, stale ones, and those that lie.

echod() {
	"$bin/echod" -p "$echod_port" -f "$d/e.pid" "$@"
}

# $1: a command with a verb, eight tally at once.  Exactly one may win.
race() {
	for i in 1 2 3 4 5 6 7 8; do
		(
			got=0
			"$@" >"$d/said.$i" 2>&1 || got=$?
			echo $got >"$d/rc.$i"
		) &
	done
	wait
	winners=0
	for i in 1 2 3 4 5 6 7 8; do
		case $(cat "$d/rc.$i") in
		0) winners=$((winners + 1)) ;;
		1)
			grep -q "already running" "$d/said.$i" ||
			    fail "loser $i: $(cat "$d/said.$i")"
			;;
		*) fail "starter $i: $(cat "$d/rc.$i" "$d/said.$i")" ;;
		esac
	done
	is_equal $winners 1 "number of winners"
}

echod_race() {
	echod_port=$("$helper" port)
	for round in 1 2 3 4; do
		race echod start
		returns 0 echod status
		echod_pid=$(cat e.pid)
		says "pid $echod_pid\$"
		if [ $((round % 2)) -eq 0 ]; then
			returns 0 echod stop
		else
			# The next round finds a stale one.
			kill9 "$echod_pid"
		fi
	done
	returns 3 echod status
}

watcher_race() {
	server web
	configure <<EOF
service web { start = $(list web) }
EOF
	for round in 1 2; do
		race watcher start
		await_serving web
		await_up web
		is_equal "$(tally web)" 1 "starts of web"
		[ $round -eq 2 ] || kill9 "$(daemon_pid)"
	done
	returns 0 watcher stop
}

# Starts, stops and restarts at once: whatever comes of it is in order.
storm() {
	echod_port=$("$helper" port)
	for verb in start stop restart start stop restart start stop; do
		echod $verb >/dev/null 2>&1 &
	done
	wait
	got=0
	echod status >o 2>e || got=$?
	case $got in
	0) expect "it serves" answers "$echod_port" ;;
	3) [ ! -e e.pid ] || fail "not running, with a pidfile" ;;
	*) fail "status $got after the storm: $(cat o e)" ;;
	esac
	returns 0 echod stop
	returns 0 echod start
	returns 0 echod stop
}

bystander() {
	server other -p 0 -m refuses
	run_server other
	bystander=$pid
}

is_unhurt() {
	expect "the bystander lives" is_alive "$bystander"
	is_equal "$(tally other term)$(tally other hup)$(tally other int)" 000 \
	    "signals to the bystander"
	kill9 "$bystander"
}

# A pid that was somebody's, and is nobody's now
dead_pid() {
	sh -c 'echo $$'
}

stale_ones() {
	bystander
	echod_port=$("$helper" port)
	server web
	configure <<EOF
service web { start = $(list web) }
EOF
	for content in '' junk -1 0 99999999999999999999 "$(dead_pid)" \
	    "$bystander"; do
		echo "content: $content"
		for verb in stop status start; do
			echo "$content" >e.pid
			case $verb in
			stop) returns 0 echod stop && says "not running" ;;
			status)
				got=0
				echod status >/dev/null 2>&1 || got=$?
				case $got in
				1 | 3 | 4) ;;
				*) fail "status $got" ;;
				esac
				;;
			start)
				returns 0 echod start
				returns 0 echod stop
				;;
			esac
		done
		echo "$content" >"$d/run/pid"
		returns 0 watcher stop
		says "not running"
		echo "$content" >"$d/run/pid"
		returns 0 watcher start
		returns 0 watcher stop
	done
	is_unhurt
}

no_files() {
	echod_port=$("$helper" port)
	mkdir e.pid
	returns 1 echod start
	says e.pid
	rmdir e.pid
	mkfifo e.pid
	returns 1 echod start
	says e.pid
	rm e.pid
	echo precious >victim
	ln -s "$d/victim" e.pid
	returns 1 echod start
	says e.pid
	is_equal "$(cat victim)" precious "what the link names"
	rm e.pid
	returns 3 echod status
}

locked() {
	echod_port=$("$helper" port)
	returns 0 echod start
	returns 1 "$helper" unlocked e.pid
	kill9 "$(cat e.pid)"
	returns 0 "$helper" unlocked e.pid
	# Services have no part in the lock.
	server web
	configure <<EOF
service web { start = $(list web) }
EOF
	returns 0 watcher start
	await_serving web
	returns 1 "$helper" unlocked "$d/run/pid"
	kill9 "$(daemon_pid)"
	expect "the service lives" is_alive "$pid"
	returns 0 "$helper" unlocked "$d/run/pid"
	returns 0 watcher start
	await_up web
}

detached() {
	server web -d -P "$d/web.pid"
	configure <<EOF
service web {
	type = detached
	pidfile = "$d/web.pid"
	start = $(list web)
	on-exit = stop
	backoff = 50ms..100ms
	start-timeout = ${1:-30s}
}
EOF
}

# A service's pidfile: the process must be older than the file.
service_pidfiles() {
	bystander
	detached
	n=0
	for content in '' junk -1 1 '1 2 3' 99999999999999999999 \
	    "$(dead_pid)" "$bystander"; do
		echo "content: $content"
		n=$((n + 1))
		echo "$content" >web.pid
		touch -t 200001010000 web.pid
		watch
		await_serving web $n
		await_up web
		is_equal "$(tally web)" $n "starts"
		returns 0 watcher stop
		wait "$watcher_pid"
		is_gone "$pid" || fail "$pid was left"
	done
	is_unhurt
}

strangers_pidfile() {
	needs_root "give files away"
	bystander
	detached 500ms
	# The server writes another one; this one is a local user's lie.
	sed "s,$d/web.pid\",$d/web.pid2\"," dw.conf >dw.conf.new
	sed "s,pidfile = .*,pidfile = \"$d/web.pid\"," dw.conf.new >dw.conf
	may_leave
	echo "$bystander" >web.pid
	chown nobody web.pid
	watch
	await "two starts" happened web start 2
	[ "$(column web 4)" != "$bystander" ] || fail "it was believed"
	returns 0 watcher stop web
	is_unhurt
}

scenario "eight starts at once, one daemon" echod_race
scenario "eight daemonwatches at once, one starts" watcher_race
scenario "start, stop and restart at once" storm
scenario "stale pidfiles" stale_ones
scenario "directory, FIFO, symbolic link" no_files
scenario "the lock ends with its owner" locked
scenario "pidfiles of services that lie" service_pidfiles
scenario "a pidfile that a stranger wrote" strangers_pidfile
