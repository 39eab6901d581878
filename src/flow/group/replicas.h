/* SPDX-License-Identifier: GPL-3.0-or-later */
/* replicas.h - replication in the peer group (P-12): the own message list is signed anew whenever
 * what it says changes, the other members' lists are waited for; what they bring is committed, and
 * the steps of replicate.c do the rest. */
#ifndef RESTANTE_FLOW_REPLICAS_H
#define RESTANTE_FLOW_REPLICAS_H

#include "flow/core/module.h"
#include "proto/group.h"
#include "store/groups.h"

struct replication {
    uv_timer_t *timer;
    /* own list: msglists.c */
    bool publishing, published;
    int64_t version, published_ms;
    uint8_t said[HASH_LEN];     /* digest of what the published list says, and to whom, but for: */
    uint8_t (*locks)[HASH_LEN]; /* of the notifications it lists, sorted */
    size_t lock_count;
    /* other members: watch.c */
    struct watcher *watchers;
    int64_t sync_ms;
};

extern const struct module replication_module;
/* The network is there: ask all members now. */
void replication_poll(struct services *sv);

/* Private to replication: called at each turn of its timer. heard: every member was asked since the
 * start, whatever came of it. */
void msglists_turn(struct services *sv, bool heard);
void watch_turn(struct services *sv);
void watch_free(struct services *sv);

/* The accepted fellow with this address; free pubkey. -1: none. */
int fellow_get(const struct services *sv, const char *address, struct group_fellow *m_r);

/* The module's state; NULL when it does not run. Its name: */
extern const char replication_key;
struct replication *replication_of(const struct services *sv);

#endif
