/* SPDX-License-Identifier: GPL-3.0-or-later */
/* groups.h - the peer group this peer is in, and those that name it (P-4.12, P-11.1). A row stands
 * for one master; at most one row is accepted, and it alone makes fellows. */
#ifndef RESTANTE_STORE_GROUPS_H
#define RESTANTE_STORE_GROUPS_H

#include "base/crypt.h"
#include "proto/group.h"
#include "store/contacts.h"
#include "store/store.h"
#include <stdbool.h>

#define GROUPS_MAX 8 /* rows: masters that name us */

struct group_row {
    char name[HOST_MAX + 1];
    char master[ADDRESS_MAX + 1];
    uint8_t master_fpr[FPR_LEN];
    struct bytes master_key;
    enum group_role role; /* own; ROLE_NONE: no longer named */
    bool accepted;
    uint64_t seq;
    int64_t expiry_s;
    uint8_t roster[HASH_LEN]; /* SHA-256 of the payload that the master signed */
    struct bytes signed_;     /* the master's signed record */
    struct bytes record;      /* what stands in the DHT: the same, or a deputy's renewal of it */
    uint8_t lock[HASH_LEN];   /* of that entry */
    bool has_old;             /* an own entry that is to be deleted */
    uint8_t old_hash[HASH_LEN];
    int64_t put_ms; /* when it was put last from here */
};
void group_row_free(struct group_row *g);

struct group_fellow {
    char address[ADDRESS_MAX + 1];
    uint8_t fpr[FPR_LEN];
    enum group_role role;
    struct bytes pubkey; /* minimal public key; p NULL: not found yet */
    bool joined;         /* its identity names the same master: it has accepted */
    int64_t checked_ms;  /* when its identity was looked up last */
};

/* -1: none. */
int group_get_accepted(struct db *db, struct group_row *g_r);
/* The fingerprint of the master of the accepted group; false: this peer is in none. */
bool group_own_master(struct db *db, uint8_t master_fpr_r[FPR_LEN]);
int group_get(struct db *db, const uint8_t master_fpr[FPR_LEN], struct group_row *g_r);
/* Every row, the accepted one first, until fn returns false. g is valid during the call. */
void group_list(struct db *db, bool (*fn)(void *ctx, const struct group_row *g), void *ctx);
/* The members of one row, ordered by address, oneself among them. */
void group_members(struct db *db, const uint8_t master_fpr[FPR_LEN],
                   bool (*fn)(void *ctx, const struct group_fellow *m), void *ctx);
/* The other members of the accepted group whose public key is known; own: own address. Fewer than
 * GROUP_MEMBERS_MAX. Valid during the call; until fn returns false. */
void group_fellows(struct db *db, const char *own,
                   bool (*fn)(void *ctx, const struct group_fellow *m), void *ctx);
/* Is this (address, key) a member of the accepted group, oneself not counted? */
bool group_is_fellow(struct db *db, const char *own, const char *address,
                     const uint8_t fpr[FPR_LEN]);

/* A row that names us, is not accepted, was not told to the user yet, and is of no master whose
 * invitation into the group the user accepted; -1: none. */
struct group_named {
    char master[ADDRESS_MAX + 1];
    uint8_t master_fpr[FPR_LEN];
    uint64_t seq;
};
int group_to_tell(struct db *db, struct group_named *g_r);
int group_set_told(struct db *db, const uint8_t master_fpr[FPR_LEN]);

/* The fingerprint that the accepted group states for this address; -1: none. */
int group_vouched_fpr(struct db *db, const char *address, uint8_t fpr_r[FPR_LEN]);

enum group_news {
    GROUP_ERROR = -1,
    GROUP_SAME,     /* nothing new: older, or known */
    GROUP_NEW,      /* taken: other members, or a later expiry */
    GROUP_CONFLICT, /* the same sequence number with other content: ignored */
    GROUP_REFUSED,  /* another master's, which this peer may not or need not take */
};
/* A verified descriptor: read from the DHT, or made here. own: own address; of g name, master,
 * master_fpr, master_key, seq, expiry_s, roster, signed_, record and lock are looked at. It never
 * accepts a group, unless this peer is its master and made it, or (a restored backup) finds it. */
enum group_news group_apply(struct db *db, const struct group_row *g, const struct group_record *r,
                            const char *own, const uint8_t own_fpr[FPR_LEN], bool made_here);
/* 0; 1: there is no such row, or it does not name us; 2: another group is accepted already. */
int group_accept(struct db *db, const uint8_t master_fpr[FPR_LEN]);
/* Ends what group_accept began; the row stays as one that was not accepted. */
int group_leave(struct db *db, const uint8_t master_fpr[FPR_LEN]);
/* The record of g was put at that time, under this lock. Nothing changes where a newer one has
 * taken its place meanwhile: that one is still to be put. */
int group_set_put(struct db *db, const struct group_row *g, const uint8_t lock[HASH_LEN],
                  int64_t put_ms);
/* The old entry that g names is deleted, or its time is over; a later one stays to be deleted. */
int group_set_old_gone(struct db *db, const struct group_row *g);
/* The identity of a member of the accepted group was looked up: its key is stored with the member
 * and pinned as vouched (another key that is pinned already stays, and is marked as changed).
 * c->pubkey.p NULL: only the time, it was not found. */
int group_set_key(struct db *db, const struct contact *c, bool joined);

#endif
