/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sources.c - see sources.h. */
#include "flow/peers/sources.h"
#include "base/mem.h"
#include "base/texts.h"
#include "flow/peers/members.h"
#include "flow/peers/endpoint_lookup.h"
#include "flow/core/message_log.h"
#include <stdlib.h>
#include <string.h>

#define LOG_AREA "source"
#define NAMED_MAX 4 /* members that the sentence names */

struct source {
    char address[ADDRESS_MAX + 1];
    uint8_t fpr[FPR_LEN], order[HASH_LEN];
    bool slow, out; /* out: asked no more */
};

struct sources {
    struct services *services;
    struct source one[1 + GROUP_MEMBERS_MAX]; /* the sender, then members */
    size_t count, at;
    bool has_members, patient, has_master;
    uint8_t master_fpr[FPR_LEN];
    struct bytes pubkey; /* the sender's */
    uint8_t hash[HASH_LEN];
    struct endpoint ep[ENDPOINTS_MAX];
    size_t ep_count, ep_next;
    struct error sender_why;
    sources_fn *fn;
    void *ctx;
};

static void sources_look_up(struct sources *s);

struct sources *sources_new(struct services *sv, const char *sender, const struct bytes *pubkey,
                            const uint8_t fpr[FPR_LEN], const uint8_t hash[HASH_LEN])
{
    struct sources *s = mem_new(sizeof *s);
    bytes_copy(&s->pubkey, pubkey->p, pubkey->n);
    s->services = sv;
    s->count = 1;
    (void)strcpy(s->one[0].address, sender);
    memcpy(s->one[0].fpr, fpr, FPR_LEN);
    memcpy(s->hash, hash, HASH_LEN);
    /* a peer that takes its own blobs back does not ask itself */
    s->one[0].out = strcmp(sender, sv->c.address) == 0;
    s->at = SIZE_MAX;
    return s;
}

void sources_free(struct sources *s)
{
    bytes_free(&s->pubkey);
    free(s);
}

void sources_master(struct sources *s, const uint8_t master_fpr[FPR_LEN])
{
    s->has_master = true;
    memcpy(s->master_fpr, master_fpr, FPR_LEN);
}

void sources_address(const struct sources *s, struct peer_request *r)
{
    r->address = s->one[s->at].address;
    r->fpr = s->one[s->at].fpr;
    r->endpoint = &s->ep[s->ep_next - 1];
}

void sources_fault(struct sources *s, enum source_fault fault, const char *why)
{
    struct source *x = &s->one[s->at];
    if (s->at == 0 && (s->sender_why.text[0] == '\0' || fault == SOURCE_UNASKED))
        (void)error_set(&s->sender_why, "%s", why);
    if (fault == SOURCE_LIED) {
        id_warn(s->hash, x->address, "gave something else than was announced and is left out: %s",
                why);
        x->out = true;
    } else {
        id_info(s->hash, x->address, "not from %s: %s", x->address, why);
        x->slow = x->slow || (fault == SOURCE_SLOW && !s->patient);
    }
    if (fault != SOURCE_UNREACHABLE && fault != SOURCE_UNASKED)
        s->ep_next = s->ep_count; /* its other endpoints are the same peer */
    else
        endpoint_lookup_forget(s->services, x->address);
}

void sources_served(const struct sources *s)
{
    const struct source *x = &s->one[s->at];
    endpoint_lookup_served(s->services, x->address, x->fpr, &s->ep[s->ep_next - 1]);
}

static void nobody(struct sources *s)
{
    struct error text;
    if (s->count <= 1) {
        s->fn(s->ctx, false, s->sender_why.text, true);
        return;
    }
    struct buf names = BUF_INIT(200);
    for (size_t i = 1; i < s->count && i <= NAMED_MAX; i++)
        (void)buf_printf(&names, "%s%s", i > 1 ? ", " : "", s->one[i].address);
    if (s->count > NAMED_MAX + 1)
        (void)buf_printf(&names, " and %zu more", s->count - 1 - NAMED_MAX);
    (void)error_set(&text, TEXT_GROUP_TRIED, s->sender_why.text, buf_str(&names));
    buf_free(&names);
    s->fn(s->ctx, false, text.text, true);
}

static void sources_on_where(void *ctx, const struct endpoint *ep, size_t count, const char *why)
{
    struct sources *s = ctx;
    memcpy(s->ep, ep, count * sizeof *ep);
    s->ep_count = count;
    s->ep_next = 0;
    if (count == 0)
        sources_fault(s, SOURCE_LACKS, why);
    sources_next(s, s->fn, s->ctx);
}

static int by_order(const void *a, const void *b)
{
    return memcmp(((const struct source *)a)->order, ((const struct source *)b)->order, HASH_LEN);
}

static void on_members(void *ctx, const struct group_member *m, size_t count, const char *why)
{
    struct sources *s = ctx;
    const char *own = s->services->c.address;
    if (count == 0)
        message_log_id(LOG_DEBUG, LOG_AREA, s->hash, s->one[0].address,
                       "no group to ask instead: %s", why);
    for (size_t i = 0; i < count && s->count < 1 + GROUP_MEMBERS_MAX; i++) {
        if (strcmp(m[i].address, own) == 0 || strcmp(m[i].address, s->one[0].address) == 0)
            continue;
        struct source *x = &s->one[s->count++];
        (void)strcpy(x->address, m[i].address);
        memcpy(x->fpr, m[i].fpr, FPR_LEN);
        struct sha256 *h = sha256_new();
        sha256_add(h, x->fpr, FPR_LEN);
        sha256_add(h, own, strlen(own));
        sha256_add(h, s->hash, HASH_LEN);
        sha256_end(&h, x->order);
    }
    qsort(s->one + 1, s->count - 1, sizeof *s->one, by_order);
    sources_look_up(s);
}

/* Asks the source at s->at where it is, or goes on. */
static void sources_look_up(struct sources *s)
{
    while (s->at < s->count && (s->one[s->at].out || (s->patient && !s->one[s->at].slow)))
        s->at++;
    s->ep_count = s->ep_next = 0;
    if (s->services->stopping) {
        nobody(s);
    } else if (s->at >= s->count && !s->has_members) {
        s->has_members = true;
        if (s->services->members == NULL)
            sources_look_up(s);
        else
            s->services->members->of(s->services, s->one[0].address, s->one[0].fpr,
                                     s->has_master ? s->master_fpr : NULL, on_members, s);
    } else if (s->at >= s->count && !s->patient) {
        s->patient = true;
        s->at = 0;
        sources_look_up(s);
    } else if (s->at >= s->count || (s->at > 0 && s->services->members == NULL)) {
        nobody(s);
    } else if (s->at == 0) {
        endpoint_lookup_find(s->services, s->one[0].address, &s->pubkey, s->one[0].fpr,
                             sources_on_where, s);
    } else {
        s->services->members->find(s->services, s->one[s->at].address, s->one[s->at].fpr,
                                   sources_on_where, s);
    }
}

void sources_next(struct sources *s, sources_fn *fn, void *ctx)
{
    s->fn = fn;
    s->ctx = ctx;
    if (s->ep_next < s->ep_count) {
        s->ep_next++;
        fn(ctx, true, s->one[s->at].address, s->patient);
        return;
    }
    s->at = s->at == SIZE_MAX ? 0 : s->at + 1;
    sources_look_up(s);
}
