/* SPDX-License-Identifier: GPL-3.0-or-later */
/* hold.h - which of the other members' blobs this peer holds: the user's own rule, and the owners'
 * quota (P-12.5, P-12.9). */
#ifndef RESTANTE_STORE_HOLD_H
#define RESTANTE_STORE_HOLD_H

#include "proto/address.h"
#include "proto/limits.h"
#include "store/store.h"
#include <stdbool.h>

enum hold_mode {
    HOLD_OTHERS = 0, /* all but what waits for this peer alone; until the user says otherwise */
    HOLD_ALL = 1,
    HOLD_NONE = 2,
};
#define HOLD_ANY_SIZE INT64_MAX
struct hold {
    enum hold_mode mode;
    int64_t max;  /* octets of a blob */
    size_t count; /* only of these members; 0: of all */
    char who[GROUP_MEMBERS_MAX][ADDRESS_MAX + 1];
};
void hold_get(struct db *db, struct hold *h_r);
/* Also goes through what is held: what the rule does not want any more is let go, what it wants now
 * is fetched. own: own address; quota: octets for each owner. Inside store_do. */
int hold_set(struct db *db, const struct hold *h, const char *own, uint64_t quota);

struct replica_news;
/* Decides of this owner's blobs that are not held yet whether they are to be: oldest first, what
 * fits into the quota beside what is held. Counts wanted and refused in news. Inside store_do. */
int hold_apply(struct db *db, const char *owner, const char *own, uint64_t quota,
               struct replica_news *news);

#endif
