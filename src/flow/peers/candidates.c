/* SPDX-License-Identifier: GPL-3.0-or-later */
/* candidates.c - see candidates.h. */
#include "flow/peers/candidates.h"
#include <string.h>

static void on_value(void *ctx, bool ok, const struct dht_value *v)
{
    struct candidates *c = ctx;
    if (v == NULL) {
        c->ok = ok;
        c->complete = c->complete && ok;
        c->done(c->ctx);
    } else if (c->count < c->max && v->len <= RECORD_MAX &&
               bytes_set(&c->value[c->count], v->data, v->len) == 0) {
        memcpy(c->lock[c->count++], v->lock, HASH_LEN);
    }
}

static void on_list(void *ctx, bool ok, const uint8_t *ids, size_t n)
{
    struct candidates *c = ctx;
    size_t from = 0;
    c->ok = ok;
    c->complete = ok && n <= c->max && dht_link_state(c->flow->dht) == DHT_CONNECTED;
    if (!ok || n == 0) {
        c->done(c->ctx);
        return;
    }
    if (n > c->max) { /* somebody floods the key */
        uint32_t r;
        random_bytes(&r, sizeof r);
        from = r % (n - c->max + 1);
        n = c->max;
    }
    dht_get(c->flow->dht, c->key, ids + from * DHT_ID_LEN, n, on_value, c);
}

void candidates_fetch(struct candidates *c, struct flow *f, void (*done)(void *ctx), void *ctx)
{
    c->flow = f;
    c->done = done;
    c->ctx = ctx;
    dht_list(f->dht, c->key, on_list, c);
}

void candidates_free(struct candidates *c)
{
    for (size_t i = 0; i < c->count; i++)
        bytes_free(&c->value[i]);
    c->count = 0;
}
