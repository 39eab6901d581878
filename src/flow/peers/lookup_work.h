/* SPDX-License-Identifier: GPL-3.0-or-later */
/* lookup_work.h - what lookup.c, which asks the DHT and the store, and lookup_choose.c, which
 * decides, share. */
#ifndef RESTANTE_FLOW_LOOKUP_WORK_H
#define RESTANTE_FLOW_LOOKUP_WORK_H

#include "flow/peers/candidates.h"
#include "flow/peers/verify.h"
#include "flow/peers/lookup.h"
#include "store/contacts.h"
#include "base/jobs.h"
#include "dht/dht.h"

struct lookup_candidate {
    struct bytes value;
    struct verified_identity id;
    bool good;    /* an identity that counts */
    bool revokes; /* a revocation of the key id.fpr */
};

struct lookup {
    struct job job;
    struct services *services;
    char address[ADDRESS_MAX + 1], key[DHT_KEY_MAX + 1];
    lookup_fn *fn; /* NULL: cancelled, or nobody waits (a recheck) */
    void *ctx;
    struct lookup_candidate c[CANDIDATES_MAX];
    size_t count, listed; /* entries that came; that are there */
    struct contact found;
    enum lookup_result result;
    struct error why;
    bool again;  /* this is the second look */
    bool calm;   /* nobody waits for the answer: the network may settle between the two */
    bool accept; /* only the key with this fingerprint, which replaces the pinned one */
    uint8_t fpr[FPR_LEN];
    const struct lookup_candidate *revocation; /* of the key that counted here, to be kept */
    bool noted;                                /* another key than the pinned one stands there: */
    uint8_t other[FPR_LEN];
};

enum lookup_next {
    LOOKUP_STORE,      /* commit what was decided (found, revocation, other), answer l->result */
    LOOKUP_LOOK_AGAIN, /* nothing stands there: look once more, then answer LOOKUP_NONE */
    LOOKUP_END,        /* answer l->result, with l->why */
};
/* Decides by what stood there and is verified. Loop thread. */
enum lookup_next lookup_choose(struct lookup *l);
/* Why the key that counts here cannot be used: other NULL when no other is announced. */
void lookup_say_held(struct error *e, const char *address, bool revoked, const uint8_t *fpr,
                     const uint8_t *other);

#endif
