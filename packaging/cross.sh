#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The daemonwatch authors
#
# Compiles and links everything for another system: the library, the programs,
# the unit tests, and what they need of others.  The compiler, with the headers
# of these systems, is a package of PyPI's; jansson and cmocka are Debian's
# source packages, built alike and linked statically.  Nothing is installed on
# this machine.  ./bootstrap cross TARGET calls it; see usage() below.

set -eu

# The one with FreeBSD 14 and NetBSD 10; PORTING.md says why not a later one.
ZIG_VERSION=0.16.0
targets="x86_64-freebsd aarch64-freebsd x86_64-netbsd \
x86_64-linux-musl aarch64-linux-musl"

usage() {
	echo "usage: ./bootstrap cross TARGET ..."
	echo "       ./bootstrap cross all"
	echo
	echo "TARGET: $targets"
	cat <<'END'

The products are in build-cross/TARGET/build.

Environment: CROSS, the directory for all of it (./build-cross); JOBS, how
many compilers at a time; CROSS_CONFIGURE_ARGS, more options for configure;
CROSS_CFLAGS (-O1 -g); CROSS_STEPS, some of "tools libraries program tests".

Exit status: 3 if the compiler or the sources could not be fetched, 1 or
another for what went wrong with them.
END
}

die() {
	echo "cross: $*" >&2
	exit 1
}

# Nothing is wrong with ours, but what it needs could not be had.
unavailable() {
	echo "cross: $*" >&2
	exit 3
}

say() {
	echo "cross: $*"
}

src=$(cd "$(dirname "$0")/.." && pwd)
CROSS=${CROSS:-$src/build-cross}
JOBS=${JOBS:-$(getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2)}
CROSS_CFLAGS=${CROSS_CFLAGS:--O1 -g}
CROSS_STEPS=${CROSS_STEPS:-tools libraries program tests}
zig=$CROSS/zig-$ZIG_VERSION

# Sets zig_target, host, system (CMake's name for it), options and cflags.
describe() {
	cpu=${1%%-*}
	options=--without-libbsd cflags=$CROSS_CFLAGS
	case $1 in
	*-freebsd)
		# FreeBSD's libutil has pidfile_open(3) and its like.
		zig_target=$1.14.0 host=$cpu-unknown-freebsd14.0
		system=FreeBSD options=
		;;
	*-netbsd)
		zig_target=$1.10.1 host=$cpu-unknown-netbsd10.1
		system=NetBSD
		;;
	*-linux-musl)
		zig_target=$1 host=$cpu-unknown-linux-musl
		system=Linux options="$options --disable-shared --enable-static"
		# musl's CMSG_NXTHDR compares signed with unsigned; and cmocka
		# 1.1.5 knows of no uintptr_t but glibc's and the BSDs'.
		cflags="$cflags -Wno-sign-compare -D_UINTPTR_T_DEFINED"
		;;
	esac
}

#
# The compiler
#
get_zig() {
	[ ! -e "$zig/complete" ] || return 0
	say "installing ziglang $ZIG_VERSION into $zig"
	rm -rf "$zig"
	python3 -m venv "$zig" ||
	    die "python3 -m venv failed (Debian: python3-venv)"
	"$zig/bin/python3" -m pip install -q --only-binary :all: \
	    "ziglang==$ZIG_VERSION" ||
	    unavailable "pip could not install ziglang $ZIG_VERSION"
	: >"$zig/complete"
}

#
# Other people's sources.  A private apt configuration, as hardly any machine
# has deb-src lines; apt checks signatures as always.
#
apt_lines() {
	# shellcheck disable=SC2016 # apt's variables
	apt-get indextargets --format '$(ORIGIN) $(REPO_URI) $(RELEASE)' \
	    'Identifier: Packages' | sort -u | while read -r origin uri suite; do
		case $origin in
		Debian) keys=debian-archive-keyring components=main ;;
		Ubuntu) keys=ubuntu-archive-keyring
			components='main universe' ;;
		*) continue ;;
		esac
		keys=/usr/share/keyrings/$keys.gpg
		echo "deb-src [signed-by=$keys] $uri $suite $components"
	done
}

get_sources() {
	[ ! -e "$CROSS/sources/complete" ] || return 0
	command -v apt-get >/dev/null ||
	    unavailable "the sources of jansson and cmocka come by apt-get," \
	    "which is missing"
	command -v dpkg-source >/dev/null ||
	    die "dpkg-source is missing (Debian: dpkg-dev)"
	say "getting the sources of jansson and cmocka"
	rm -rf "$CROSS/sources"
	mkdir -p "$CROSS/sources/lists/partial" "$CROSS/sources/cache/archives"
	cd "$CROSS/sources"
	apt_lines >sources.list
	[ -s sources.list ] ||
	    unavailable "apt knows no sources of Debian's or Ubuntu's;" \
	    "try apt-get update"
	set -- apt-get -q -o Dir::Etc::sourcelist="$PWD/sources.list" \
	    -o Dir::Etc::sourceparts=- -o Dir::State::lists="$PWD/lists" \
	    -o Dir::Cache="$PWD/cache" -o APT::Sandbox::User= \
	    -o Acquire::Languages=none
	if ! { "$@" update && "$@" source jansson cmocka; } >log 2>&1; then
		cat log >&2
		unavailable "apt could not get the sources"
	fi
	rm -rf lists cache
	grep -h '^Version:' ./*.dsc | sed 's/^/cross: source /'
	: >complete
}

# Named like a compiler: libtool takes the -m of "python3 -m ziglang cc" for
# one of the compiler's flags.
make_tools() {
	mkdir -p "$dir/bin" "$dir/prefix"
	program=$("$zig/bin/python3" -c 'import os, ziglang
print(os.path.join(os.path.dirname(ziglang.__file__), "zig"))')
	for tool in "cc -target $zig_target" ar ranlib; do
		printf '#!/bin/sh\nexec "%s" %s "$@"\n' "$program" \
		    "$tool" >"$dir/bin/${tool%% *}.new"
		chmod 755 "$dir/bin/${tool%% *}.new"
		mv "$dir/bin/${tool%% *}.new" "$dir/bin/${tool%% *}"
	done
}

# $1: its name; the others: options for cmake
build_library() {
	library=$1
	shift
	[ ! -e "$dir/prefix/$library-$ZIG_VERSION.complete" ] || return 0
	say "$target: $library"
	rm -rf "${dir:?}/$library"
	mkdir -p "$dir/$library"
	if ! (cd "$dir/$library" && CC=$dir/bin/cc CFLAGS="$cflags" cmake \
	    -G 'Unix Makefiles' \
	    -DCMAKE_SYSTEM_NAME="$system" -DCMAKE_SYSTEM_PROCESSOR="$cpu" \
	    -DCMAKE_AR="$dir/bin/ar" -DCMAKE_RANLIB="$dir/bin/ranlib" \
	    -DCMAKE_INSTALL_PREFIX="$dir/prefix" -DCMAKE_INSTALL_LIBDIR=lib \
	    -DCMAKE_BUILD_TYPE=None "$@" "$CROSS/sources/$library"-[0-9]*/ &&
	    make -j "$JOBS" install) >"$dir/$library.log" 2>&1; then
		tail -n 40 "$dir/$library.log" >&2
		die "$target: $library failed; see $dir/$library.log"
	fi
	: >"$dir/prefix/$library-$ZIG_VERSION.complete"
}

build_libraries() {
	build_library jansson -DJANSSON_BUILD_SHARED_LIBS=OFF \
	    -DJANSSON_BUILD_DOCS=OFF -DJANSSON_WITHOUT_TESTS=ON \
	    -DJANSSON_EXAMPLES=OFF
	# 1.1 makes a shared library in any case, and names the archive else.
	build_library cmocka -DBUILD_SHARED_LIBS=OFF -DWITH_STATIC_LIB=ON \
	    -DUNIT_TESTING=OFF -DWITH_EXAMPLES=OFF
	rm -f "$dir"/prefix/lib/libcmocka.so*
	[ ! -e "$dir/prefix/lib/libcmocka-static.a" ] ||
	    mv "$dir/prefix/lib/libcmocka-static.a" \
	    "$dir/prefix/lib/libcmocka.a"
}

#
# Ours
#
configure_program() {
	# shellcheck disable=SC2086 # lists of options
	set -- --host=$host --enable-werror $options \
	    ${CROSS_CONFIGURE_ARGS:-} CC="$dir/bin/cc" CFLAGS="$cflags" \
	    AR="$dir/bin/ar" RANLIB="$dir/bin/ranlib" \
	    PKG_CONFIG_LIBDIR="$dir/prefix/lib/pkgconfig"
	# Only when something of it is new.
	if [ -e "$dir/build/Makefile" ] && [ "$*" = \
	    "$(cat "$dir/build/options" 2>/dev/null)" ] &&
	    [ -z "$(find "$src/configure" -newer "$dir/build/Makefile")" ]; then
		return 0
	fi
	say "$target: configure"
	rm -rf "$dir/build"
	mkdir -p "$dir/build"
	(cd "$dir/build" && "$src/configure" -q "$@")
	echo "$*" >"$dir/build/options"
}

cross() {
	target=$1
	dir=$CROSS/$target
	describe "$target"
	make_tools
	case $CROSS_STEPS in *libraries*) build_libraries ;; esac
	case $CROSS_STEPS in
	*program*)
		configure_program
		say "$target: make"
		make -C "$dir/build" -s -j "$JOBS" all
		;;
	esac
	case $CROSS_STEPS in
	*tests*)
		say "$target: make check (compiled only)"
		make -C "$dir/build" -s -j "$JOBS" check TESTS= >/dev/null
		;;
	esac
	[ ! -e "$dir/build/bin/daemonwatch" ] ||
	    file "$dir/build/bin/daemonwatch" | sed "s,$dir/build/,,"
}

[ $# -gt 0 ] || {
	usage >&2
	exit 2
}
# shellcheck disable=SC2086 # a list of words
[ "$1" != all ] || set -- $targets
for target in "$@"; do
	case " $targets " in
	*" $target "*) ;;
	*)
		usage >&2
		exit 2
		;;
	esac
done
# PyPI's package keeps what it compiles of libc, and what we compile, here.
ZIG_GLOBAL_CACHE_DIR=$CROSS/cache
export ZIG_GLOBAL_CACHE_DIR
mkdir -p "$CROSS"
case $CROSS_STEPS in
*tools*)
	get_zig
	get_sources
	;;
esac
for target in "$@"; do
	cross "$target"
done
