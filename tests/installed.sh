#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The daemonwatch authors
#
# make installcheck: is what was installed complete, and can a program be built
# on it with nothing but pkg-config?  The variables are configure's, with
# DESTDIR before them where it is set.

# shellcheck disable=SC2154 # they come from the Makefile
set -eu

dest=${DESTDIR:-}
PKG_CONFIG_PATH=$dest$pkgconfigdir
export PKG_CONFIG_PATH
if [ -n "$dest" ]; then
	PKG_CONFIG_SYSROOT_DIR=$dest
	export PKG_CONFIG_SYSROOT_DIR
fi
export LC_ALL=C

dir=$(mktemp -d "${TMPDIR:-/tmp}/installed.XXXXXX")
echod=$dir/echod
finish() {
	"$echod" -f "$dir/pid" stop >/dev/null 2>&1 || :
	rm -rf "$dir"
}
trap finish EXIT

failures=0
# what, command ...: say how it went
check() {
	what=$1
	shift
	if "$@" >"$dir/output" 2>&1; then
		echo "ok: $what"
	else
		echo "FAILED: $what"
		sed 's/^/    /' "$dir/output"
		failures=$((failures + 1))
	fi
}

exits_with() {
	expected=$1
	shift
	status=0
	"$@" || status=$?
	[ "$status" -eq "$expected" ]
}

files_are_there() {
	ls "$dest$sbindir/daemonwatch" "$dest$pkglibexecdir/daemonwatch-prober" \
	    "$dest$includedir/daemonwatch.h" "$dest$man8dir/daemonwatch.8" \
	    "$dest$man5dir/daemonwatch.conf.5" "$dest$man3dir/dw_loop.3" \
	    "$dest$man3dir/dw_timer_start.3"
}

# Every public function has a page, and every ".so" leads to one.
pages_are_there() {
	nm -D --defined-only "$dest$libdir/libdaemonwatch.so" |
	    awk '$2 == "T" { print $3 }' | sort -u >"$dir/exported"
	bad=0
	while read -r name; do
		if [ ! -s "$dest$man3dir/$name.3" ]; then
			echo "no page for $name"
			bad=1
		fi
	done <"$dir/exported"
	for page in "$dest$man3dir"/dw_*.3; do
		target=$(sed -n 's/^\.so man3\///p' "$page")
		if [ -n "$target" ] && [ ! -s "$dest$man3dir/$target" ]; then
			echo "$page: no $target"
			bad=1
		fi
	done
	return $bad
}

only_ours_is_exported() {
	nm -D --defined-only "$dest$libdir/libdaemonwatch.so" |
	    awk '$2 ~ /[A-Z]/ && $3 !~ /^dw_/ { print; bad = 1 }
	    END { exit bad }'
}

version_is_told() {
	$PKG_CONFIG --modversion libdaemonwatch
	"$dest$sbindir/daemonwatch" --version ||
	    "$dest$sbindir/daemonwatch" -V
}

# language, compiler ...
header_stands_alone() {
	language=$1
	shift
	# shellcheck disable=SC2046 # a list of options
	echo '#include <daemonwatch.h>' |
	    "$@" $($PKG_CONFIG --cflags libdaemonwatch) -Wall -Werror \
	    -fsyntax-only -x "$language" -
}

build_example() {
	# shellcheck disable=SC2046,SC2086 # lists of options
	$CC $CFLAGS -Wall -Werror "$srcdir/examples/echod.c" -o "$echod" \
	    $($PKG_CONFIG --cflags --libs libdaemonwatch) \
	    -Wl,-rpath,"$dest$libdir"
}

check "program, prober, header and pages are installed" files_are_there
check "every function has a manual page" pages_are_there
check "the library exports dw_ and nothing else" only_ours_is_exported
check "pkg-config and the program tell the version" version_is_told
# shellcheck disable=SC2086 # $CC may have options
check "the header stands alone in C11" header_stands_alone c $CC -std=c11
if command -v c++ >/dev/null 2>&1; then
	check "the header stands alone in C++" header_stands_alone c++ c++
fi
check "examples/echod.c builds with pkg-config alone" build_example
if [ -x "$echod" ]; then
	set -- "$echod" -p 0 -f "$dir/pid"
	check "echod: status is 3 before it runs" exits_with 3 "$@" status
	check "echod: start" exits_with 0 "$@" start
	check "echod: a second start is 1" exits_with 1 "$@" start
	check "echod: status is 0 while it runs" exits_with 0 "$@" status
	check "echod: restart" exits_with 0 "$@" restart
	check "echod: stop" exits_with 0 "$@" stop
	check "echod: status is 3 again" exits_with 3 "$@" status
	check "echod: a wrong verb is 2" exits_with 2 "$@" wrong
fi
[ $failures -eq 0 ]
