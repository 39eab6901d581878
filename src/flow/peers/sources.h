/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sources.h - where a blob can be had: its sender, then the members of the sender's group, each
 * receiver in an order of its own, so that the load spreads (P-12.7). Who gave something wrong is
 * asked no more; who was slow is asked once more, patiently, when nobody else is left. */
#ifndef RESTANTE_FLOW_SOURCES_H
#define RESTANTE_FLOW_SOURCES_H

#include "flow/core/services.h"
#include "flow/peers/peer_link.h"

struct sources;

struct sources *sources_new(struct services *sv, const char *sender, const struct bytes *pubkey,
                            const uint8_t fpr[FPR_LEN], const uint8_t hash[HASH_LEN]);
void sources_free(struct sources *s);
/* The sender's group, as its notification names it; otherwise its identity's. */
void sources_master(struct sources *s, const uint8_t master_fpr[FPR_LEN]);

/* One that may be asked (see sources_address). there false: nobody is left; who is then the whole
 * of what was tried, as a sentence or "". patient: no other is left. Valid until the next call. */
typedef void sources_fn(void *ctx, bool there, const char *who, bool patient);
/* May call fn before it returns. */
void sources_next(struct sources *s, sources_fn *fn, void *ctx);
/* Whom a request is for, and where: the source that fn gave last. Valid as long as that. */
void sources_address(const struct sources *s, struct peer_request *r_r);

enum source_fault {
    SOURCE_UNREACHABLE, /* another endpoint of it may do better */
    SOURCE_UNASKED,     /* the same, and why is what the user can do about it */
    SOURCE_LACKS,       /* it does not have the blob */
    SOURCE_SLOW,
    SOURCE_LIED, /* what came is not what was announced */
};
/* What became of the source that fn gave last. why: a sentence for the log. */
void sources_fault(struct sources *s, enum source_fault fault, const char *why);

/* It gave all that was asked for: it is there. */
void sources_served(const struct sources *s);

#endif
