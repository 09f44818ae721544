# shellcheck shell=sh disable=SC2154
# What ./run, ./check and build.sh share: messages and Debian's packages. The caller has set $root.

say() { printf '%s\n' "$*"; }
die() { printf '%s\n' "cvpulse: $*" >&2; exit 1; }

need_tools() {
	for tool in "$@"; do
		command -v "$tool" >/dev/null || die "the program $tool is missing"
	done
}

# Prints those packages of the given kinds (build, run, test) that are not installed, on one line. A third word is a program:
# where there is one, from wherever, the package is not wanted (Debian's npm cannot stand beside another Node).
missing_packages() {
	wanted=$(awk -v kinds=" $* " '/^[a-z]/ && index(kinds, " " $1 " ") { print $2, $3 }' "$root/build-aux/packages" |
		while read -r package program; do
			if [ -z "$program" ] || ! command -v "$program" >/dev/null; then
				say "$package"
			fi
		done)
	# shellcheck disable=SC2086 # a list of words
	present=" $(dpkg-query -W -f '${db:Status-Status}:${Package} ' $wanted 2>/dev/null || true)"
	absent=
	for package in $wanted; do
		case $present in
		*" installed:$package "*) ;;
		*) absent="$absent $package" ;;
		esac
	done
	printf '%s' "${absent# }"
}

# Installing nginx and redis-server must not start Debian's services of them; the policy file says so to dpkg. Runs in a
# subshell, whose end, whatever it is, takes the file away again.
apt_install() (
	policy=/usr/sbin/policy-rc.d
	if [ ! -e $policy ]; then
		trap '$as_root rm -f $policy' EXIT
		trap 'exit 130' INT TERM HUP
		# shellcheck disable=SC2086 # $as_root is empty or one word
		printf '#!/bin/sh\nexit 101\n' | $as_root tee $policy >/dev/null
		$as_root chmod 755 $policy
	fi
	$as_root apt-get -qq update &&
		$as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq -y --no-install-recommends install "$@"
)

# Installs what is missing of the given kinds and says which. Needs no root, and says nothing, when nothing is missing.
install_packages() {
	command -v dpkg-query >/dev/null || return 0
	missing=$(missing_packages "$@")
	[ -n "$missing" ] || return 0
	as_root=
	if [ "$(id -u)" -ne 0 ]; then
		command -v sudo >/dev/null || die "packages are missing, as root do: apt-get install $missing"
		as_root=sudo
	fi
	say "installing Debian packages: $missing"
	log=$(mktemp)
	# shellcheck disable=SC2086 # a list of words
	if ! apt_install $missing >"$log" 2>&1 </dev/null; then
		tail -n 20 "$log" >&2
		rm -f "$log"
		die "apt-get could not install them"
	fi
	rm -f "$log"
}
