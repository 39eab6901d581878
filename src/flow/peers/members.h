/* SPDX-License-Identifier: GPL-3.0-or-later */
/* members.h - who else may hold a sender's blob: what the group gives to those that fetch, without
 * their knowing it (services.members; group/group_of.c and group/member_find.c). */
#ifndef RESTANTE_FLOW_MEMBERS_H
#define RESTANTE_FLOW_MEMBERS_H

#include "flow/core/services.h"
#include "flow/peers/endpoint_lookup.h"
#include "proto/group.h"

/* count 0: why says that the sender is in no group, or could not be looked up. Valid during the
 * call. */
typedef void members_fn(void *ctx, const struct group_member *m, size_t count, const char *why);

struct members_service {
    /* The members of a sender's group, from its verified descriptor: without the sender and
     * oneself. fpr: the sender's key. master_fpr: as its notification names it (struct incoming);
     * NULL: as its identity in the DHT names it. A descriptor counts only if it is of that master
     * and names the sender with that key. Remembered for half a minute. fn is never called before
     * this returned. */
    void (*of)(struct services *sv, const char *address, const uint8_t fpr[FPR_LEN],
               const uint8_t *master_fpr, members_fn *fn, void *ctx);
    /* Where a member of some group is, known by its fingerprint: its key is taken from the own
     * group, the key cache or its identity in the DHT. As endpoint_lookup_find. */
    void (*find)(struct services *sv, const char *address, const uint8_t fpr[FPR_LEN],
                 endpoint_lookup_fn *fn, void *ctx);
};

#endif
