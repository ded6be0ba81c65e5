#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The daemonwatch authors
#
# Makes the bundle's tarball of a build tree's products: called by
# `make check-bundle`, which says what is what in the environment.  Libraries
# that no base system has are shipped with it.
set -eu

: "${srcdir:?}" "${name:?}" "${pollers:?}" "${build:?}" "${host:?}"
rm -rf "$name"
mkdir -p "$name/bin" "$name/lib" "$name/tests/fuzz" "$name/man" \
    "$name/examples" "$name/parts"

cp bin/daemonwatch bin/daemonwatch-prober tests/bundle/echod \
    tests/bundle/fakeserver tests/bundle/helper "$name/bin"
: >"$name/tests.list"
for test in ${loop_tests:-}; do
	echo "loop $test"
done >>"$name/tests.list"
for test in ${once_tests:-}; do
	echo "once $test"
done >>"$name/tests.list"
for test in ${loop_tests:-} ${once_tests:-}; do
	cp "$test" "$name/$test"
done
echo "$pollers" >"$name/pollers"
cp "$srcdir/tests/driver.sh" "$name/tests"
cp -R "$srcdir/tests/fuzz/corpus" "$name/tests/fuzz"
cp "$srcdir/man/daemonwatch.conf.5" "$name/man"
cp "$srcdir/examples/daemonwatch.conf" "$name/examples"
cp "$srcdir/tests/bundle/run.sh" "$srcdir/LICENSE" "$name"
cp "$srcdir"/tests/bundle/parts/*.sh "$name/parts"
chmod -R u+w "$name"

# A file that is there is a program, not libtool's wrapper for one.
for file in "$name"/bin/* "$name"/tests/test_*; do
	[ -e "$file" ] || continue
	if [ "$(dd if="$file" bs=1 count=3 skip=1 2>/dev/null)" != ELF ]; then
		echo "check-bundle: $file is no program" >&2
		exit 1
	fi
done

# $1: a library's name.  Is it a part of every system of this kind?
is_base() {
	case $1 in
	libc.so* | libm.so* | libpthread.so* | libthr.so* | libutil.so* | \
	    librt.so* | libdl.so* | libgcc_s.so* | libsys.so* | ld-*.so* | \
	    libexecinfo.so* | libprocstat.so*)
		return 0
		;;
	esac
	return 1
}

# $1: a library of another system, that was linked from one of these folders
ship_found() {
	for option in ${libs:-}; do
		if [ -e "${option#-L}/$1" ]; then
			cp -L "${option#-L}/$1" "$name/lib/$1"
			return 0
		fi
	done
	echo "check-bundle: where is $1?" >&2
	exit 1
}

# What this system would load, the libraries of libraries included
ship_loaded() {
	for file in "$name"/bin/* "$name"/tests/test_*; do
		[ ! -f "$file" ] || ldd "$file"
	done | awk '$3 ~ /^\// { print $1, $3 }' | sort -u |
	    while read -r soname path; do
		is_base "$soname" || cp -L "$path" "$name/lib/$soname"
	done
}

for file in "$name"/bin/* "$name"/tests/test_* "$name"/tests/fuzz/fuzz_*; do
	[ ! -f "$file" ] || readelf -d "$file"
done | sed -n 's/.*(NEEDED).*\[\(.*\)\].*/\1/p' | sort -u >"$name.needed"
while read -r library; do
	if is_base "$library"; then
		continue
	elif [ "$build" != "$host" ]; then
		ship_found "$library"
	else
		ship_loaded
	fi
done <"$name.needed"
rm -f "$name.needed"

tar -cf - "$name" | gzip -9 >"$name.tar.gz"
echo "$name.tar.gz"
