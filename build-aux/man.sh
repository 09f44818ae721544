#!/bin/sh
# man.sh PAGE VERSION: writes a manual page from what the programs say themselves (--help, help COMMAND, genconfig --manual), which
# comes from their tables. Called by the build, in the folder with the programs; ADMIN is the path of scripts/cvpulse-admin.
set -eu
page=$1
version=$2

# As it is, in roff: no line is taken for a request.
plain() { sed -e 's/\\/\\e/g' -e 's/-/\\-/g' -e "s/^\\([.']\\)/\\\\\\&\\1/"; }
block() { printf '.nf\n'; plain; printf '.fi\n'; }
head() { printf '.TH %s %s "" "cvpulse %s" "cvpulse"\n.SH NAME\n%s \\- %s\n' "$1" "$2" "$version" "$3" "$4"; }

# daemon NAME SENTENCE
daemon() {
	head "$1" 8 "$1" "$2"
	printf '.SH SYNOPSIS\n.B %s\n[FLAGS]\n.SH DESCRIPTION\n' "$1"
	"./$1" --help | block
	cat <<'TEXT'
.SH SIGNALS
.TP
.B SIGTERM, SIGINT
Stop gracefully; see the key drain_s of the program's section.
.TP
.B SIGHUP
Read the configuration again. What cannot be taken over without a restart is named in the log.
.SH EXIT STATUS
0 after a clean stop, 2 on a configuration error, 1 otherwise.
.SH SEE ALSO
.BR cvpulse (1),
.BR cvpulse.conf (5),
.BR cvpulse\-admin (8)
TEXT
}

command() {
	head cvpulse 1 cvpulse "CVs in, live progress out: the operator's command"
	printf '.SH SYNOPSIS\n.B cvpulse\n[FLAGS] COMMAND …\n.SH FLAGS\n'
	./cvpulse --help | block
	printf '.SH COMMANDS\n'
	./cvpulse help | sed -n 's/^  \([a-z]*\)  *.*/\1/p' | while read -r name; do
		printf '.SS %s\n' "$name"
		./cvpulse help "$name" | block
	done
	printf '.SH EXIT STATUS\n0 done, 1 failed, 2 a wrong call or configuration.\n'
	printf '.SH SEE ALSO\n.BR cvpulse.conf (5),\n.BR cvpulse\\-notifier (8),\n.BR cvpulse\\-worker (8),\n.BR cvpulse\\-admin (8)\n'
}

configuration() {
	head cvpulse.conf 5 cvpulse.conf "configuration of cvpulse"
	cat <<'TEXT'
.SH DESCRIPTION
One file for all programs: sections in brackets, a line "key = value" each. A # or ; at the beginning of a line, or a ; after a
space, begins a comment. A long value goes on in the next line when that line is indented. Lists have commas.
.PP
Over the file goes the environment (CVPULSE_<SECTION>_<KEY>), over both the flag \-\-set section.key=value. Keys that end in _s
take seconds, decimals too; 0 switches a limit off. Secrets are named by file, never given.
.PP
.B cvpulse checkconfig
names each problem with its line,
.B cvpulse genconfig
writes a file with every key.
.SH KEYS
TEXT
	./cvpulse genconfig --manual
	printf '.SH SEE ALSO\n.BR cvpulse (1),\n.BR cvpulse\\-notifier (8),\n.BR cvpulse\\-worker (8)\n'
}

admin() {
	head cvpulse-admin 8 'cvpulse\-admin' "look over, back up, restart, switch and deploy cvpulse"
	printf '.SH SYNOPSIS\n.B cvpulse\\-admin\nCOMMAND …\n.SH DESCRIPTION\n'
	"$ADMIN" --help | block
	printf '.SH SEE ALSO\n.BR cvpulse (1),\n.BR cvpulse.conf (5)\n'
}

case $page in
cvpulse.1) command ;;
cvpulse.conf.5) configuration ;;
cvpulse-notifier.8) daemon cvpulse-notifier 'holds the connections of browsers and bridges Redis to them' ;;
cvpulse-worker.8) daemon cvpulse-worker 'takes uploads, reads CVs and publishes progress' ;;
cvpulse-admin.8) admin ;;
*) exit 2 ;;
esac
