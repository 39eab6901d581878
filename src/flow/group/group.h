/* SPDX-License-Identifier: GPL-3.0-or-later */
/* group.h - the peer group (P-11.1): its descriptor in the DHT, made by the master, renewed by a
 * deputy, put again by every member; what it says about oneself; and the members of somebody
 * else's group, who may hold what its owner cannot serve now. */
#ifndef RESTANTE_FLOW_GROUP_H
#define RESTANTE_FLOW_GROUP_H

#include "flow/core/module.h"
#include "flow/peers/members.h"
#include "proto/group.h"
#include "store/hold.h"

extern const struct module groups_module;
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

/* Who else may hold a blob; for services.members. */
extern const struct members_service group_members_service;

#endif
