/* See net_guard.h. */
#include "net_guard.h"

#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>

/* IANA's special-purpose registries for IPv4 and IPv6: what is not the public internet. Of IPv6 only 2000::/3 is handed out,
 * and of that these stand for something else: Teredo and other protocols (2001::/23), documentation, 6to4. */
static const char not_public_v4[] = "0.0.0.0/8,10.0.0.0/8,100.64.0.0/10,127.0.0.0/8,169.254.0.0/16,172.16.0.0/12,192.0.0.0/24,"
	"192.0.2.0/24,192.88.99.0/24,192.168.0.0/16,198.18.0.0/15,198.51.100.0/24,203.0.113.0/24,224.0.0.0/4,240.0.0.0/4";
static const char public_v6[] = "2000::/3";
static const char not_public_v6[] = "2001::/23,2001:db8::/32,2002::/16,3fff::/20";

static int parse_ports(const char *text, struct net_guard *out, struct str *bad)
{
	struct str rest = str_c(text);

	while (rest.n) {
		struct str item = str_trim(str_cut(&rest, ','));
		uint64_t port;

		if (!item.n)
			continue;
		if (out->n_ports == NET_GUARD_PORTS_MAX || str_to_u64(item, 1, 65535, &port) < 0) {
			if (bad)
				*bad = item;
			return -EINVAL;
		}
		out->ports[out->n_ports++] = (uint16_t)port;
	}
	return 0;
}

int net_guard_parse(const char *allowed, const char *ports, struct net_guard *out, struct str *bad)
{
	int rc = cidr_list_parse(allowed, &out->allowed, bad);

	out->n_ports = 0;
	return rc < 0 ? rc : parse_ports(ports, out, bad);
}

static bool in(const char *networks, const struct ip *ip)
{
	struct cidr_list list;

	return cidr_list_parse(networks, &list, NULL) < 0 || cidr_list_has(&list, ip);
}

static bool is_public(const struct sockaddr *address, const struct ip *ip)
{
	if (address->sa_family == AF_INET)
		return !in(not_public_v4, ip);
	return in(public_v6, ip) && !in(not_public_v6, ip);
}

bool net_guard_allows(const struct net_guard *guard, const struct sockaddr *address)
{
	struct ip ip;

	if (address->sa_family != AF_INET && address->sa_family != AF_INET6)
		return false;
	ip = ip_of(address);
	if (address->sa_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&((const struct sockaddr_in6 *)(const void *)address)->sin6_addr))
		return false;
	return is_public(address, &ip) || cidr_list_has(&guard->allowed, &ip);
}

static bool port_allowed(const struct net_guard *guard, uint16_t port)
{
	for (int i = 0; i < guard->n_ports; i++)
		if (guard->ports[i] == port)
			return true;
	return false;
}

enum net_url_verdict net_guard_judge_url(const struct net_guard *guard, const struct net_url *url)
{
	if (!str_eq(url->scheme, STR("http")) && !str_eq(url->scheme, STR("https")))
		return NET_URL_SCHEME;
	if (url->credentials)
		return NET_URL_CREDENTIALS;
	if (!url->host.n || url->odd_host)
		return NET_URL_HOST;
	return port_allowed(guard, url->port) ? NET_URL_OK : NET_URL_PORT;
}

const char *net_url_sentence(enum net_url_verdict verdict)
{
	static const char *const sentences[] = {
#define V(name, sentence) [NET_URL_##name] = sentence,
		NET_URL_VERDICTS(V)
#undef V
	};

	return sentences[verdict];
}
