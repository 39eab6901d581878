/* SPDX-License-Identifier: GPL-3.0-or-later */
/* receipt_push.c - see receipt_push.h. One request at a time to each sender. */
#include "flow/receiver/receipt_push.h"
#include "base/log.h"
#include "base/mem.h"
#include "flow/peers/endpoint_lookup.h"
#include "flow/peers/peer_link.h"
#include "flow/peers/reach.h"
#include <stdlib.h>
#include <string.h>

#define LOG_AREA "receipt_push"
#define CONNECT_S 4
#define STALL_S 6

struct pushed_receipt { /* a receipt */
    struct receipt receipt;
    uint8_t proof[HASH_LEN]; /* what the sender will answer */
    receipt_push_fn *fn;
    void *ctx;
    struct pushed_receipt *next;
};

struct push_queue { /* to one sender, while there is something for it */
    struct services *services;
    char address[ADDRESS_MAX + 1];
    uint8_t fpr[FPR_LEN];
    struct pushed_receipt *first, *last; /* those under way, then those that wait */
    size_t under_way;
    struct buf answer;
    struct push_queue *next;
};

struct receipt_push {
    struct push_queue *queues;
};

static struct receipt_push *push_of(const struct services *sv)
{
    return module_state(sv, &receipt_push_module);
}

static struct push_queue *push_queue_find(const struct services *sv, const struct incoming *in)
{
    struct push_queue *c = push_of(sv)->queues;
    while (c != NULL &&
           (strcmp(c->address, in->sender) != 0 || memcmp(c->fpr, in->fpr, FPR_LEN) != 0))
        c = c->next;
    return c;
}

static void push_queue_free(struct push_queue *c)
{
    struct push_queue **at = &push_of(c->services)->queues;
    while (*at != c)
        at = &(*at)->next;
    *at = c->next;
    while (c->first != NULL) {
        struct pushed_receipt *h = c->first;
        c->first = h->next;
        free(h);
    }
    buf_free(&c->answer);
    free(c);
}

static void receipt_push_next(struct push_queue *c);

/* Tells the first n, taken or not, and goes on with the others. */
static void receipt_push_tell(struct push_queue *c, const struct receipt_answer *a, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct pushed_receipt *h = c->first;
        c->first = h->next;
        bool taken = a != NULL && a[i].taken && equal_ct(a[i].proof, h->proof, HASH_LEN);
        h->fn(h->ctx, taken);
        free(h);
    }
    c->under_way = 0;
    if (c->first == NULL)
        push_queue_free(c);
    else
        receipt_push_next(c);
}

static size_t length(const struct push_queue *c)
{
    size_t n = 0;
    for (const struct pushed_receipt *h = c->first; h != NULL; h = h->next)
        n++;
    return n;
}

/* It is not there, or does not know this: nothing waits for a second try. */
static void receipt_push_fail(struct push_queue *c, const char *why)
{
    log_info("receipts are not taken by %s itself: %s", c->address, why);
    receipt_push_tell(c, NULL, length(c));
}

static int receipt_push_on_answer(void *ctx, const uint8_t *p, size_t n)
{
    struct push_queue *c = ctx;
    return buf_append(&c->answer, p, n);
}

static void receipt_push_on_done(void *ctx, bool ok, int status, const char *why)
{
    struct push_queue *c = ctx;
    struct receipt_answer a[RECEIPTS_MAX];
    struct error e;
    if (status <= 0)
        endpoint_lookup_forget(c->services, c->address);
    if (!ok)
        receipt_push_fail(c, reach_unasked(status, c->address, why, &e) ? e.text : why);
    else if (answers_decode(c->answer.data, c->answer.len, a, c->under_way, &e) != 0)
        receipt_push_fail(c, e.text);
    else
        receipt_push_tell(c, a, c->under_way);
}

static void receipt_push_next(struct push_queue *c)
{
    struct receipt r[RECEIPTS_MAX];
    struct buf body = BUF_INIT(RECEIPTS_BODY_MAX);
    struct endpoint ep;
    struct error e = {""};
    size_t n = 0;
    for (const struct pushed_receipt *h = c->first; h != NULL && n < RECEIPTS_MAX; h = h->next)
        r[n++] = h->receipt;
    c->under_way = n;
    buf_free(&c->answer);
    c->answer.cap = RECEIPTS_BODY_MAX;
    struct peer_request request = {.address = c->address,
                                   .fpr = c->fpr,
                                   .endpoint = &ep,
                                   .http = {.path = "/receipt",
                                            .max_bytes = RECEIPTS_BODY_MAX,
                                            .connect_seconds = CONNECT_S,
                                            .stall_seconds = STALL_S,
                                            .data = receipt_push_on_answer,
                                            .done = receipt_push_on_done,
                                            .ctx = c}};
    if (!endpoint_lookup_last(c->services, c->address, c->fpr, &ep)) {
        receipt_push_fail(c, "its endpoint is no longer known");
    } else if (receipts_encode(r, n, &body) != 0) {
        receipt_push_fail(c, "out of memory");
    } else {
        request.http.body = body.data;
        request.http.body_len = body.len;
        if (peer_link_begin(c->services, &request, &e) < 0)
            receipt_push_fail(c, e.text);
    }
    buf_free(&body);
}

bool receipt_push(struct services *sv, const struct incoming *in, const struct receipt *r,
                  receipt_push_fn *fn, void *ctx)
{
    struct endpoint ep;
    struct peer_request there = {.address = in->sender, .fpr = in->fpr, .endpoint = &ep};
    if (push_of(sv) == NULL || !endpoint_lookup_last(sv, in->sender, in->fpr, &ep) ||
        !peer_link_takes(sv, &there))
        return false;
    struct push_queue *c = push_queue_find(sv, in);
    struct pushed_receipt *h = mem_new(sizeof *h);
    if (c == NULL) {
        c = mem_new(sizeof *c);
        c->services = sv;
        (void)strcpy(c->address, in->sender);
        memcpy(c->fpr, in->fpr, FPR_LEN);
        c->next = push_of(sv)->queues;
        push_of(sv)->queues = c;
    }
    h->receipt = *r;
    receipt_proof(in->p, r->value, h->proof);
    h->fn = fn;
    h->ctx = ctx;
    if (c->first == NULL)
        c->first = h;
    else
        c->last->next = h;
    c->last = h;
    if (c->under_way == 0)
        receipt_push_next(c);
    return true;
}

bool receipt_push_idle(const struct services *sv)
{
    return push_of(sv) == NULL || push_of(sv)->queues == NULL;
}

static int push_start(struct services *sv, struct error *e)
{
    (void)module_new(sv, &receipt_push_module, sizeof(struct receipt_push));
    return 0;
}

static void push_free(struct services *sv)
{
    while (push_of(sv) != NULL && push_of(sv)->queues != NULL)
        push_queue_free(push_of(sv)->queues);
}

const struct module receipt_push_module = {.start = push_start, .free = push_free};
