/* SPDX-License-Identifier: GPL-3.0-or-later */
/* dht.c - hands each call to the engine behind it. After dht_free there is none: a step that comes
 * here while its peer stops is dropped, and taken up from the store at the next start. */
#include "dht/dht.h"

void dht_put(struct dht *d, const char *key, const void *value, size_t len, int64_t expiry,
             const uint8_t lock[HASH_LEN], dht_done_fn *done, void *ctx)
{
    if (d != NULL)
        d->ops->put(d, false, key, value, len, expiry, lock, done, ctx);
}

void dht_add(struct dht *d, const char *key, const void *value, size_t len, int64_t expiry,
             const uint8_t lock[HASH_LEN], dht_done_fn *done, void *ctx)
{
    if (d != NULL)
        d->ops->put(d, true, key, value, len, expiry, lock, done, ctx);
}

void dht_warm(struct dht *d, const char *key)
{
    if (d != NULL)
        d->ops->warm(d, key);
}

void dht_del(struct dht *d, const char *key, const uint8_t value_hash[HASH_LEN],
             const uint8_t token[HASH_LEN], dht_done_fn *done, void *ctx)
{
    if (d != NULL)
        d->ops->del(d, false, key, value_hash, token, done, ctx);
}

void dht_drop(struct dht *d, const char *key, const uint8_t value_hash[HASH_LEN],
              const uint8_t token[HASH_LEN], dht_done_fn *done, void *ctx)
{
    if (d != NULL)
        d->ops->del(d, true, key, value_hash, token, done, ctx);
}

void dht_list(struct dht *d, const char *key, dht_list_fn *done, void *ctx)
{
    if (d != NULL)
        d->ops->list(d, key, done, ctx);
}

void dht_get(struct dht *d, const char *key, const uint8_t *ids, size_t n, dht_value_fn *fn,
             void *ctx)
{
    if (d != NULL)
        d->ops->get(d, key, ids, n, fn, ctx);
}

void dht_look(struct dht *d, const char *key, const uint8_t id[DHT_ID_LEN], dht_look_fn *done,
              void *ctx)
{
    if (d != NULL)
        d->ops->look(d, key, id, done, ctx);
}

int dht_listen(struct dht *d, const char *key, dht_listen_fn *fn, void *ctx)
{
    return d == NULL ? -1 : d->ops->listen(d, key, fn, ctx);
}

void dht_get_status(struct dht *d, dht_status_fn *done, void *ctx)
{
    if (d != NULL)
        d->ops->status(d, done, ctx);
}

enum dht_link dht_link_state(const struct dht *d)
{
    return d == NULL ? DHT_DOWN : d->ops->link(d);
}

void dht_free(struct dht **d)
{
    if (*d != NULL)
        (*d)->ops->free(*d);
    *d = NULL;
}
