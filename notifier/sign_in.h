/* Signing in that cannot be decided from the request alone: tickets, a key that must be fetched, a first message, renewal. */
#ifndef CVPULSE_SIGN_IN_H
#define CVPULSE_SIGN_IN_H

#include "notifier/conn.h"

/* A token in a message: the first one after auth=message, or a renewal. */
void sign_in_with(struct conn *c, struct str token);
/* Judged from the request; c is CONN_SIGNING_IN. Begins it, closes it, or leaves it to wait. */
void sign_in_judged(struct conn *c, const struct auth_judgement *j, struct str token);
/* The connection ends: no answer may find it any more. */
void sign_in_forget(struct conn *c);
/* Redeems a ticket; its answer begins or closes the connection. */
void sign_in_ticket(struct conn *c, struct str ticket);
/* POST /tickets: answers with a new one. request->user is the ticket until then, to be forgotten when the request ends. */
struct new_ticket;
void sign_in_new_ticket(struct notifier *n, struct request *rq, const struct identity *who);
void sign_in_ticket_forget(struct new_ticket *t);
/* Logs and counts a refusal. */
void sign_in_refused(const struct auth_judgement *j);

#endif
