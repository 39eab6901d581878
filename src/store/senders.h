/* SPDX-License-Identifier: GPL-3.0-or-later */
/* senders.h - what the user said of a sender: that it is a contact, or that it is blocked
 * (P-10.15, P-10.16). Functions that change something run inside store_do. */
#ifndef RESTANTE_STORE_SENDERS_H
#define RESTANTE_STORE_SENDERS_H

#include "store/incoming.h"

enum sender_rule {
    SENDER_NONE = 0,
    SENDER_ASKED = 1, /* whether it shall be blocked */
    SENDER_BLOCKED = 2,
};
enum sender_rule sender_rule(struct db *db, const char *address);
/* 1, or 0 when that changed nothing; -1 error. */
int sender_set(struct db *db, const char *address, enum sender_rule rule);
/* The user is not asked about this sender again. 1, or 0 when it was not blocked; -1 error. */
int sender_unblock(struct db *db, const char *address);
/* The blocked addresses in order, until fn returns false. */
void sender_blocked_each(struct db *db, bool (*fn)(void *ctx, const char *address), void *ctx);
/* Is this the pinned key of the address? */
bool sender_known(struct db *db, const char *address, const uint8_t fpr[FPR_LEN]);
/* The user put this message into the inbox: its signer becomes a contact, unless the address has a
 * pinned key already, and is not blocked. 0 or -1. */
int sender_accept(struct db *db, int64_t n);
/* The ids of messages that stand apart from the inbox, newest first; up to max. */
size_t in_apart(struct db *db, uint8_t (*nid_r)[HASH_LEN], size_t max);

#endif
