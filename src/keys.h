/* Redis key names (the contract: one place makes them). */
#ifndef CVPULSE_KEYS_H
#define CVPULSE_KEYS_H

#include "id.h"
#include "str.h"

#define KEY_SIZE (3 * ID_MAX + 64)

/* "user:<id>:<suffix>" or "user:{<id>}:<suffix>" by redis.key_form. suffix: "events", "history", "batches", "" … The user
 * must be id_valid. Returns the slice of out. */
struct str key_user(char out[KEY_SIZE], const char *key_form, struct str user, const char *suffix);
/* user:<id>:batch:<batch><suffix>; suffix is "" or ":cvs" */
struct str key_batch(char out[KEY_SIZE], const char *key_form, struct str user, struct str batch, const char *suffix);
/* The user in a channel name of this form; -EINVAL when it is none. */
int key_channel_user(struct str channel, const char *key_form, struct str *user);

#define KEY_CONTROL "cvpulse:control"
#define KEY_SCHEMA "cvpulse:schema"
#define KEY_PROBE_PREFIX "cvpulse:probe:"
#define KEY_TICKET_PREFIX "cvpulse:ticket:"
#define CONTRACT_VERSION 1

#endif
