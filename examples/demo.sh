#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The daemonwatch authors
#
# What daemonwatch does, to watch: two small servers are killed, hung and
# killed again, and come back each time.  Ends by itself, after about ten
# seconds, and leaves nothing behind.  BUILDDIR is the build tree.
set -eu

bin=${BUILDDIR:?BUILDDIR must name the build tree}
bin=$(cd "$bin" && pwd)
dw=$bin/bin/daemonwatch
pingd=$bin/examples/pingd
man=$(cd "$(dirname "$0")/../man" && pwd)
DAEMONWATCH_LIBEXECDIR=$bin/bin
export DAEMONWATCH_LIBEXECDIR

dir=$(mktemp -d -t daemonwatch-demo.XXXXXX)
watcher=

finish() {
	status=$?
	trap - EXIT INT TERM
	if [ -n "$watcher" ]; then
		kill -TERM "$watcher" 2>/dev/null || :
		wait "$watcher" 2>/dev/null || :
	fi
	rm -rf "$dir"
	exit "$status"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

if [ -t 1 ]; then
	bold=$(printf '\033[1m') plain=$(printf '\033[0m')
else
	bold='' plain=''
fi

# A person at the terminal wants time to read.
pause() {
	if [ -t 1 ]; then
		sleep 1.5
	fi
}

say() {
	pause
	printf '\n%s# %s%s\n' "$bold" "$*" "$plain"
}

show() {
	printf '%s$ %s%s\n' "$bold" "$*" "$plain"
}

# column SERVICE N: the Nth word of its status line.
column() {
	"$dw" status -r "$dir" "$1" 2>/dev/null |
	    awk -v n="$2" 'NR == 2 { print $n }'
}

# up SERVICE RESTARTS: wait until it is up and was started that often again.
up() {
	tries=0
	until [ "$(column "$1" 2)" = up ] && [ "$(column "$1" 5)" -ge "$2" ]; do
		tries=$((tries + 1))
		if [ "$tries" -gt 300 ]; then
			echo "demo: $1 is not up again after 30 seconds" >&2
			exit 1
		fi
		sleep 0.1
	done
}

port=$("$pingd")
old=$("$pingd")
cat >"$dir/old-start.sh" <<END
#!/bin/sh
# An old-fashioned start script: puts the server behind and returns.
nohup "$pingd" $old old-style-server >/dev/null 2>&1 &
END
chmod +x "$dir/old-start.sh"
cat >"$dir/demo.conf" <<END
# A server that stays in the foreground, and answers PING with PONG.
service web {
    start = {"$pingd", "$port"}
    ready = ping
    tcp ping {
        address  = 127.0.0.1:$port
        send     = "PING\\n"
        expect   = '^PONG'
        interval = 500ms
        timeout  = 500ms
        fall     = 2
    }
}

# One whose start script returns: found by its command line, not our child.
service old {
    type         = detached
    match        = '$pingd [0-9]+ old-style-server'
    start        = "$dir/old-start.sh"
    tcp port { address = 127.0.0.1:$old  interval = 500ms  timeout = 500ms }
    restart-when = not process and not port
    on-exit      = stop
}
END

say 'The configuration of two small servers:'
cat "$dir/demo.conf"
say 'daemonwatch starts them, and says what happens and why:'
show "daemonwatch run -f demo.conf"
"$dw" run -f "$dir/demo.conf" -r "$dir" &
watcher=$!
up web 0
up old 0

say 'One server is killed.'
pid=$(column web 4)
show "kill -9 $pid"
kill -9 "$pid"
up web 1

say 'Now it hangs: the process lives, the port accepts, nobody answers.'
pid=$(column web 4)
show "kill -STOP $pid"
kill -STOP "$pid"
up web 2

say 'The other one is no child of daemonwatch. Its death is noticed as fast.'
pid=$(column old 4)
show "kill -9 $pid"
kill -9 "$pid"
up old 1

say 'How it stands:'
show "daemonwatch status"
"$dw" status -r "$dir"

say 'Enough. daemonwatch is stopped, and its services with it.'
show "kill $watcher"
kill -TERM "$watcher"
wait "$watcher"
watcher=

cat <<END

Try next:
    $dw --help
    man $man/daemonwatch.conf.5    every key, with examples
    ./bootstrap test                      all tests
    make -C $BUILDDIR install      as root
A first configuration of your own, as /etc/daemonwatch.conf:
    service mine { start = {"/usr/bin/my-server", "--foreground"} }
and then: daemonwatch check, daemonwatch start, daemonwatch status
END
