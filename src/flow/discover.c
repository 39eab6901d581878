/* SPDX-License-Identifier: GPL-3.0-or-later */
/* discover.c - see discover.h. Listening hastens it, slow polling makes it sure; an entry is looked
 * at once. What an entry says is believed only after notice.c has opened and verified it. */
#include "flow/discover.h"
#include "base/clock.h"
#include "base/log.h"
#include "flow/notice.h"
#include "store/incoming.h"
#include <stdlib.h>
#include <string.h>

#define LOG_AREA "discover"
#define UNDER_WAY_MAX 64 /* entries being opened at once */
#define FETCH_MAX 256    /* entries fetched per look; the rest comes with the next */

struct discovery {
    uv_timer_t *timer;
    char key[DHT_KEY_MAX + 1];
    bool looking, again;
    bool found;   /* the look that is under way brought something */
    size_t start; /* where the next look begins, when there is more than one may fetch */
    size_t under_way;
    uint8_t busy[UNDER_WAY_MAX + FETCH_MAX][DHT_ID_LEN]; /* ids of the entries being opened */
};

static bool is_busy(const struct discovery *d, const uint8_t id[DHT_ID_LEN])
{
    for (size_t i = 0; i < d->under_way; i++)
        if (memcmp(d->busy[i], id, DHT_ID_LEN) == 0)
            return true;
    return false;
}

static void opened(struct flow *f, const uint8_t id[DHT_ID_LEN])
{
    struct discovery *d = f->discovery;
    for (size_t i = 0; i < d->under_way; i++) {
        if (memcmp(d->busy[i], id, DHT_ID_LEN) == 0) {
            memmove(d->busy[i], d->busy[--d->under_way], DHT_ID_LEN);
            break;
        }
    }
    flow_kick(f);
    if (d->again && d->under_way == 0)
        discovery_poll(f);
}

static void take(struct flow *f, const struct dht_value *v)
{
    struct discovery *d = f->discovery;
    if (f->stopping || v->len > RECORD_MAX || is_busy(d, v->id) ||
        looked_has(store_reader(f->store), v->id))
        return;
    if (d->under_way == sizeof d->busy / sizeof *d->busy) {
        d->again = true;
        return;
    }
    d->found = true;
    memcpy(d->busy[d->under_way++], v->id, DHT_ID_LEN);
    notice_open(f, d->key, v, opened);
}

static void look_end(struct flow *f)
{
    struct discovery *d = f->discovery;
    d->looking = false;
    /* a look that brought nothing is not repeated at once: the timer does */
    if (d->again && d->found && d->under_way == 0 && !f->stopping)
        discovery_poll(f);
}

static void on_value(void *ctx, bool ok, const struct dht_value *v)
{
    struct flow *f = ctx;
    if (f->stopping)
        return;
    if (v != NULL)
        take(f, v);
    else
        look_end(f);
}

static void on_list(void *ctx, bool ok, const uint8_t *ids, size_t n)
{
    struct flow *f = ctx;
    if (f->stopping)
        return;
    struct discovery *d = f->discovery;
    uint8_t wanted[FETCH_MAX * DHT_ID_LEN];
    size_t count = 0, start = n == 0 ? 0 : d->start % n;
    d->again = d->found = false;
    d->start = 0;
    for (size_t k = 0; ok && k < n; k++) {
        size_t i = (start + k) % n;
        const uint8_t *id = ids + i * DHT_ID_LEN;
        if (is_busy(d, id) || looked_has(store_reader(f->store), id))
            continue;
        if (count == FETCH_MAX) {
            d->again = true;
            d->start = i; /* ids that cannot be fetched must not keep the others away */
            break;
        }
        memcpy(wanted + DHT_ID_LEN * count++, id, DHT_ID_LEN);
    }
    if (count > 0)
        dht_get(f->dht, d->key, wanted, count, on_value, f);
    else
        look_end(f);
}

void discovery_poll(struct flow *f)
{
    struct discovery *d = f->discovery;
    if (d == NULL || f->stopping || dht_link_state(f->dht) == DHT_DOWN)
        return;
    if (d->looking) {
        d->again = true;
        return;
    }
    d->looking = true;
    dht_list(f->dht, d->key, on_list, f);
}

static void on_heard(void *ctx, const struct dht_value *v)
{
    take(ctx, v);
}

static void on_timer(uv_timer_t *t)
{
    discovery_poll(t->data);
}

int discovery_start(struct flow *f, struct error *e)
{
    struct discovery *d = f->discovery = calloc(1, sizeof *d);
    uv_timer_t *t = d == NULL ? NULL : malloc(sizeof *t);
    if (t == NULL)
        return error_set(e, "Out of memory.");
    (void)dht_key(d->key, "ns:", f->c.address);
    (void)uv_timer_init(f->loop, t);
    t->data = f;
    d->timer = t;
    (void)uv_timer_start(t, on_timer, (uint64_t)f->c.poll, (uint64_t)f->c.poll);
    if (dht_listen(f->dht, d->key, on_heard, f) < 0)
        log_warn("cannot listen for notifications; they are polled for");
    return 0;
}

void discovery_stop(struct flow *f)
{
    if (f->discovery == NULL || f->discovery->timer == NULL)
        return;
    uv_close((uv_handle_t *)f->discovery->timer, (uv_close_cb)free);
    f->discovery->timer = NULL;
}

void discovery_free(struct flow *f)
{
    free(f->discovery);
    f->discovery = NULL;
}
