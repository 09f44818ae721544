#!/bin/sh
# build.sh DIRECTORY CONFIGURE-OPTION…: brings the programs in DIRECTORY up to date, quietly; called by ./run and ./check.
# What the tools say goes to build.log in it. $make_targets: what to make, if not all.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
# shellcheck source=build-aux/lib.sh
. "$root/build-aux/lib.sh"
dir=$1
shift

failed() {
	tail -n 30 "$dir/build.log" >&2
	die "$1 (all of it: $dir/build.log)"
}

mkdir -p "$dir"
exec 8<"$root/build-aux"
flock 8
if [ ! -x "$root/configure" ] || [ -n "$(find "$root/configure.ac" -newer "$root/configure")" ]; then
	(cd "$root" && autoreconf -i) >"$dir/build.log" 2>&1 || failed "autoreconf failed"
fi
if [ ! -e "$dir/Makefile" ] || [ "$(cat "$dir/configured" 2>/dev/null)" != "$*" ]; then
	say "building in ${dir##*/}/, this takes a minute"
	(cd "$dir" && "$root/configure" -q "$@") >"$dir/build.log" 2>&1 || failed "configure failed"
	printf '%s\n' "$*" >"$dir/configured"
fi
# shellcheck disable=SC2086 # a list of words
make -C "$dir" -s -j"$(nproc)" ${make_targets:-all} >"$dir/build.log" 2>&1 || failed "the build failed"
