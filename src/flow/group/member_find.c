/* SPDX-License-Identifier: GPL-3.0-or-later */
/* member_find.c - a member of some group is known by address and fingerprint only; its key, without
 * which its descriptor cannot be believed, is looked for here. Nothing is pinned by it. */
#include "flow/group/group_work.h"
#include "base/mem.h"
#include "flow/group/replicas.h"
#include "flow/peers/identity.h"
#include "flow/peers/endpoint_lookup.h"
#include "store/contacts.h"
#include <stdlib.h>
#include <string.h>

struct member_finding {
    struct services *services;
    char address[ADDRESS_MAX + 1];
    uint8_t fpr[FPR_LEN];
    endpoint_lookup_fn *fn;
    void *ctx;
};

static void member_find_on_identity(void *ctx, const struct verified_identity *v, const char *why)
{
    struct member_finding *x = ctx;
    struct endpoint none[1] = {{0}};
    if (v != NULL)
        endpoint_lookup_find(x->services, x->address, &v->pubkey, x->fpr, x->fn, x->ctx);
    else
        x->fn(x->ctx, none, 0, why);
    free(x);
}

void member_find(struct services *sv, const char *address, const uint8_t fpr[FPR_LEN],
                 endpoint_lookup_fn *fn, void *ctx)
{
    struct group_fellow m;
    struct contact c;
    if (fellow_get(sv, address, &m) == 0) {
        bool same = memcmp(m.fpr, fpr, FPR_LEN) == 0;
        if (same)
            endpoint_lookup_find(sv, address, &m.pubkey, fpr, fn, ctx);
        bytes_free(&m.pubkey);
        if (same)
            return;
    }
    if (contact_get(store_reader(sv->store), address, &c) == 0) {
        bool same = memcmp(c.fpr, fpr, FPR_LEN) == 0;
        if (same)
            endpoint_lookup_find(sv, address, &c.pubkey, fpr, fn, ctx);
        contact_free(&c);
        if (same)
            return;
    }
    struct member_finding *x = mem_new(sizeof *x);
    x->services = sv;
    x->fn = fn;
    x->ctx = ctx;
    (void)strcpy(x->address, address);
    memcpy(x->fpr, fpr, FPR_LEN);
    identity_find(sv, address, fpr, member_find_on_identity, x);
}
