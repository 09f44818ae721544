#!/bin/sh
# dashboard.sh [--is-current]: brings web/dashboard/dist, the built page, up to date; called by make. It lies in the source
# tree and in the tarball, so that who builds from a tarball needs no npm. --is-current: only say whether there is nothing to do.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
# shellcheck source=build-aux/lib.sh
. "$root/build-aux/lib.sh"
cd "$root/web/dashboard"
page=dist/index.html

is_current() {
	[ -e $page ] || return 1
	newer=$(find . ../client/src -name node_modules -prune -o -name dist -prune -o -name .lock -o -type f -newer $page -print)
	[ -z "$newer" ]
}

! is_current || exit 0
[ "${1:-}" != --is-current ] || exit 1
command -v npm >/dev/null || die "npm is missing: apt-get install npm, or ./configure --disable-dashboard"
rm -f $page
"$root/build-aux/npm.sh" web/dashboard $page
