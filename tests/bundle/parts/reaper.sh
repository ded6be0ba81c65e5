# shellcheck shell=sh disable=SC2034,SC2154 # run.sh's variables
# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The daemonwatch authors
#
# What services leave: their children, and orphans that nobody waits for.

group() {
	server web -g 3
	configure <<EOF
service web { start = $(list web) backoff = 1ms..10ms }
EOF
	watch
	await_serving web
	await "its workers" happened web grandchild 3
	workers=$(sed -n 's/^grandchild \([0-9]*\) .*/\1/p' web.log)
}

group_dies() {
	group
	kill9 "$pid"
	for worker in $workers; do
		expect "worker $worker dies" "$helper" gone "$worker" \
		    $((10000 * slow))
	done
	await_serving web 2
	await_up web
}

# It was started by a daemonwatch that is dead.
adopted_group_dies() {
	group
	kill -9 "$watcher_pid"
	wait "$watcher_pid"
	watch
	await_up web
	is_equal "$(tally web)" 1 starts
	kill9 "$pid"
	for worker in $workers; do
		expect "worker $worker dies" "$helper" gone "$worker" \
		    $((10000 * slow))
	done
	await_serving web 2
}

# A daemon that a service starts comes to daemonwatch, and is reaped by it.
orphans() {
	server web
	server orphan -d -p 0 -m refuses
	cat >web.sh <<EOF
#!/bin/sh
$(words orphan)
exec $(words web)
EOF
	chmod +x web.sh
	configure <<EOF
service web { start = {"$d/web.sh"} }
EOF
	may_leave
	watch
	await_serving web
	await_serving orphan
	orphan=$pid
	# shellcheck disable=SC2046 # three words
	set -- $("$helper" ids "$orphan")
	case $(uname -s) in
	Linux | FreeBSD | DragonFly)
		is_equal "$1" "$watcher_pid" "the orphan's parent"
		;;
	esac
	kill9 "$orphan"
	await_up web
	is_equal "$(tally web)" 1 "starts of web"
}

# A thousand children of one service's script, all orphans, all at once.
thousand() {
	server web
	cat >web.sh <<EOF
#!/bin/sh
i=0
while [ \$i -lt 50 ]; do
	(
		for j in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
			(:) &
		done
	)
	i=\$((i + 1))
done
exec $(words web)
EOF
	chmod +x web.sh
	configure <<EOF
service web { start = {"$d/web.sh"} }
EOF
	patience=30000
	watch
	await_serving web
	await_up web
	kill9 "$pid"
	await_serving web 2
	await_up web
	# No zombie is daemonwatch's, or ours if it is no reaper.
	returns 0 watcher stop
	wait "$watcher_pid"
}

scenario "a service's process group dies with it" group_dies
scenario "also that of one taken over" adopted_group_dies
scenario "orphans come to daemonwatch and are reaped" orphans
scenario "a thousand orphans die at once" thousand
