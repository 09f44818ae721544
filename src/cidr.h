/* Lists of networks ("10.0.0.0/8, ::1, unix:") and whether an address is in one. */
#ifndef CVPULSE_CIDR_H
#define CVPULSE_CIDR_H

#include <stdbool.h>
#include <stdint.h>

#include "str.h"

/* An address of any kind in 16 bytes: IPv4 as ::ffff:a.b.c.d, so that both forms of one host are equal. */
struct ip {
	unsigned char bytes[16];
	bool is_unix;
};

struct sockaddr;
#define IP_TEXT_SIZE 48
struct ip ip_of(const struct sockaddr *sa);
int ip_parse(struct str text, struct ip *out);          /* "10.0.0.1", "::1"; -EINVAL */
void ip_format(const struct ip *ip, char out[IP_TEXT_SIZE]); /* "unix" for a unix socket */
bool ip_is_loopback(const struct ip *ip);               /* a unix socket counts as loopback */

#define CIDR_MAX 64
struct cidr_list {
	int n;
	struct { struct ip network; int bits; } at[CIDR_MAX]; /* bits of the 16 bytes */
};

/* 0, or -EINVAL with the offending item in *bad (may be NULL). */
int cidr_list_parse(const char *text, struct cidr_list *out, struct str *bad);
bool cidr_list_has(const struct cidr_list *list, const struct ip *ip);

#endif
