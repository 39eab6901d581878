/* SPDX-License-Identifier: GPL-3.0-or-later */
/* client.c - asks a restante-dht process over its socket (P-8). The process may die at any moment:
 * then everything outstanding is answered with ok = false, and the client connects again, with a
 * short pause that grows, and asks anew for what is listened to. Nothing it says is believed beyond
 * its form: a value whose id does not bind it is dropped. */
#include "dht/client.h"
#include "base/mem.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define LISTENERS_MAX 256 /* as many as a restante-dht allows one user */

/* A key that is too long stays empty: such a frame cannot be encoded, and the request fails. */
static void set_key(struct dht_frame *f, const char *key)
{
    size_t n = strlen(key);
    if (n <= FRAME_KEY_MAX)
        memcpy(f->key, key, n + 1);
}

static void client_put(struct dht *d, bool add, const char *key, const void *value, size_t len,
                       int64_t expiry, const uint8_t lock[HASH_LEN], dht_done_fn *done, void *ctx)
{
    struct dht_frame f = {.value = {value, len}, .expiry = (uint64_t)expiry};
    struct dht_request *r = request_new(add ? FRAME_ADD : FRAME_PUT, key, ctx);
    set_key(&f, key);
    memcpy(f.lock, lock, HASH_LEN);
    r->fn.done = done;
    client_ask((struct dht_client *)d, r, &f);
}

static void warmed(void *ctx, enum dht_result r, const char *why)
{
    (void)ctx, (void)r, (void)why; /* it only hastens */
}

static void client_warm(struct dht *d, const char *key)
{
    struct dht_frame f = {0};
    struct dht_request *r = request_new(FRAME_WARM, key, NULL);
    set_key(&f, key);
    r->fn.done = warmed;
    client_ask((struct dht_client *)d, r, &f);
}

static void client_del(struct dht *d, bool sure, const char *key,
                       const uint8_t value_hash[HASH_LEN], const uint8_t token[HASH_LEN],
                       dht_done_fn *done, void *ctx)
{
    struct dht_frame f = {0};
    struct dht_request *r = request_new(sure ? FRAME_DROP : FRAME_DEL, key, ctx);
    set_key(&f, key);
    memcpy(f.value_hash, value_hash, HASH_LEN);
    memcpy(f.token, token, HASH_LEN);
    r->fn.done = done;
    client_ask((struct dht_client *)d, r, &f);
    wipe(f.token, sizeof f.token);
}

static void client_list(struct dht *d, const char *key, dht_list_fn *done, void *ctx)
{
    struct dht_frame f = {0};
    struct dht_request *r = request_new(FRAME_LIST, key, ctx);
    set_key(&f, key);
    r->fn.list = done;
    client_ask((struct dht_client *)d, r, &f);
}

static void client_get(struct dht *d, const char *key, const uint8_t *ids, size_t n,
                       dht_value_fn *fn, void *ctx)
{
    struct dht_frame f = {.ids = {ids, n * DHT_ID_LEN}};
    struct dht_request *r = request_new(FRAME_GET, key, ctx);
    set_key(&f, key);
    r->fn.value = fn;
    client_ask((struct dht_client *)d, r, &f);
}

static void client_look(struct dht *d, const char *key, const uint8_t id[DHT_ID_LEN],
                        dht_look_fn *done, void *ctx)
{
    struct dht_frame f = {0};
    struct dht_request *r = request_new(FRAME_LOOK, key, ctx);
    set_key(&f, key);
    memcpy(f.id, id, DHT_ID_LEN);
    r->fn.look = done;
    client_ask((struct dht_client *)d, r, &f);
}

static void client_status(struct dht *d, dht_status_fn *done, void *ctx)
{
    struct dht_frame f = {0};
    struct dht_request *r = request_new(FRAME_STATUS, NULL, ctx);
    r->fn.status = done;
    client_ask((struct dht_client *)d, r, &f);
}

static int client_listen(struct dht *d, const char *key, dht_listen_fn *fn, void *ctx)
{
    struct dht_client *c = (struct dht_client *)d;
    if (c->listener_count >= LISTENERS_MAX || strlen(key) > FRAME_KEY_MAX)
        return -1;
    struct listener *l = mem_new(sizeof *l);
    memcpy(l->key, key, strlen(key) + 1);
    entry_infohash(key, l->infohash);
    l->fn = fn;
    l->ctx = ctx;
    l->next = c->listeners;
    c->listeners = l;
    c->listener_count++;
    if (c->ready)
        client_ask_listen(c, l);
    return 0;
}

static enum dht_link client_link(const struct dht *d)
{
    return ((const struct dht_client *)d)->link;
}

static void on_timer_closed(uv_handle_t *handle)
{
    struct dht_client *c = handle->data;
    if (--c->handles == 0)
        free(c);
}

static void client_free(struct dht *d)
{
    struct dht_client *c = (struct dht_client *)d;
    c->freed = true;
    c->on_link = NULL;
    client_disconnect(c, NULL);
    client_fail_waiting(c);
    while (c->listeners != NULL) {
        struct listener *l = c->listeners;
        c->listeners = l->next;
        free(l);
    }
    uv_close((uv_handle_t *)&c->timer, on_timer_closed);
    uv_close((uv_handle_t *)&c->soon, on_timer_closed);
}

static const struct dht_ops client_ops = {
    .put = client_put,
    .warm = client_warm,
    .del = client_del,
    .list = client_list,
    .get = client_get,
    .look = client_look,
    .listen = client_listen,
    .status = client_status,
    .link = client_link,
    .free = client_free,
};

struct dht *dht_connect(uv_loop_t *loop, const char *socket_path, dht_link_fn *on_link, void *ctx,
                        struct error *e)
{
    if (strlen(socket_path) >= PATH_MAX_SUN) {
        (void)error_set(e, "cannot use the DHT socket %s: its path is too long", socket_path);
        return NULL;
    }
    struct dht_client *c = mem_new(sizeof *c);
    memcpy(c->path, socket_path, strlen(socket_path) + 1);
    c->dht.ops = &client_ops;
    c->loop = loop;
    c->on_link = on_link;
    c->on_link_ctx = ctx;
    c->pause = PAUSE_MIN_MS;
    c->in.cap = (size_t)2 * (FRAME_HEAD + DHT_FRAME_MAX);
    c->failing_end = &c->failing;
    c->handles = 2;
    uv_timer_init(loop, &c->timer);
    uv_timer_init(loop, &c->soon);
    c->timer.data = c->soon.data = c;
    client_connect(c);
    return &c->dht;
}
