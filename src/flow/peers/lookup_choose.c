/* SPDX-License-Identifier: GPL-3.0-or-later */
/* lookup_choose.c - of the identities that stand at an address: which counts (P-10.30, P-10.31). */
#include "base/clock.h"
#include "base/texts.h"
#include "flow/peers/lookup_work.h"
#include "store/groups.h"
#include "store/revoked.h"
#include <string.h>

static enum lookup_next ends(struct lookup *l, enum lookup_result result)
{
    l->result = result;
    return LOOKUP_END;
}

static int lookup_take_candidate(struct lookup *l, const struct lookup_candidate *c)
{
    l->found.ocb = c->id.r.ocb;
    l->found.shards = c->id.r.shards;
    l->found.seq = c->id.r.seq;
    l->found.trust = TRUST_SEEN;
    l->found.checked_ms = clock_wall_ms();
    l->found.expiry_s = c->id.r.expiry;
    memcpy(l->found.fpr, c->id.fpr, FPR_LEN);
    (void)strcpy(l->found.address, l->address);
    return bytes_set(&l->found.pubkey, c->id.pubkey.p, c->id.pubkey.n);
}

static const struct lookup_candidate *best_of(const struct lookup *l, const uint8_t *fpr,
                                              bool *several)
{
    const struct lookup_candidate *best = NULL;
    *several = false;
    for (size_t i = 0; i < l->count; i++) {
        const struct lookup_candidate *c = &l->c[i];
        if (!c->good || (fpr != NULL && memcmp(c->id.fpr, fpr, FPR_LEN) != 0))
            continue;
        if (best != NULL && memcmp(best->id.fpr, c->id.fpr, FPR_LEN) != 0)
            *several = true;
        if (best == NULL || c->id.r.seq > best->id.r.seq)
            best = c;
    }
    return best;
}

/* This identity's key, to be pinned. */
static enum lookup_next lookup_pin(struct lookup *l, const struct lookup_candidate *c)
{
    if (lookup_take_candidate(l, c) == 0)
        return LOOKUP_STORE;
    (void)error_set(&l->why, TEXT_NO_MEMORY);
    return ends(l, LOOKUP_INCOMPLETE);
}

static enum lookup_next choose_accepted(struct lookup *l)
{
    bool several;
    const struct lookup_candidate *c = best_of(l, l->fpr, &several);
    l->result = LOOKUP_FOUND;
    if (c != NULL)
        return lookup_pin(l, c);
    (void)error_set(&l->why, TEXT_KEY_ABSENT, l->address);
    return ends(l, LOOKUP_NONE);
}

/* The fingerprint that counts at this address whatever else stands there: the user's pin, else what
 * the own group's list states. false: none. */
static bool wanted(const struct lookup *l, uint8_t fpr[FPR_LEN])
{
    struct db *db = store_reader(l->services->store);
    return contact_pinned_fpr(db, l->address, fpr) == 0 ||
           group_vouched_fpr(db, l->address, fpr) == 0;
}

/* Only a person can choose among keys (design: neither age nor newness decides): the message waits,
 * and both fingerprints are shown. */
static void say_several(struct lookup *l)
{
    char one[2 * FPR_LEN + 1], two[2 * FPR_LEN + 1];
    const struct lookup_candidate *first = NULL;
    for (size_t i = 0; i < l->count; i++) {
        const struct lookup_candidate *c = &l->c[i];
        if (!c->good)
            continue;
        if (first == NULL)
            first = c;
        hex_encode(first->id.fpr, FPR_LEN, one);
        hex_encode(c->id.fpr, FPR_LEN, two);
        if (strcmp(one, two) != 0)
            break;
    }
    (void)error_set(&l->why, TEXT_KEY_SEVERAL, l->address, one, two);
}

/* Why the key that counts here cannot be used: other NULL when no other is announced. */
void lookup_say_held(struct error *e, const char *address, bool revoked, const uint8_t *fpr,
                     const uint8_t *other)
{
    char one[2 * FPR_LEN + 1], two[2 * FPR_LEN + 1] = "none";
    hex_encode(fpr, FPR_LEN, one);
    if (other != NULL)
        hex_encode(other, FPR_LEN, two);
    if (revoked)
        (void)error_set(e, TEXT_KEY_REVOKED, address, one, two);
    else
        (void)error_set(e, TEXT_KEY_CHANGED, address, one, two);
}

/* Identities whose key is revoked, by what stands beside them or by what is known, do not count. */
static void drop_revoked(struct lookup *l)
{
    struct db *db = store_reader(l->services->store);
    for (size_t i = 0; i < l->count; i++) {
        struct lookup_candidate *c = &l->c[i];
        if (c->good)
            c->good = !revoked_known(db, c->id.fpr);
        for (size_t k = 0; c->good && k < l->count; k++)
            c->good = !l->c[k].revokes || memcmp(l->c[k].id.fpr, c->id.fpr, FPR_LEN) != 0;
    }
}

/* Is this key revoked? What says so is kept with the next commit. */
static bool lookup_is_revoked(struct lookup *l, const uint8_t fpr[FPR_LEN])
{
    for (size_t i = 0; i < l->count; i++)
        if (l->c[i].revokes && memcmp(l->c[i].id.fpr, fpr, FPR_LEN) == 0)
            l->revocation = &l->c[i];
    return l->revocation != NULL || revoked_known(store_reader(l->services->store), fpr);
}

/* Its key has never been here. */
static void say_absent(struct lookup *l, const uint8_t want[FPR_LEN],
                       const struct lookup_candidate *other)
{
    char one[2 * FPR_LEN + 1], two[2 * FPR_LEN + 1] = "none";
    hex_encode(want, FPR_LEN, one);
    if (other != NULL)
        hex_encode(other->id.fpr, FPR_LEN, two);
    (void)error_set(&l->why, TEXT_KEY_NOT_THIS, l->address, one, two);
}

static enum lookup_next choose_free(struct lookup *l)
{
    bool several;
    const struct lookup_candidate *c = best_of(l, NULL, &several);
    if (several) {
        say_several(l);
        return ends(l, LOOKUP_UNDECIDED);
    }
    if (l->listed > CANDIDATES_MAX) { /* what was not fetched may be the right one */
        (void)error_set(&l->why, TEXT_KEY_FLOODED, l->address);
        return ends(l, LOOKUP_UNDECIDED);
    }
    return c == NULL ? LOOKUP_LOOK_AGAIN : lookup_pin(l, c);
}

/* This fingerprint is the user's choice, or the group's: a rival moves nothing, as long as the
 * identity that was seen last lives (P-10.31). */
static enum lookup_next choose_wanted(struct lookup *l, const uint8_t want[FPR_LEN])
{
    bool several, gone = lookup_is_revoked(l, want), stays = false;
    const struct lookup_candidate *c = gone ? NULL : best_of(l, want, &several);
    const struct lookup_candidate *other = best_of(l, NULL, &several);
    int64_t now = clock_wall_ms() / 1000;
    if (c != NULL)
        return lookup_pin(l, c);
    if (contact_get(store_reader(l->services->store), l->address, &l->found) == 0)
        stays = !gone && !(l->found.expiry_s > 0 && l->found.expiry_s < now);
    if (other != NULL) {
        l->noted = true;
        memcpy(l->other, other->id.fpr, FPR_LEN);
    }
    if (!stays)
        l->result = LOOKUP_UNDECIDED;
    if (gone || l->found.pubkey.p != NULL)
        lookup_say_held(&l->why, l->address, gone, want, other == NULL ? NULL : other->id.fpr);
    else
        say_absent(l, want, other);
    if (gone || other != NULL)
        return LOOKUP_STORE;
    if (l->found.pubkey.p != NULL && l->listed <= CANDIDATES_MAX)
        return LOOKUP_LOOK_AGAIN;
    return ends(l, LOOKUP_UNDECIDED);
}

enum lookup_next lookup_choose(struct lookup *l)
{
    uint8_t want[FPR_LEN];
    l->result = LOOKUP_FOUND;
    drop_revoked(l);
    if (l->accept)
        return choose_accepted(l);
    return wanted(l, want) ? choose_wanted(l, want) : choose_free(l);
}
