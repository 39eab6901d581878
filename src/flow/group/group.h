/* SPDX-License-Identifier: GPL-3.0-or-later */
/* group.h - the peer group (P-11.1): its descriptor in the DHT, made by the master, renewed by a
 * deputy, put again by every member; what it says about oneself; and the members of somebody
 * else's group, who may hold what its owner cannot serve now. */
#ifndef RESTANTE_FLOW_GROUP_H
#define RESTANTE_FLOW_GROUP_H

#include "flow/core/services.h"
#include "proto/group.h"
#include "store/hold.h"

int groups_start(struct services *sv, struct error *e);
void groups_stop(struct services *sv);
void groups_free(struct services *sv);
/* The accepted group's descriptor is put again now. */
void groups_put(struct services *sv);
/* Look now (the network is there, or something changed). */
void groups_poll(struct services *sv);

/* What the user asks for; done is called once, on the loop's thread, perhaps before the call
 * returns: when the change is committed (it reaches the DHT by itself), or with a sentence. */
typedef void groups_done_fn(void *ctx, bool ok, const char *why);
void groups_create(struct services *sv, groups_done_fn *done, void *ctx);
void groups_add(struct services *sv, const char *address, enum group_role role,
                groups_done_fn *done, void *ctx);
void groups_remove(struct services *sv, const char *address, groups_done_fn *done, void *ctx);
/* master: its address or the beginning of its fingerprint in hex; NULL: the only one there is. */
void groups_accept(struct services *sv, const char *master, groups_done_fn *done, void *ctx);
void groups_leave(struct services *sv, groups_done_fn *done, void *ctx);
/* What this peer holds from now on; whom the rule names must be members. */
void groups_hold(struct services *sv, const struct hold *rule, groups_done_fn *done, void *ctx);

/* The members of a sender's group, from its verified descriptor: without the sender and oneself.
 * count 0: why says that it is in no group, or could not be looked up. Valid during the call; never
 * called before group_members_of returned. */
typedef void group_members_fn(void *ctx, const struct group_member *m, size_t count,
                              const char *why);
/* fpr: the sender's key. master_fpr: as its notification names it (struct incoming); NULL: as its
 * identity in the DHT names it. A descriptor counts only if it is of that master and names the
 * sender with that key. Remembered for half a minute. */
void group_members_of(struct services *sv, const char *address, const uint8_t fpr[FPR_LEN],
                      const uint8_t *master_fpr, group_members_fn *fn, void *ctx);

#endif
