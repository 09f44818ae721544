/* See cidr.h. */
#include "cidr.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>

static const unsigned char v4_prefix[12] = { [10] = 0xFF, [11] = 0xFF };

static bool is_v4(const struct ip *ip)
{
	return memcmp(ip->bytes, v4_prefix, sizeof(v4_prefix)) == 0;
}

struct ip ip_of(const struct sockaddr *sa)
{
	struct ip ip = { .is_unix = false };

	if (sa->sa_family == AF_INET) {
		memcpy(ip.bytes, v4_prefix, sizeof(v4_prefix));
		memcpy(ip.bytes + 12, &((const struct sockaddr_in *)(const void *)sa)->sin_addr, 4);
	} else if (sa->sa_family == AF_INET6) {
		memcpy(ip.bytes, &((const struct sockaddr_in6 *)(const void *)sa)->sin6_addr, 16);
	} else {
		ip.is_unix = true;
	}
	return ip;
}

int ip_parse(struct str text, struct ip *out)
{
	char copy[IP_TEXT_SIZE];

	*out = (struct ip){ .is_unix = false };
	if (text.n == 0 || text.n >= sizeof(copy))
		return -EINVAL;
	memcpy(copy, text.p, text.n);
	copy[text.n] = '\0';
	if (inet_pton(AF_INET6, copy, out->bytes) == 1)
		return 0;
	memcpy(out->bytes, v4_prefix, sizeof(v4_prefix));
	return inet_pton(AF_INET, copy, out->bytes + 12) == 1 ? 0 : -EINVAL;
}

void ip_format(const struct ip *ip, char out[IP_TEXT_SIZE])
{
	if (ip->is_unix)
		snprintf(out, IP_TEXT_SIZE, "unix");
	else if (is_v4(ip))
		inet_ntop(AF_INET, ip->bytes + 12, out, IP_TEXT_SIZE);
	else
		inet_ntop(AF_INET6, ip->bytes, out, IP_TEXT_SIZE);
}

bool ip_is_loopback(const struct ip *ip)
{
	static const unsigned char six[16] = { [15] = 1 };

	return ip->is_unix || memcmp(ip->bytes, six, sizeof(six)) == 0 || (is_v4(ip) && ip->bytes[12] == 127);
}

static int parse_one(struct str item, struct cidr_list *out)
{
	struct str bits_text = item, address = str_cut(&bits_text, '/');
	struct ip ip;
	uint64_t bits;
	int base;

	if (out->n == CIDR_MAX)
		return -E2BIG;
	if (str_eq(item, STR("unix:"))) {
		out->at[out->n].network = (struct ip){ .is_unix = true };
		out->at[out->n++].bits = 0;
		return 0;
	}
	if (ip_parse(address, &ip) < 0)
		return -EINVAL;
	base = memchr(address.p, ':', address.n) ? 0 : 96;
	bits = (uint64_t)(128 - base);
	if (bits_text.p && str_to_u64(bits_text, 0, bits, &bits) < 0)
		return -EINVAL;
	out->at[out->n].network = ip;
	out->at[out->n++].bits = base + (int)bits;
	return 0;
}

int cidr_list_parse(const char *text, struct cidr_list *out, struct str *bad)
{
	struct str rest = str_c(text);

	out->n = 0;
	while (rest.n) {
		struct str item = str_trim(str_cut(&rest, ','));

		if (item.n && parse_one(item, out) < 0) {
			if (bad)
				*bad = item;
			return -EINVAL;
		}
	}
	return 0;
}

static bool in_network(const struct ip *ip, const struct ip *network, int bits)
{
	int whole = bits / 8, rest = bits % 8;

	if (ip->is_unix || network->is_unix)
		return ip->is_unix && network->is_unix;
	if (memcmp(ip->bytes, network->bytes, (size_t)whole) != 0)
		return false;
	return rest == 0 || ((ip->bytes[whole] ^ network->bytes[whole]) >> (8 - rest)) == 0;
}

bool cidr_list_has(const struct cidr_list *list, const struct ip *ip)
{
	for (int i = 0; i < list->n; i++)
		if (in_network(ip, &list->at[i].network, list->at[i].bits))
			return true;
	return false;
}
