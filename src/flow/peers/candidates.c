/* SPDX-License-Identifier: GPL-3.0-or-later */
/* candidates.c - see candidates.h. */
#include "flow/peers/candidates.h"
#include <string.h>

static void candidates_on_value(void *ctx, bool ok, const struct dht_value *v)
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

size_t candidates_part(const uint8_t *ids, size_t n, size_t max,
                       uint8_t part_r[CANDIDATES_MAX * DHT_ID_LEN])
{
    uint32_t from = 0;
    if (n > max)
        random_bytes(&from, sizeof from);
    size_t count = n > max ? max : n;
    for (size_t i = 0; i < count; i++)
        memcpy(part_r + i * DHT_ID_LEN, ids + (from + i) % n * DHT_ID_LEN, DHT_ID_LEN);
    return count;
}

static void candidates_on_list(void *ctx, bool ok, const uint8_t *ids, size_t n)
{
    struct candidates *c = ctx;
    c->ok = ok;
    c->complete = ok && n <= c->max && dht_link_state(c->services->dht) == DHT_CONNECTED;
    if (!ok || n == 0) {
        c->done(c->ctx);
        return;
    }
    uint8_t part[CANDIDATES_MAX * DHT_ID_LEN];
    n = candidates_part(ids, n, c->max, part);
    dht_get(c->services->dht, c->key, part, n, candidates_on_value, c);
}

void candidates_fetch(struct candidates *c, struct services *sv, void (*done)(void *ctx), void *ctx)
{
    c->services = sv;
    c->done = done;
    c->ctx = ctx;
    dht_list(sv->dht, c->key, candidates_on_list, c);
}

void candidates_free(struct candidates *c)
{
    for (size_t i = 0; i < c->count; i++)
        bytes_free(&c->value[i]);
    c->count = 0;
}
