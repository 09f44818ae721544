/* `cvpulse doctor`: what is found, and the two halves of the looking. */
#ifndef CLI_DOCTOR_H
#define CLI_DOCTOR_H

#include "cli.h"
#include "probe.h"
#include "request.h"

enum verdict { VERDICT_OK, VERDICT_NOTE, VERDICT_WARNING, VERDICT_FAULT };

#define FINDINGS_MAX 32
#define FINDING_SIZE 512

struct finding {
	const char *check;
	enum verdict verdict;
	char what[FINDING_SIZE], remedy[FINDING_SIZE];  /* remedy is "" when there is nothing to do */
};

struct doctor {
	struct http_target target;
	const struct config *cfg;
	const char *user;
	const char *ca_file;            /* NULL: the system's */
	int64_t idle_ms;                /* how long a silent WebSocket must live; 0: not looked at */
	bool publish, json;
	bool loopback, accepted;        /* accepted: the token, or its absence, opens a stream */
	struct finding findings[FINDINGS_MAX];
	int n;
};

extern const struct command command_doctor;

/* Prints the line, unless JSON is wanted at the end. remedy may be NULL. */
void found(struct doctor *d, const char *check, enum verdict verdict, const char *remedy, const char *format, ...)
	__attribute__((format(printf, 5, 6)));

/* base + API_BASE + what + user + tail. */
void doctor_url(const struct doctor *d, const char *what, const char *tail, char out[PROBE_URL_SIZE]);

bool doctor_reach(struct doctor *d);            /* name, connection, TLS, clock, Cloudflare; false: nothing answers */
void doctor_health(struct doctor *d);
void doctor_streams(struct doctor *d);          /* server-sent events, long poll */
void doctor_uploads(struct doctor *d);
void doctor_socket(struct doctor *d);           /* upgrade, token, ping, bad token, event, silence */

#endif
