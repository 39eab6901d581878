/* SPDX-License-Identifier: GPL-3.0-or-later */
/* memory.c - a DHT of one process's memory, for unit tests: the same rules about ids, locks,
 * tombstones and expiry, and answers on the loop as from client.c. */
#include "base/clock.h"
#include "base/mem.h"
#include "dht/request.h"
#include <stdlib.h>
#include <string.h>

struct held { /* an entry, or its tombstone */
    uint8_t infohash[INFOHASH_LEN];
    struct dht_value value; /* data is owned */
    bool deleted;
    struct held *next;
};

struct memory_listener {
    uint8_t infohash[INFOHASH_LEN];
    dht_listen_fn *fn;
    void *ctx;
    struct memory_listener *next;
};

struct memory_asked { /* a request with its operands */
    struct dht_request *r;
    char key[FRAME_KEY_MAX + 1];
    uint8_t lock[HASH_LEN], value_hash[HASH_LEN], id[ENTRY_ID_LEN];
    int64_t expiry;
    uint8_t *data; /* a value or ids; owned */
    size_t len;
    struct memory_asked *next;
};

struct memory {
    struct dht dht; /* first */
    uv_timer_t soon;
    struct held *held;
    struct memory_listener *listeners;
    struct memory_asked *queue, **queue_end;
};

static struct held *lookup(struct memory *m, const uint8_t infohash[INFOHASH_LEN],
                           const uint8_t id[ENTRY_ID_LEN])
{
    int64_t now = clock_wall_ms() / 1000;
    for (struct held *h = m->held; h != NULL; h = h->next)
        if (memcmp(h->infohash, infohash, INFOHASH_LEN) == 0 &&
            memcmp(h->value.id, id, ENTRY_ID_LEN) == 0)
            return h->deleted || h->value.expiry > now ? h : NULL;
    return NULL;
}

static const char *do_put(struct memory *m, struct memory_asked *a)
{
    uint8_t hash[HASH_LEN], id[ENTRY_ID_LEN];
    int64_t now = clock_wall_ms() / 1000;
    if (a->len > DHT_VALUE_MAX || a->expiry <= now || a->expiry > now + 7 * 86400 - 3600)
        return "too large or for too long";
    sha256(a->data, a->len, hash);
    entry_id(a->r->infohash, a->lock, hash, id);
    struct held *h = lookup(m, a->r->infohash, id);
    if (h != NULL && h->deleted)
        return FRAME_WHY_DELETED;
    if (h == NULL) {
        h = mem_new(sizeof *h);
        memcpy(h->infohash, a->r->infohash, INFOHASH_LEN);
        memcpy(h->value.id, id, ENTRY_ID_LEN);
        memcpy(h->value.lock, a->lock, HASH_LEN);
        h->value.data = a->data;
        h->value.len = a->len;
        a->data = NULL;
        h->next = m->held;
        m->held = h;
    }
    if (a->expiry > h->value.expiry)
        h->value.expiry = a->expiry;
    for (struct memory_listener *l = m->listeners; l != NULL; l = l->next)
        if (memcmp(l->infohash, h->infohash, INFOHASH_LEN) == 0)
            l->fn(l->ctx, &h->value);
    return NULL;
}

static const char *do_del(struct memory *m, struct memory_asked *a)
{
    uint8_t id[ENTRY_ID_LEN];
    entry_id(a->r->infohash, a->lock, a->value_hash, id);
    struct held *h = lookup(m, a->r->infohash, id);
    if (h == NULL)
        return FRAME_WHY_ABSENT;
    h->deleted = true;
    return NULL;
}

static void do_list(struct memory *m, struct memory_asked *a)
{
    int64_t now = clock_wall_ms() / 1000;
    for (struct held *h = m->held; h != NULL; h = h->next)
        if (memcmp(h->infohash, a->r->infohash, INFOHASH_LEN) == 0 && !h->deleted &&
            h->value.expiry > now)
            (void)buf_append(&a->r->ids, h->value.id, ENTRY_ID_LEN);
    a->r->fn.list(a->r->ctx, true, a->r->ids.data, a->r->ids.len / ENTRY_ID_LEN);
}

static void do_get(struct memory *m, struct memory_asked *a)
{
    for (size_t i = 0; i < a->len; i += ENTRY_ID_LEN) {
        struct held *h = lookup(m, a->r->infohash, a->data + i);
        if (h != NULL && !h->deleted)
            a->r->fn.value(a->r->ctx, true, &h->value);
    }
    a->r->fn.value(a->r->ctx, true, NULL);
}

static void do_look(struct memory *m, struct memory_asked *a)
{
    struct held *h = lookup(m, a->r->infohash, a->id);
    enum dht_presence presence = h == NULL ? DHT_ABSENT : h->deleted ? DHT_DELETED : DHT_PRESENT;
    a->r->fn.look(a->r->ctx, true, presence);
}

static void do_status(struct memory *m, struct memory_asked *a)
{
    struct dht_status st = {.link = DHT_CONNECTED, .good_nodes = 1};
    for (struct held *h = m->held; h != NULL; h = h->next) {
        st.stored_values++;
        st.stored_bytes += h->value.len;
        st.deletions += h->deleted;
    }
    a->r->fn.status(a->r->ctx, true, &st);
}

static void memory_answer(struct memory *m, struct memory_asked *a)
{
    const char *why;
    switch (a->r->verb) {
    case FRAME_PUT:
    case FRAME_DEL:
        why = a->r->verb == FRAME_PUT ? do_put(m, a) : do_del(m, a);
        request_done(a->r, why);
        break;
    case FRAME_LIST:
        do_list(m, a);
        break;
    case FRAME_GET:
        do_get(m, a);
        break;
    case FRAME_LOOK:
        do_look(m, a);
        break;
    default:
        do_status(m, a);
    }
}

static void asked_free(struct memory_asked *a)
{
    request_free(a->r);
    free(a->data);
    free(a);
}

static void on_soon(uv_timer_t *timer)
{
    struct memory *m = timer->data;
    struct memory_asked *a = m->queue;
    if (a == NULL)
        return;
    m->queue = a->next;
    if (m->queue == NULL)
        m->queue_end = &m->queue;
    else
        uv_timer_start(timer, on_soon, 0, 0);
    memory_answer(m, a);
    asked_free(a);
}

static struct memory_asked *memory_ask(struct dht *d, enum frame_verb verb, const char *key,
                                       void *ctx, const void *data, size_t len)
{
    struct memory *m = (struct memory *)d;
    struct memory_asked *a = mem_new(sizeof *a);
    uint8_t *copy = len > 0 ? mem_new(len) : NULL;
    if (len > 0)
        memcpy(copy, data, len);
    a->r = request_new(verb, key, ctx);
    a->data = copy;
    a->len = len;
    *m->queue_end = a;
    m->queue_end = &a->next;
    uv_timer_start(&m->soon, on_soon, 0, 0);
    return a;
}

static void memory_put(struct dht *d, bool add, const char *key, const void *value, size_t len,
                       int64_t expiry, const uint8_t lock[HASH_LEN], dht_done_fn *done, void *ctx)
{
    (void)add; /* there is nowhere to look */
    struct memory_asked *a = memory_ask(d, FRAME_PUT, key, ctx, value, len);
    a->r->fn.done = done;
    a->expiry = expiry;
    memcpy(a->lock, lock, HASH_LEN);
}

static void memory_warm(struct dht *d, const char *key)
{
    (void)d, (void)key; /* everything is near */
}

static void memory_del(struct dht *d, bool sure, const char *key,
                       const uint8_t value_hash[HASH_LEN], const uint8_t token[HASH_LEN],
                       dht_done_fn *done, void *ctx)
{
    (void)sure; /* there is nowhere to look */
    struct memory_asked *a = memory_ask(d, FRAME_DEL, key, ctx, NULL, 0);
    a->r->fn.done = done;
    memcpy(a->value_hash, value_hash, HASH_LEN);
    entry_lock(token, a->lock);
}

static void memory_list(struct dht *d, const char *key, dht_list_fn *done, void *ctx)
{
    memory_ask(d, FRAME_LIST, key, ctx, NULL, 0)->r->fn.list = done;
}

static void memory_get(struct dht *d, const char *key, const uint8_t *ids, size_t n,
                       dht_value_fn *fn, void *ctx)
{
    memory_ask(d, FRAME_GET, key, ctx, ids, n * ENTRY_ID_LEN)->r->fn.value = fn;
}

static void memory_look(struct dht *d, const char *key, const uint8_t id[DHT_ID_LEN],
                        dht_look_fn *done, void *ctx)
{
    struct memory_asked *a = memory_ask(d, FRAME_LOOK, key, ctx, NULL, 0);
    a->r->fn.look = done;
    memcpy(a->id, id, ENTRY_ID_LEN);
}

static int memory_listen(struct dht *d, const char *key, dht_listen_fn *fn, void *ctx)
{
    struct memory *m = (struct memory *)d;
    struct memory_listener *l = mem_new(sizeof *l);
    entry_infohash(key, l->infohash);
    l->fn = fn;
    l->ctx = ctx;
    l->next = m->listeners;
    m->listeners = l;
    return 0;
}

static void memory_status(struct dht *d, dht_status_fn *done, void *ctx)
{
    memory_ask(d, FRAME_STATUS, NULL, ctx, NULL, 0)->r->fn.status = done;
}

static enum dht_link memory_link(const struct dht *d)
{
    (void)d;
    return DHT_CONNECTED;
}

static void memory_on_closed(uv_handle_t *handle)
{
    free(handle->data);
}

static void memory_free(struct dht *d)
{
    struct memory *m = (struct memory *)d;
    while (m->queue != NULL) {
        struct memory_asked *a = m->queue;
        m->queue = a->next;
        request_fail(a->r, "the DHT is being closed");
        asked_free(a);
    }
    while (m->held != NULL) {
        struct held *h = m->held;
        m->held = h->next;
        free((void *)(uintptr_t)h->value.data);
        free(h);
    }
    while (m->listeners != NULL) {
        struct memory_listener *l = m->listeners;
        m->listeners = l->next;
        free(l);
    }
    uv_close((uv_handle_t *)&m->soon, memory_on_closed);
}

static const struct dht_ops memory_ops = {
    .put = memory_put,
    .warm = memory_warm,
    .del = memory_del,
    .list = memory_list,
    .get = memory_get,
    .look = memory_look,
    .listen = memory_listen,
    .status = memory_status,
    .link = memory_link,
    .free = memory_free,
};

struct dht *dht_memory(uv_loop_t *loop)
{
    struct memory *m = mem_new(sizeof *m);
    m->dht.ops = &memory_ops;
    m->queue_end = &m->queue;
    uv_timer_init(loop, &m->soon);
    m->soon.data = m;
    return &m->dht;
}
