/* SPDX-License-Identifier: GPL-3.0-or-later */
/* receipt_endpoint.c - see receipt_endpoint.h. The HTTP server's thread only wakes the loop;
 * everything is decided here. */
#include "flow/sender/receipt_endpoint.h"
#include "base/log.h"
#include "base/mem.h"
#include "flow/sender/collect.h"
#include "net/http_server.h"
#include "flow/core/step.h"
#include <stdlib.h>
#include <string.h>

#define LOG_AREA "receipt"

struct receipt_endpoint {
    uv_async_t *wake; /* wakes the loop for receipts that are handed over */
};

struct receipts_request;

struct one_receipt {
    struct receipts_request *of;
    struct receipt_answer answer;
};

struct receipts_request {
    struct services *services;
    uint64_t number; /* the HTTP server's */
    size_t count, left;
    struct one_receipt one[RECEIPTS_MAX];
};

static void receipt_endpoint_reply(struct receipts_request *x)
{
    struct services *sv = x->services;
    struct receipt_answer a[RECEIPTS_MAX];
    struct buf out = BUF_INIT(RECEIPTS_BODY_MAX);
    for (size_t i = 0; i < x->count; i++)
        a[i] = x->one[i].answer;
    bool made = answers_encode(a, x->count, &out) == 0;
    if (!sv->stopping && sv->server != NULL)
        http_server_reply(sv->server, x->number, made ? 200 : 503, out.data, made ? out.len : 0);
    buf_free(&out);
    free(x);
}

static void on_taken(void *ctx, bool taken, const uint8_t proof[HASH_LEN])
{
    struct one_receipt *one = ctx;
    one->answer.taken = taken;
    if (taken)
        memcpy(one->answer.proof, proof, HASH_LEN);
    if (--one->of->left == 0)
        receipt_endpoint_reply(one->of);
}

static void receipt_endpoint_take(struct services *sv, uint64_t number, const uint8_t *body,
                                  size_t n)
{
    struct receipt r[RECEIPTS_MAX];
    struct error e;
    if (!may_go(sv)) {
        http_server_reply(sv->server, number, 503, NULL, 0);
        return;
    }
    struct receipts_request *x = mem_new(sizeof *x);
    if (receipts_decode(body, n, r, &x->count, &e) != 0) {
        log_debug("no receipts: %s", e.text);
        http_server_reply(sv->server, number, 400, NULL, 0);
        free(x);
        return;
    }
    size_t count = x->left = x->count;
    x->services = sv;
    x->number = number;
    /* x goes with the last of them */
    for (size_t i = 0; i < count; i++) {
        x->one[i].of = x;
        collection_take(sv, &r[i], on_taken, &x->one[i]);
    }
}

static void receipt_endpoint_on_wake(uv_async_t *wake)
{
    struct services *sv = wake->data;
    uint8_t body[RECEIPTS_BODY_MAX];
    uint64_t number;
    size_t n;
    while (!sv->stopping && (number = http_server_post(sv->server, body, &n)) != 0)
        receipt_endpoint_take(sv, number, body, n);
}

static void on_post(void *ctx)
{
    (void)uv_async_send(ctx);
}

static int endpoint_start(struct services *sv, struct error *e)
{
    struct receipt_endpoint *r = module_new(sv, &receipt_endpoint_module, sizeof *r);
    uv_async_t *wake = mem_new(sizeof *wake);
    if (r == NULL || uv_async_init(sv->loop, wake, receipt_endpoint_on_wake) < 0) {
        free(wake);
        return error_set(e, "Receipts cannot be waited for.");
    }
    wake->data = sv;
    r->wake = wake;
    http_server_on_post(sv->server, on_post, wake);
    return 0;
}

static void endpoint_stop(struct services *sv)
{
    struct receipt_endpoint *r = module_state(sv, &receipt_endpoint_module);
    if (r == NULL || r->wake == NULL)
        return;
    http_server_on_post(sv->server, NULL, NULL);
    uv_close((uv_handle_t *)r->wake, (uv_close_cb)free);
    r->wake = NULL;
}

const struct module receipt_endpoint_module = {.start = endpoint_start, .stop = endpoint_stop};
