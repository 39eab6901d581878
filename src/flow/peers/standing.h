/* SPDX-License-Identifier: GPL-3.0-or-later */
/* standing.h - how this peer stands in the network, as far as is known now: what of it is posted,
 * and whether it is the peer of its address. Presence and the conflict of instances write it,
 * everybody reads it. */
#ifndef RESTANTE_FLOW_STANDING_H
#define RESTANTE_FLOW_STANDING_H

#include "flow/core/module.h"

struct rival {
    bool stands;
    uint8_t fpr[FPR_LEN];
    int64_t until_s; /* its identity's expiry; seconds since 1970 */
};

struct standing {
    bool identity_posted, descriptor_posted;
    char stop_reason[320]; /* a sentence, when the peer must not go on (a conflict of instances) */
    uint32_t shards;       /* of the own ns: key; only ever more */
    bool revoked;          /* the own key is: nothing is sent or posted any more */
    struct rival rival;    /* another key that stands at the own address */
    bool looked;           /* the DHT was asked for another instance since the start */
};

extern const struct module standing_module;
/* To read; never NULL (all zero when nothing runs). */
const struct standing *standing_of(const struct services *sv);
/* To write; between start and free. */
struct standing *standing_own(struct services *sv);
/* For services.may_go. */
bool standing_may_go(const struct services *sv);

#endif
