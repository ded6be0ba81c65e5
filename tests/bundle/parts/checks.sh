# shellcheck shell=sh disable=SC2034,SC2154 # run.sh's variables
# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The daemonwatch authors
#
# Servers that live and do not serve, found by their checks.

checked() {
	configure <<EOF
service web {
	start = $(list web)
	ready = port
	stop-timeout = 500ms
	backoff = 50ms..100ms
	tcp port {
		address = 127.0.0.1:$web_port
		send = "PING\\r\\n"
		expect = '^\\+PONG'
		interval = 250ms
	}
}
EOF
	watch
	await_serving web
	await_up web
	await "an answer" check_is port ok
}

hung() {
	server web
	checked
	# The kernel goes on accepting for it.
	kill -STOP "$pid"
	await_serving web 2
	is_gone "$pid" && fail "the new one is gone"
	is_gone "$(pid_of web 1)" || fail "the hung one is left"
	await_up web
	expect "it is told why" said "web: up -> failing: .*port"
}

# $1: a mode of the fake server
misbehaves() {
	server web
	checked
	set_mode web "$1"
	await_serving web 2
	is_gone "$(pid_of web 1)" || fail "the old one is left"
	await_up web
}

wrong_answer() {
	server web -A -ERR
	configure <<EOF
service web {
	start = $(list web)
	restart-when = not process
	start-timeout = 300ms
	tcp port {
		address = 127.0.0.1:$web_port
		expect = '^\\+PONG'
		send = "PING\\r\\n"
		interval = 250ms
	}
}
EOF
	watch
	await "a wrong answer" check_is port failed
	is_equal "$(tally web)" 1 starts
}

late_port() {
	server web -D 700
	checked
	is_equal "$(tally web)" 1 starts
}

# The prober dies: nothing is known then, and nothing is done for it.
prober_dies() {
	server web
	checked
	probers=$(said_times 'prober')
	prober=$(ps_prober)
	[ -n "$prober" ] || fail "no prober found"
	kill9 "$prober"
	n=$(tally web conn)
	await "more questions" happened web conn $((n + 3))
	is_equal "$(tally web)" 1 starts
	await_up web
	[ "$(said_times prober)" -gt "$probers" ] || fail "it is not told"
}

said_times() {
	grep -c -- "$1" "$d/dw.log"
}

ps_prober() {
	"$helper" children "$watcher_pid" | sed -n 's/ .*daemonwatch-prober.*//p'
}

one_silent() {
	server web
	server mute -m silent
	configure <<EOF
defaults { stop-timeout = 300ms }
service web {
	start = $(list web)
	tcp port { address = 127.0.0.1:$web_port interval = 100ms timeout = 100ms }
}
service mute {
	start = $(list mute)
	restart-when = not process
	start-timeout = 100ms
	tcp mute {
		address = 127.0.0.1:$mute_port
		send = "PING\\n"
		expect = PONG
		interval = 3s
		timeout = 3s
	}
}
EOF
	watch
	await_serving mute
	await "the slow question" happened mute conn 1
	n=$(tally web conn)
	asked=$(tally mute conn)
	await "ten answers" happened web conn $((n + 10))
	[ "$(tally mute conn)" -le $((asked + 1)) ] ||
	    fail "the quick check was held up by the slow one"
}

scenario "a hung server is found and started again" hung
for mode in refuses silent closes resets; do
	scenario "a server that lives and misbehaves: $mode" misbehaves $mode
done
scenario "a wrong answer" wrong_answer
scenario "not up before its port is" late_port
scenario "the prober dies, the service does not feel it" prober_dies
scenario "a silent server holds up nobody" one_silent
