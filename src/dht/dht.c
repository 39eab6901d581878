/* SPDX-License-Identifier: GPL-3.0-or-later */
/* dht.c - hands each call to the engine behind it. */
#include "dht/dht.h"

void dht_put(struct dht *d, const char *key, const void *value, size_t len, int64_t expiry,
             const uint8_t lock[HASH_LEN], dht_done_fn *done, void *ctx)
{
    d->ops->put(d, key, value, len, expiry, lock, done, ctx);
}

void dht_del(struct dht *d, const char *key, const uint8_t value_hash[HASH_LEN],
             const uint8_t token[HASH_LEN], dht_done_fn *done, void *ctx)
{
    d->ops->del(d, key, value_hash, token, done, ctx);
}

void dht_list(struct dht *d, const char *key, dht_list_fn *done, void *ctx)
{
    d->ops->list(d, key, done, ctx);
}

void dht_get(struct dht *d, const char *key, const uint8_t *ids, size_t n, dht_value_fn *fn,
             void *ctx)
{
    d->ops->get(d, key, ids, n, fn, ctx);
}

void dht_look(struct dht *d, const char *key, const uint8_t id[DHT_ID_LEN], dht_look_fn *done,
              void *ctx)
{
    d->ops->look(d, key, id, done, ctx);
}

int dht_listen(struct dht *d, const char *key, dht_listen_fn *fn, void *ctx)
{
    return d->ops->listen(d, key, fn, ctx);
}

void dht_get_status(struct dht *d, dht_status_fn *done, void *ctx)
{
    d->ops->status(d, done, ctx);
}

enum dht_link dht_link_state(const struct dht *d)
{
    return d->ops->link(d);
}

void dht_free(struct dht **d)
{
    if (*d != NULL)
        (*d)->ops->free(*d);
    *d = NULL;
}
