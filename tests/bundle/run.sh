#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The daemonwatch authors
#
# Runs the bundle and prints TAP: every unit test over every poller, then what
# parts/ says about the programs.  It needs a POSIX system and nothing else,
# uses loopback only, ends only what it started, and leaves nothing behind.
#
#	sh run.sh		all of it
#	sh run.sh -l		what there is
#	sh run.sh WORD ...	only what has one of the words in its name
#
# BUNDLE_LIMIT is the number of seconds after which it is ended (180), BUNDLE_SH
# the shell (sh), BUNDLE_SLOW a factor for every deadline (1), BUNDLE_JOBS how
# many unit tests run at a time (4), BUNDLE_PATIENCE the milliseconds to wait for
# a state (10000).

set -u

here=$(cd "$(dirname "$0")" && pwd)
LC_ALL=C
LD_LIBRARY_PATH=$here/lib${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
export LC_ALL LD_LIBRARY_PATH
if [ -z "${BUNDLE_SESSION:-}" ] && [ "${1:-}" != -l ]; then
	# shellcheck disable=SC2086 # "busybox sh" is two words
	exec "$here/bin/helper" session "${BUNDLE_LIMIT:-180}" \
	    ${BUNDLE_SH:-sh} "$here/run.sh" "$@"
fi
unset NOTIFY_SOCKET LISTEN_FDS LISTEN_PID XDG_RUNTIME_DIR DAEMONWATCH_POLLER

work=${TMPDIR:-/tmp}/dwb.$$
listing=no
if [ "${1:-}" = -l ]; then
	listing=yes
	shift
else
	(umask 022 && mkdir "$work") || exit 1
	trap 'rm -rf "$work"' EXIT
	# A place that is short, without blanks, and open to every user.
	mkdir "$work/b"
	cp -R "$here/." "$work/b" && chmod -R go+rX "$work/b" || exit 1
	cd "$work/b" || exit 1
fi
wanted_words=$*
bin=$work/b/bin
dw=$bin/daemonwatch
helper=$bin/helper
DAEMONWATCH_LIBEXECDIR=$bin
export DAEMONWATCH_LIBEXECDIR
slow=${BUNDLE_SLOW:-1} patience=${BUNDLE_PATIENCE:-10000}
pollers=$(cat "$here/pollers")
count=0 failures=0 skips=0

#
# The frame
#

# $1: a name.  Is it to be run?
wanted() {
	[ -n "$wanted_words" ] || return 0
	for word in $wanted_words; do
		case $1 in
		*"$word"*) return 0 ;;
		esac
	done
	return 1
}

# $1: PASS, FAIL or SKIP, $2: name, $3: the reason of a skip
report() {
	count=$((count + 1))
	case $1 in
	PASS) echo "ok $count - $2" ;;
	SKIP)
		skips=$((skips + 1))
		echo "ok $count - $2 # SKIP $3"
		;;
	*)
		failures=$((failures + 1))
		echo "not ok $count - $2"
		;;
	esac
}

# The standard input as diagnostics.
diagnostics() {
	sed 's/^/#   /'
}

# What is known about a scenario that failed.
explain() {
	diagnostics <"$d/out"
	for file in "$d"/dw.conf "$d"/dw.err "$d"/dw.log "$d"/o "$d"/e \
	    "$d"/*.log; do
		[ -f "$file" ] || continue
		echo "# -- ${file##*/}"
		tail -n 40 "$file" | diagnostics
	done
}

# $1: what it shows, $2: a function, the others: its arguments.  It runs in a
# directory and a process of its own; afterwards nothing of it may be left but
# what it allows (may_leave).
scenario() {
	scenario="$part: $1"
	wanted "$scenario" || return 0
	if [ $listing = yes ]; then
		echo "$scenario"
		return 0
	fi
	shift
	serial=$((${serial:-0} + 1))
	d=$work/$serial
	mkdir "$d"
	began=$("$helper" clock)
	(cd "$d" && "$@") >"$d/out" 2>&1 </dev/null
	status=$?
	[ ! -e "$d/run/pid" ] ||
	    "$dw" stop --timeout 15s -f "$d/dw.conf" >>"$d/out" 2>&1
	# What is about to end may do so.
	grace=2000
	[ ! -e "$d/may-leave" ] || grace=0
	left=$("$helper" sweep $grace 2>&1) || status=70
	if [ -n "$left" ] && [ ! -e "$d/may-leave" ]; then
		echo "left behind: $left" >>"$d/out"
		[ $status -ne 0 ] || status=70
	fi
	case $status in
	0) report PASS "$scenario" ;;
	77) report SKIP "$scenario" "$(cat "$d/skip")" ;;
	*)
		report FAIL "$scenario"
		explain
		;;
	esac
	took=$(($("$helper" clock) - began))
	[ $took -lt 3000 ] || echo "# it took $took ms"
	[ -n "${BUNDLE_KEEP:-}" ] || rm -rf "$d"
}

#
# What scenarios are made of
#

fail() {
	echo "FAILED: $*"
	exit 1
}

skip() {
	echo "$*" >"$d/skip"
	exit 77
}

needs_root() {
	[ "$(id -u)" -eq 0 ] || skip "only root can $1"
}

may_leave() {
	: >"$d/may-leave"
}

# $1: what it means, the others: a command that must succeed
expect() {
	meaning=$1
	shift
	"$@" || fail "$meaning ($*)"
}

# $1: an exit status, the others: a command; its output is for says.
returns() {
	wants=$1
	shift
	got=0
	"$@" >"$d/o" 2>"$d/e" || got=$?
	[ "$got" -eq "$wants" ] ||
	    fail "exit status $got instead of $wants: $*"
}

# $1: a pattern that the last command's output must have
says() {
	cat "$d/o" "$d/e" | grep -q -- "$1" || fail "it does not say \"$1\""
}

# $1: what is waited for, the others: a command.  Looks until it succeeds, or
# patience is at its end.
await() {
	waited_for=$1
	shift
	deadline=$(($("$helper" clock) + patience * slow))
	until "$@"; do
		[ "$("$helper" clock)" -lt "$deadline" ] ||
		    fail "waited in vain for $waited_for ($*)"
		"$helper" nap 15
	done
}

# A process is told by its pid alone; it must be gone then.
kill9() {
	kill -9 "$1" || fail "no process $1"
	expect "$1 is gone" "$helper" gone "$1" $((10000 * slow))
}

is_gone() {
	"$helper" gone "$1" 0
}

is_alive() {
	kill -0 "$1" 2>/dev/null
}

is_equal() {
	[ "$1" = "$2" ] || fail "${3:-it} is \"$1\", not \"$2\""
}

# $1: file, $2: key; see facts.c
fact() {
	sed -n "s/^$2 *//p" "$1"
}

#
# Servers, by name: NAME_port, NAME.log; see integration/fakeserver.c
#

# $1: name, the others: options
server() {
	server=$1
	shift
	port=$("$helper" port)
	eval "${server}_port=$port"
	echo "${program:-$bin/fakeserver} -l $d/$server.log" \
	    "-C $d/$server.mode -p $port $*" >"$d/$server.words"
}

words() {
	cat "$d/$1.words"
}

# The words as a list of the configuration language.
list() {
	comma='{'
	for word in $(words "$1"); do
		printf '%s"%s"' "$comma" "$word"
		comma=', '
	done
	printf '}'
}

# $1: name, $2: what happened; how often
tally() {
	if [ -f "$d/$1.log" ]; then
		grep -c "^${2:-start} " "$d/$1.log"
	else
		echo 0
	fi
}

happened() {
	[ "$(tally "$1" "$2")" -ge "$3" ]
}

# $1: name, $2: of which start (the last)
pid_of() {
	sed -n 's/^start \([0-9]*\) .*/\1/p' "$d/$1.log" 2>/dev/null |
	    sed -n "${2:-\$}p"
}

serves() {
	pid=$(pid_of "$1" "$2")
	[ -n "$pid" ] && grep -q "^mode $pid " "$d/$1.log"
}

# $1: name, $2: the number of a start (1).  Sets pid.
await_serving() {
	await "start ${2:-1} of $1" serves "$1" "${2:-1}"
	pid=$(pid_of "$1" "${2:-1}")
}

# Start it without daemonwatch; it is nobody's child then.
run_server() {
	run_n=$(($(tally "$1") + 1))
	# shellcheck disable=SC2046,SC2091 # words, of a command
	($(words "$1") >"$d/$1.err" 2>&1 &)
	await_serving "$1" "$run_n"
}

# $1: name, $2: mode; of the running one, the next start has its own again
set_mode() {
	modes=$(tally "$1" mode)
	echo "$2" >"$d/$1.mode"
	kill -USR1 "$(pid_of "$1")"
	await "mode $2" happened "$1" mode $((modes + 1))
	rm -f "$d/$1.mode"
}

answers() {
	"$helper" connect "$1"
}

# A script that puts the server behind, as many do.
behind() {
	cat >"$d/$1.sh" <<EOF
#!/bin/sh
nohup $(words "$1") >/dev/null 2>&1 </dev/null &
EOF
	chmod +x "$d/$1.sh"
}

#
# daemonwatch
#

# The configuration, from the standard input
configure() {
	mkdir -p "$d/run"
	{
		echo "runtime-dir = \"$d/run\""
		echo "log = \"$d/dw.log\""
		cat
	} >"$d/dw.conf"
}

# $1: verb
watcher() {
	verb=$1
	shift
	"$dw" "$verb" -f "$d/dw.conf" "$@"
}

has_status() {
	got=0
	watcher status >/dev/null 2>&1 || got=$?
	[ $got -eq "$1" ]
}

# In the foreground, beside us.  Sets watcher_pid.
watch() {
	"$dw" run -f "$d/dw.conf" "$@" >>"$d/dw.err" 2>&1 &
	# shellcheck disable=SC2034 # the parts want it
	watcher_pid=$!
	await "daemonwatch" has_status 0
}

daemon_pid() {
	cat "$d/run/pid"
}

# $1: service, $2: the number of a column of status
column() {
	watcher status "$1" 2>/dev/null |
	    awk -v n="$2" 'NR == 2 { print $n }'
}

is_state() {
	[ "$(column "$1" 2)" = "$2" ]
}

await_state() {
	await "$1 $2" is_state "$1" "$2"
}

# The last start of a server is what daemonwatch knows as the service.
is_up() {
	is_state "$1" up && [ "$(column "$1" 4)" = "$(pid_of "$1")" ]
}

await_up() {
	for up_name in "$@"; do
		await "$up_name up" is_up "$up_name"
	done
}

# The state of daemonwatch in JSON, an object on each line, no blanks
json() {
	watcher status -j 2>/dev/null | tr -d ' \n' | tr '{}' '[\n*]'
}

# $1: check, $2: state
check_is() {
	json | grep "\"name\":\"$1\"" | grep -q "\"state\":\"$2\""
}

said() {
	grep -q -- "$1" "$d/dw.log"
}

#
# The unit tests
#

# $1: "loop" or "once", $2: program, $3: its number
unit_run() {
	loop_tests=
	[ "$1" = once ] || loop_tests=$2
	POLLERS=$pollers LOOP_TESTS=$loop_tests srcdir=. \
	    TEST_TIMEOUT=$((120 * slow)) "$helper" plainly \
	    sh tests/driver.sh --test-name "$2" \
	    --log-file "$work/log.$3" --trs-file "$work/trs.$3" -- "./$2" \
	    >"$work/out.$3" 2>&1 9>/dev/null </dev/null
	: >"$work/ended.$3"
}

# $1: which of the workers; runs every so many of the tests
unit_worker() {
	i=0
	while read -r kind name; do
		i=$((i + 1))
		if [ $((i % workers)) -eq "$1" ]; then
			unit_run "$kind" "$name" $i
		fi
	done <"$work/units"
}

# $1: program, $2: its number; waits for its end.
unit_report() {
	until [ -e "$work/ended.$2" ]; do
		"$helper" nap 20
	done
	failures_before=$failures
	results=0
	while read -r tag verdict text; do
		[ "$tag" = :test-result: ] || continue
		results=$((results + 1))
		report "$verdict" "unit: $text" "by the test itself"
	done <"$work/trs.$2"
	[ $results -gt 0 ] || report FAIL "unit: $1 has run"
	if [ $failures -ne $failures_before ]; then
		cat "$work/out.$2" "$work/log.$2" | diagnostics
	fi
}

# They mostly wait, so several run at a time.
units() {
	workers=${BUNDLE_JOBS:-4}
	worker=0
	while [ $worker -lt "$workers" ]; do
		unit_worker $worker &
		worker=$((worker + 1))
	done
	i=0
	while read -r kind name; do
		i=$((i + 1))
		unit_report "$name" $i
	done <"$work/units"
	wait
	"$helper" sweep 0 >/dev/null 2>&1
}

if [ $listing = yes ]; then
	sed 's/^[a-z]* /unit: /' "$here/tests.list"
else
	while read -r kind name; do
		! wanted "unit: $name" || echo "$kind $name"
	done <"$here/tests.list" >"$work/units"
	units
	[ -s "$here/tests.list" ] ||
	    report SKIP "unit: all" "this bundle was built without cmocka"
fi

for file in "$here"/parts/*.sh; do
	part=${file##*/}
	part=${part%.sh}
	# shellcheck disable=SC1090 # each of them is checked by itself
	. "$file"
done
[ $listing = no ] || exit 0

echo "1..$count"
echo "# $(uname -s -r -m), pollers $pollers: $((count - failures - skips))" \
    "passed, $skips skipped, $failures failed"
[ $failures -eq 0 ]
