#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The daemonwatch authors
#
# Automake's test driver for programs on cmocka: runs each of LOOP_TESTS once
# for every poller (TEST_POLLER, if set, names the only one), all others once,
# and reports every single test of them.  A program that ends early, by a
# signal, or after TEST_TIMEOUT seconds (300) has failed, whatever it printed.
#
# make says a line for each run; what failed is shown with its output (on
# descriptor 9, the terminal's, see AM_TESTS_FD_REDIRECT).

set -u

test_name='' log_file='' trs_file='' expect_failure=no
while [ $# -gt 0 ]; do
	case $1 in
	--test-name) test_name=$2; shift ;;
	--log-file) log_file=$2; shift ;;
	--trs-file) trs_file=$2; shift ;;
	--expect-failure) expect_failure=$2; shift ;;
	--color-tests | --enable-hard-errors | --collect-skipped-logs)
		shift ;;
	--) shift; break ;;
	*) echo "driver.sh: unknown option $1" >&2; exit 2 ;;
	esac
	shift
done
: "$expect_failure"

# reallocarray(3) that overflows returns NULL, for us; AddressSanitizer would
# rather end the program.
ASAN_OPTIONS=${ASAN_OPTIONS:+$ASAN_OPTIONS:}allocator_may_return_null=1
export ASAN_OPTIONS

limit=
if command -v timeout >/dev/null 2>&1; then
	limit="timeout -k 5 ${TEST_TIMEOUT:-300}"
fi

# The pollers over which to run this test; "-" for one that needs none.
pollers=-
case " ${LOOP_TESTS:-} " in
*" $test_name "*) pollers=${TEST_POLLER:-${POLLERS:-}} ;;
esac

: >"$log_file"
: >"$trs_file"
failed_runs=0
for poller in $pollers; do
	run=$test_name
	if [ "$poller" != - ]; then
		run="$test_name ($poller)"
		export TEST_POLLER="$poller"
	fi
	echo "== $run" >"$log_file.run"
	$limit "$@" >>"$log_file.run" 2>&1 9>&- </dev/null
	status=$?

	# cmocka's lines: how many tests there are, and what each came to.
	if awk -v run="$run" -v status="$status" '
	/^\[==========\].* Running [0-9]+ test/ {
		for (i = 1; i < NF; i++)
			if ($i == "Running")
				announced += $(i + 1)
		summary = 0
	}
	/^\[==========\].* test\(s\) run\./ { summary = 1 }
	summary { next }
	/^\[       OK \] / { result("PASS", $4) }
	/^\[  SKIPPED \] / { result("SKIP", $4) }
	/^\[  FAILED  \] / { result("FAIL", $4) }
	function result(what, name) {
		print ":test-result: " what " " run ": " name
		count[what]++
		reported++
	}
	END {
		bad = count["FAIL"]
		if (reported != announced || announced == 0 ||
		    (status != 0 && bad == 0)) {
			print ":test-result: FAIL " run ": exit status " \
			    status ", " reported + 0 " of " \
			    announced + 0 " tests reported"
			bad++
		}
		exit (bad != 0)
	}' "$log_file.run" >"$trs_file.run"; then
		verdict=PASS
	else
		verdict=FAIL
		failed_runs=$((failed_runs + 1))
	fi

	passed=$(grep -c '^:test-result: PASS' "$trs_file.run")
	skipped=$(grep -c '^:test-result: SKIP' "$trs_file.run")
	failed=$(grep -c '^:test-result: FAIL' "$trs_file.run")
	text="$passed passed"
	[ "$skipped" -eq 0 ] || text="$text, $skipped skipped"
	[ "$failed" -eq 0 ] || text="$text, $failed failed"
	if [ $verdict = FAIL ]; then
		cat "$log_file.run" >&9
		grep '^:test-result: FAIL' "$trs_file.run" |
		    sed 's/^:test-result: //' >&9
	fi
	echo "$verdict: $run: $text"
	cat "$log_file.run" >>"$log_file"
	cat "$trs_file.run" >>"$trs_file"
	rm -f "$log_file.run" "$trs_file.run"
done

if [ $failed_runs -ne 0 ]; then
	global=FAIL copy=yes
else
	global=PASS copy=no
fi
{
	echo ":global-test-result: $global"
	echo ":recheck: $copy"
	echo ":copy-in-global-log: $copy"
} >>"$trs_file"
exit 0
