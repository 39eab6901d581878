/* SPDX-License-Identifier: GPL-3.0-or-later */
/* lookup.h - a receiver's key: from the key cache, else from the DHT (the paper's step 2, and the
 * design's rules on whom to trust). What is found for sending is pinned. */
#ifndef RESTANTE_FLOW_LOOKUP_H
#define RESTANTE_FLOW_LOOKUP_H

#include "flow/core/services.h"

enum lookup_result {
    LOOKUP_FOUND,      /* pinned in the key cache */
    LOOKUP_NONE,       /* connected, completed, and nobody has posted a key */
    LOOKUP_UNDECIDED,  /* several keys, or the one that counts is revoked, expired or not there: it
                        * waits until a person decides */
    LOOKUP_INCOMPLETE, /* not connected, or the look-up did not complete: try again later */
};
/* why: a sentence unless found. On the loop's thread; may be called before lookup_key returns. */
typedef void lookup_fn(void *ctx, enum lookup_result result, const char *why);

/* Returns a handle to cancel with while fn was not called, or NULL when it was already. */
struct lookup *lookup_key(struct services *sv, const char *address, lookup_fn *fn, void *ctx);
/* The same for who need not answer at once: the second look comes later. */
struct lookup *lookup_key_calmly(struct services *sv, const char *address, lookup_fn *fn,
                                 void *ctx);
/* The user decided for the key with this fingerprint: from quarantined mail, else from the DHT, it
 * replaces the pinned one. fn as above. */
void lookup_accept(struct services *sv, const char *address, const uint8_t fpr[FPR_LEN],
                   lookup_fn *fn, void *ctx);
/* known: a key with that fingerprint is here. why: NULL, or what went wrong. */
typedef void lookup_verify_fn(void *ctx, bool known, const char *why);
/* The user has this fingerprint from its owner: it is pinned as verified (contact_verify), and its
 * key looked for unless it is here. What waits for this address is tried again. fn is called once,
 * when that is durable. */
void lookup_verify(struct services *sv, const char *address, const uint8_t fpr[FPR_LEN],
                   lookup_verify_fn *fn, void *ctx);
void lookup_cancel(struct lookup *l);

#endif
