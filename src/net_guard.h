/*
 * Where requests to addresses that strangers name may go (SSRF: a stranger must not reach what only we can reach). The
 * decision falls on the address that is about to be connected to (http_client.h), so that no spelling of a host and no answer
 * of a name server goes around it; what the URL itself says is judged before.
 */
#ifndef CVPULSE_NET_GUARD_H
#define CVPULSE_NET_GUARD_H

#include "cidr.h"

#define NET_GUARD_PORTS_MAX 16

struct sockaddr;

struct net_guard {
	struct cidr_list allowed;               /* networks that are open although they are not public */
	uint16_t ports[NET_GUARD_PORTS_MAX];
	int n_ports;
};

/* allowed: CIDRs; ports: numbers; both comma-separated. 0, or -EINVAL with the offending item in *bad (may be NULL). */
int net_guard_parse(const char *allowed, const char *ports, struct net_guard *out, struct str *bad);

/* Public addresses, and those of `allowed`. Anything but IPv4 and IPv6 is refused, IPv4 inside IPv6 too. */
bool net_guard_allows(const struct net_guard *guard, const struct sockaddr *address);

/* What is wrong with a URL before anything is resolved; NET_URL_OK when nothing is. */
#define NET_URL_VERDICTS(V) \
	V(OK, "") \
	V(MALFORMED, "the address cannot be read") \
	V(SCHEME, "only http and https addresses are fetched") \
	V(CREDENTIALS, "the address must not hold a user name or password") \
	V(PORT, "this port is not allowed") \
	V(HOST, "this host is not allowed")
enum net_url_verdict {
#define V(name, sentence) NET_URL_##name,
	NET_URL_VERDICTS(V)
#undef V
};
const char *net_url_sentence(enum net_url_verdict verdict);

/* The parts of a URL that are judged, as libcurl reads them (http_client.h fills it). */
struct net_url {
	struct str scheme, host;                /* lower case; an IPv6 host with its brackets */
	uint16_t port;
	bool credentials;
	bool odd_host;                          /* an IPv4 address that is not written as four decimal numbers */
};
enum net_url_verdict net_guard_judge_url(const struct net_guard *guard, const struct net_url *url);

#endif
