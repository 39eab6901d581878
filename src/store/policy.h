/* SPDX-License-Identifier: GPL-3.0-or-later */
/* policy.h - what the user decided about fetching: for mail clients by their name, for senders, and
 * for what is fetched as soon as it is announced (P-7.12, P-7.13). */
#ifndef RESTANTE_STORE_POLICY_H
#define RESTANTE_STORE_POLICY_H

#include "store/store.h"
#include <stdbool.h>

enum policy_kind { POLICY_CLIENT = 1, POLICY_CONTACT = 2, POLICY_ARRIVAL = 3 };
enum policy { /* the value of a rule for a client or a contact */
              POLICY_NONE = 0,
              POLICY_ON_OPEN = 1,
              POLICY_REFUSE_BACKGROUND = 2,
              POLICY_PULL_ALL = 3,
};
/* "on-open"; "" for POLICY_NONE. */
const char *policy_name(enum policy p);
/* POLICY_NONE: it is none of them. */
enum policy policy_of_name(const char *name);

#define POLICY_ARRIVAL_ALL "all"           /* whoever the sender is */
#define POLICY_ARRIVAL_CONTACTS "contacts" /* whose pinned key has signed */

/* The rule for this client (case makes no difference) or contact. */
enum policy policy_get(struct db *db, enum policy_kind kind, const char *name);
/* Sets or replaces a rule; of POLICY_ARRIVAL the value is octets: so large a message at most, 0:
 * none, POLICY_ANY_SIZE: whatever its size. */
#define POLICY_ANY_SIZE INT64_MAX
int policy_set(struct db *db, enum policy_kind kind, const char *name, int64_t value);
/* 1, or 0 when there was none. */
int policy_forget(struct db *db, enum policy_kind kind, const char *name);
/* By kind and name, until fn returns false. */
void policy_each(struct db *db,
                 bool (*fn)(void *ctx, enum policy_kind kind, const char *name, int64_t value),
                 void *ctx);

/* A stub that just came into the inbox is wanted if a rule says so: the sender's own before the one
 * for contacts, that before the one for all. 1: it is, 0: not, -1: error. */
int policy_arrived(struct db *db, int64_t n);
/* Is this message still a stub that a policy may be asked about? Then its sender. */
bool policy_sender(struct db *db, const uint8_t nid[32], char *sender_r, size_t cap);
/* Every message that waits elsewhere and was not thrown away is wanted. 0 or -1. */
int policy_want_all(struct db *db);
/* The rows that are wanted now, from after_n on; how many. */
size_t policy_wanted(struct db *db, int64_t after_n, int64_t *n_r, size_t max);
/* How far one of them is. */
struct policy_progress {
    uint8_t nid[32];
    int64_t octets; /* of the blob */
    bool ended;     /* it is here, or nothing more will come */
    bool failing;   /* not here, and tried without success */
};
void policy_progress(struct db *db, int64_t n, struct policy_progress *p);

#endif
