/* SPDX-License-Identifier: GPL-3.0-or-later */
/* about.h - whom a row is about, as the log says it: the first 16 digits of the message's ids, and
 * the other peer. `restante trace` finds lines by these digits. */
#ifndef RESTANTE_STORE_ABOUT_H
#define RESTANTE_STORE_ABOUT_H

#include "proto/address.h"
#include "store/store.h"

enum about {                    /* a row of which table, and what is said of it */
             ABOUT_MESSAGE = 1, /* its message id */
             ABOUT_BLOB,        /* that of its message, and its hash */
             ABOUT_RECEIVER,    /* that of its message, its notification id, its address */
             ABOUT_INCOMING,    /* notification id, sender */
             ABOUT_REPLICA,     /* hash of the blob, its owner */
             ABOUT_REPLICA_NS,  /* hash of its blob, its owner */
};

#define ABOUT_DIGITS 16 /* of an id */
#define ABOUT_CAP (2 * (ABOUT_DIGITS + 1) + ADDRESS_MAX + 1)

/* "3fa9c2d112345678 bob@demo", or "?" when there is no such row. */
void about_row(struct db *db, enum about what, int64_t n, char out[ABOUT_CAP]);
/* The same of ids at hand, for a row that is not committed yet. id2 and peer may be NULL; an id has
 * at least 8 octets. */
void about_ids(const uint8_t *id, const uint8_t *id2, const char *peer, char out[ABOUT_CAP]);

#endif
