#!/bin/sh
# When the certificate of a site ends, as a metric. Run it daily, into the folder of node_exporter's textfile collector:
#   certificate.sh cv.example.org >/var/lib/prometheus/node-exporter/cvpulse.prom
set -eu

case ${1:-} in
'' | -*)
	echo "usage: certificate.sh HOST[:PORT] [CONNECT-TO]    CONNECT-TO: another host:port that has the site's certificate" >&2
	[ "${1:-}" = --help ] && exit 0
	exit 2
	;;
esac
host=${1%:*}
port=443
[ "$host" = "$1" ] || port=${1##*:}
# s_client ends well without a certificate too; x509 then does not.
end=$(timeout 20 openssl s_client -connect "${2:-$host:$port}" -servername "$host" </dev/null 2>/dev/null |
	openssl x509 -noout -enddate) || { echo "certificate.sh: $1 shows no certificate" >&2; exit 1; }
cat <<METRIC
# HELP cvpulse_certificate_expires_time_seconds When the site's certificate ends, seconds since 1970.
# TYPE cvpulse_certificate_expires_time_seconds gauge
cvpulse_certificate_expires_time_seconds{host="$host"} $(date -d "${end#notAfter=}" +%s)
METRIC
