/* Addresses that strangers name, read by libcurl's own parser: what is judged here is what is connected to later. See
 * http_client.h. */
#include <arpa/inet.h>
#include <curl/curl.h>

#include "http_client.h"

/* libcurl turns 0x7f.1, 017700000001 and 2130706433 into 127.0.0.1. Nobody writes an address so who means well. */
static bool is_odd(const char *url, const char *host)
{
	struct in_addr address;
	const char *written = strstr(url, "//");

	return inet_pton(AF_INET, host, &address) == 1 && !(written && strncmp(written + 2, host, strlen(host)) == 0);
}

static char *part(CURLU *parsed, CURLUPart what)
{
	char *text = NULL;

	return curl_url_get(parsed, what, &text, CURLU_DEFAULT_PORT) == CURLUE_OK ? text : NULL;
}

static enum net_url_verdict judge_parsed(const struct net_guard *guard, const char *url, CURLU *parsed)
{
	char *scheme = part(parsed, CURLUPART_SCHEME), *host = part(parsed, CURLUPART_HOST), *port = part(parsed, CURLUPART_PORT);
	char *user = part(parsed, CURLUPART_USER), *password = part(parsed, CURLUPART_PASSWORD);
	enum net_url_verdict verdict;
	uint64_t number = 0;

	str_to_u64(str_c(port), 1, 65535, &number);
	const struct net_url judged = {
		.scheme = str_c(scheme), .host = str_c(host), .port = (uint16_t)number,
		.credentials = user || password, .odd_host = host && is_odd(url, host),
	};

	verdict = net_guard_judge_url(guard, &judged);
	curl_free(scheme);
	curl_free(host);
	curl_free(port);
	curl_free(user);
	curl_free(password);
	return verdict;
}

/* Only printable ASCII: whoever means another character escapes it. */
static bool is_printable(const char *url)
{
	for (const char *p = url; *p; p++)
		if (*p <= 0x20 || *p >= 0x7f || *p == '\\')
			return false;
	return true;
}

enum net_url_verdict http_url_judge(const struct net_guard *guard, const char *url)
{
	enum net_url_verdict verdict = NET_URL_MALFORMED;
	CURLU *parsed;

	if (strlen(url) > HTTP_URL_MAX || !is_printable(url))
		return verdict;
	parsed = curl_url();
	if (parsed && curl_url_set(parsed, CURLUPART_URL, url, CURLU_NON_SUPPORT_SCHEME) == CURLUE_OK)
		verdict = judge_parsed(guard, url, parsed);
	curl_url_cleanup(parsed);
	return verdict;
}
