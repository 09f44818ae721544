#!/bin/sh
# npm.sh FOLDER PRODUCT: the npm packages that FOLDER/package-lock.json names, and "npm run build", unless FOLDER/PRODUCT is
# newer than everything that it is made of. Any number of these may run at once.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
# shellcheck source=build-aux/lib.sh
. "$root/build-aux/lib.sh"
need_tools node npm flock
cd "$root/$1"
product=$2

exec 9>"$root/$1/.lock"
flock 9
[ -e "$product" ] && [ -z "$(find . -path ./node_modules -prune -o -path "./${product%%/*}" -prune -o -name .lock -o -type f -newer "$product" -print)" ] &&
	exit 0
if ! cmp -s package-lock.json node_modules/.lock-installed; then
	npm ci --ignore-scripts --no-audit --no-fund >&2
	mkdir -p node_modules
	cp package-lock.json node_modules/.lock-installed
fi
npm run build >&2
