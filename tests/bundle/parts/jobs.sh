# shellcheck shell=sh disable=SC2034,SC2154 # run.sh's variables
# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The daemonwatch authors
#
# The two jobs that daemonwatch was made for, as their scripts did them.
#
# J3: every 30 s count the processes that match and try a TCP connect, for a
# second; run startServer.sh, which backgrounds a server, only when the count
# is 0 AND the port is dead; stop also runs stopServer.sh.
# J4: every 2 s; when the count is not exactly 1 AND the port is dead, delete
# a directory of stale data, then start the server.

# The samples' server, its scripts, its data.
esb() {
	home=$d/primeton/esb
	data=$home/server/EOS/_srv/work/mq_data/localhost/kr-store/data
	mkdir -p "$home/server/bin"
	java=$home/server/bin/java
	cp "$bin/fakeserver" "$java"
	program=$java
	server esb
	program=$bin/fakeserver
	cat >"$home/startServer.sh" <<EOF
#!/bin/sh
if [ -e $data ]; then echo stale; else echo clean; fi >>$d/data
mkdir -p $data
echo rest >$data/journal
nohup $(words esb) >/dev/null 2>&1 </dev/null &
EOF
	cat >"$home/stopServer.sh" <<EOF
#!/bin/sh
echo stop >>$d/stops
kill \$(sed -n 's/^start \\([0-9]*\\) .*/\\1/p' $d/esb.log | tail -n 1)
EOF
	chmod +x "$home/startServer.sh" "$home/stopServer.sh"
}

# The samples' rule.  As in the samples, but for other runs beside us, the
# pattern is 'primeton.*server'.  The others: lines of the service.
rule() {
	cat <<EOF
service esb {
	type = detached
	match = '$d/.*primeton.*server'
	start = "$home/startServer.sh"
	stop = "$home/stopServer.sh"
	restart-when = not process and not port
	on-exit = stop
EOF
	printf '\t%s\n' "$@"
	echo '}'
}

j3() {
	esb
	rule 'interval = 30s' \
	    "tcp port { address = 127.0.0.1:$esb_port timeout = 1s }" |
	    configure
}

j4() {
	esb
	rule 'interval = 2s' 'count = 1' \
	    "before-start = {\"rm\", \"-rf\", \"$data\"}" \
	    "tcp port { address = 127.0.0.1:$esb_port timeout = 1s }" |
	    configure
}

# The same in a hurry, with a witness whose check tells that a round is over.
# The others: lines of the service.
hurried() {
	esb
	server witness
	{
		rule 'interval = 100ms' "start-timeout = $((300 * slow))ms" \
		    "tcp port { address = 127.0.0.1:$esb_port }" "$@"
		echo "service witness { start = $(list witness) ready = port"
		echo "tcp port { address = 127.0.0.1:$witness_port"
		echo "interval = 100ms } }"
	} | configure
}

rounds() {
	n=$(($(tally witness conn) + 5))
	await "five more rounds" happened witness conn $n
}

# How often startServer.sh ran
starts() {
	if [ -f "$d/data" ]; then
		grep -c . "$d/data"
	else
		echo 0
	fi
}

# J3's sample is a daemon itself: started, killed under it, stopped.
j3_as_a_daemon() {
	j3
	returns 0 watcher start
	await_serving esb
	await_up esb
	is_equal "$(starts)" 1 "starts"
	# That it is back in 10 s shows that nobody waited for the round of 30.
	for signal in KILL TERM; do
		n=$(starts)
		kill -$signal "$pid"
		await_serving esb $((n + 1))
		await_up esb
		is_equal "$(starts)" $((n + 1)) "starts"
	done
	returns 0 watcher stop
	is_equal "$(cat stops)" stop "stopServer.sh"
	is_gone "$pid" || fail "the server is left"
	answers "$esb_port" && fail "the port is left"
	returns 3 watcher status
	# Each step is in the log, with its time.
	expect "its start is logged" said "^2.* esb: .* -> up"
	expect "its stop is logged" said "^2.* esb: .* -> stopping"
	grep -v '^2[0-9][0-9][0-9]-' "$d/dw.log" && fail "a line without a time"
	return 0
}

# The same without a file, in the foreground.
j3_without_a_file() {
	j3
	"$dw" watch --match "$d/.*primeton.*server" --count 1 \
	    --tcp "127.0.0.1:$esb_port" --timeout 1s --every 30s \
	    --restart-when 'not process and not port' --on-exit stop \
	    --start "$home/startServer.sh" --stop "$home/stopServer.sh" \
	    >"$d/dw.err" 2>&1 &
	watcher_pid=$!
	await_serving esb
	await "the server up" grep -q -- '-> up' "$d/dw.err"
	kill9 "$pid"
	await_serving esb 2
	await "the server up again" two_ups
	kill -INT $watcher_pid
	got=0
	wait $watcher_pid || got=$?
	is_equal $got 0 "exit status"
	is_equal "$(cat stops)" stop "stopServer.sh"
	is_gone "$pid" || fail "the server is left"
}

two_ups() {
	[ "$(grep -c -- '-> up' "$d/dw.err")" -ge 2 ]
}

running_is_left_alone() {
	hurried
	"$home/startServer.sh"
	await_serving esb
	watch
	await_up esb
	rounds
	is_equal "$(starts)" 1 "starts"
	is_equal "$(column esb 5)" 0 "restarts"
}

# First one of both goes, then the other.
process_without_port() {
	hurried
	watch
	await_serving esb
	await_up esb witness
	set_mode esb refuses
	await "the dead port noticed" check_is port failed
	rounds
	expect "the process lives" is_alive "$pid"
	is_equal "$(starts)" 1 "starts"
	kill9 "$pid"
	await_serving esb 2
	await_up esb
	is_equal "$(starts)" 2 "starts"
}

# A process by the pattern that has no port
portless() {
	program=$java
	server "$1" -p 0 -m refuses
	run_server "$1"
	program=$bin/fakeserver
}

# The port, without a process by the pattern
hold_port() {
	server holder -p "$esb_port"
	run_server holder
}

port_without_process() {
	hurried
	portless idle
	other=$pid
	hold_port
	watch
	await_up witness
	await_state esb up
	kill9 "$other"
	rounds
	is_equal "$(starts)" 0 "starts"
	is_equal "$(column esb 4)" - "pid"
	kill9 "$(pid_of holder)"
	await_serving esb
	await_up esb
	is_equal "$(starts)" 1 "starts"
}

# $1: job, $2: so many processes, $3: the port lives (1) or not (0)
decides() {
	if [ "$1" = J4 ]; then
		hurried 'count = 1' 'stop-timeout = 500ms'
	else
		hurried
	fi
	[ "$3" = 0 ] || hold_port
	n=0
	while [ $n -lt "$2" ]; do
		n=$((n + 1))
		portless "found$n"
	done
	# What stopServer.sh does not reach is stopped by signal.
	may_leave
	watch
	await_up witness
	case $1:$2:$3 in
	J3:0:0 | J4:0:0 | J4:2:0)
		await_serving esb
		await_up esb
		is_equal "$(starts)" 1 "starts"
		;;
	*)
		if [ "$3" = 0 ]; then
			await "the dead port noticed" check_is port failed
		fi
		rounds
		is_equal "$(starts)" 0 "starts"
		;;
	esac
}

# J4 word for word: the data are gone before each start, every 2 s a look.
j4_as_a_daemon() {
	j4
	mkdir -p "$data"
	echo stale >"$data/journal"
	returns 0 watcher start
	for n in 1 2 3; do
		await_serving esb $n
		await_up esb
		# startServer.sh looked for the data, then made them anew.
		is_equal "$(sort -u data)" clean "the data before the start"
		is_equal "$(starts)" $n "starts"
		is_equal "$(cat "$data/journal")" rest "the data"
		kill9 "$pid"
	done
	await_serving esb 4
	await_up esb
	# A second one by the pattern: two are not one, but the port lives.
	asked=$(tally esb conn)
	portless second
	await "the next look of 2 s" happened esb conn $((asked + 2))
	is_equal "$(starts)" 4 "starts"
	expect "its data were not touched" test -e "$data/journal"
	returns 0 watcher stop
}

live_data_are_kept() {
	data=$d/primeton/esb/server/EOS/_srv/work/mq_data/localhost/kr-store/data
	hurried 'count = 1' "before-start = {\"rm\", \"-rf\", \"$data\"}"
	"$home/startServer.sh"
	await_serving esb
	echo live >"$data/journal"
	watch
	await_up esb
	rounds
	is_equal "$(cat "$data/journal")" live "the data"
}

# The pattern also fits daemonwatch's command line and the start script's.
counts_not_itself() {
	hurried 'count = 1'
	mkfifo gate
	cat >"$d/primeton-server.sh" <<EOF
#!/bin/sh
read line <$d/gate
exec $home/startServer.sh
EOF
	chmod +x primeton-server.sh
	sed "s,start = .*startServer.sh\",start = \"exec $d/primeton-server.sh\",
	    s/start-timeout = .*/start-timeout = 20s/" \
	    dw.conf >"primeton-server.conf"
	"$dw" run -f "$d/primeton-server.conf" >"$d/dw.err" 2>&1 &
	watcher_pid=$!
	await_state esb starting
	await_state witness up
	rounds
	is_equal "$(column esb 4)" - "pid"
	echo >gate
	await_serving esb
	await_up esb
	rounds
	is_equal "$(starts)" 1 "starts"
	kill -TERM $watcher_pid
	wait $watcher_pid
}

scenario "J3 word for word, as a daemon" j3_as_a_daemon
scenario "J3 word for word, by daemonwatch watch" j3_without_a_file
scenario "J3, a running server is left alone" running_is_left_alone
scenario "J3, the process lives, the port is dead" process_without_port
scenario "J3, the port lives, the process is gone" port_without_process
for job in J3 J4; do
	for processes in 0 1 2; do
		for port_lives in 0 1; do
			scenario "$job, $processes processes, port $port_lives" \
			    decides $job $processes $port_lives
		done
	done
done
scenario "J4 word for word, as a daemon" j4_as_a_daemon
scenario "J4, the data of a running server are kept" live_data_are_kept
scenario "neither daemonwatch nor its commands are counted" \
    counts_not_itself
