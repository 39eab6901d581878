/* SPDX-License-Identifier: GPL-3.0-or-later */
/* replicas.h - what this peer keeps for the other members of its group, what they keep for it, and
 * what its own message list says (P-12). Functions that change something run inside store_do; the
 * others also on the reader. */
#ifndef RESTANTE_STORE_REPLICAS_H
#define RESTANTE_STORE_REPLICAS_H

#include "proto/msglist.h"
#include "store/store.h"
#include <stdbool.h>

enum replica_state {
    REPLICA_WANTED = 1,  /* listed, to be fetched */
    REPLICA_HELD = 2,    /* whole and durable in replica/<hash> */
    REPLICA_REFUSED = 3, /* over the owner's quota */
    REPLICA_DROP = 4,    /* the owner's removal came: the file, then the row, goes */
    /* by the user's own rule (store/hold.h): */
    REPLICA_UNWANTED = 5, /* it is not held */
    REPLICA_LET_GO = 6,   /* its file goes, then it is unwanted */
};

struct replica {
    int64_t n;
    char owner[ADDRESS_MAX + 1];
    struct blob_ref ref;
    int64_t expiry_s, tries;
    enum replica_state state;
};
int replica_get(struct db *db, int64_t n, struct replica *r);
int replica_set_held(struct db *db, int64_t n);
int replica_set_drop(struct db *db, int64_t n);
int replica_delete(struct db *db, int64_t n);
/* The files of r are gone: so is the row, unless the user's rule alone let it go. */
int replica_dropped(struct db *db, const struct replica *r, const char *own, uint64_t quota,
                    int64_t now_ms);
/* Does any row want or hold this blob? Rows to be dropped do not count. */
bool replica_needed(struct db *db, const uint8_t hash[HASH_LEN]);
/* Is it here, whole and durable? */
bool replica_is_held(struct db *db, const uint8_t hash[HASH_LEN]);
/* Does another row than n? */
bool replica_needed_beside(struct db *db, int64_t n, const uint8_t hash[HASH_LEN]);

struct replica_ns { /* a notification of another member that waits for its receiver */
    int64_t n;
    char key[4 + ADDRESS_MAX + 64];
    struct bytes entry;
    uint8_t lock[HASH_LEN];
    int64_t expiry_s;
};
int replica_ns_get(struct db *db, int64_t n, struct replica_ns *r);
void replica_ns_free(struct replica_ns *r);
int replica_ns_delete(struct db *db, int64_t n);
int replica_ns_delay(struct db *db, int64_t n, int64_t due_ms);

struct replica_news { /* what a list brought */
    bool old;         /* its counter is not higher than the last one's: nothing was taken */
    unsigned wanted, removed, refused;
};
/* A verified list of another member. quota: octets kept for its owner; own: own address;
 * ns_due_ms: when its notifications are put for the first time. */
int replica_apply(struct db *db, const struct msglist *l, uint64_t quota, const char *own,
                  int64_t now_ms, int64_t ns_due_ms, struct replica_news *news);

/* What the own list says now: all but owner, group, counter and expiry. entries holds the
 * notifications' octets and has a cap: what does not fit is left out. grace_s: removals are said so
 * long after the expiry. */
int msglist_read(struct db *db, int64_t now_s, int64_t grace_s, struct msglist *l,
                 struct buf *entries);
/* Changes whenever something was committed. */
int64_t store_version(struct db *db);

/* How many members say that they hold this own blob. */
unsigned holders_count(struct db *db, const uint8_t hash[HASH_LEN]);
/* The own blobs that members say they hold; for a peer that was restored from a backup. Until fn
 * returns false. */
void holders_list(struct db *db,
                  bool (*fn)(void *ctx, const char *member, const struct msglist_blob *b),
                  void *ctx);

#endif
