/* SPDX-License-Identifier: GPL-3.0-or-later */
/* discover.c - see discover.h. Listening makes it quick, slow polling makes it sure; an entry is
 * looked at once. What an entry says is believed only after notice.c has opened and verified it. */
#include "flow/receiver/discover.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "flow/receiver/notice.h"
#include "flow/core/timer.h"
#include "store/incoming.h"
#include "flow/peers/standing.h"
#include "dht/dht.h"
#include "flow/core/step.h"
#include "flow/core/events.h"
#include <stdlib.h>
#include <string.h>

#define LOG_AREA "discover"
#define UNDER_WAY_MAX 64 /* entries being opened at once */
#define SHARDS_MOST 64   /* more are not announced */
#define FETCH_MAX 256    /* entries fetched per look; the rest comes with the next */
#define DOUBTS_MAX                                                                                 \
    256 /* entries that are looked at again; what is beyond is remembered as wrong                 \
         */

struct discovery {
    uv_timer_t *timer;
    char key[DHT_KEY_MAX + 1]; /* shard 0, which is listened to */
    char at_key[DHT_KEY_MAX + 1];
    size_t live[SHARDS_MOST]; /* entries in each shard, when it was looked at last */
    uint32_t at, turn;        /* the shard looked at; the one whose turn was last */
    bool looking, again;
    bool found;   /* the look that is under way brought something */
    size_t start; /* where the next look begins, when there is more than one may fetch */
    struct {
        uint8_t id[DHT_ID_LEN];
        int64_t until_ms; /* monotonic: this peer's clock may be what is wrong */
    } doubts[DOUBTS_MAX];
    size_t doubt_count;
    size_t under_way;
    uint8_t busy[UNDER_WAY_MAX + FETCH_MAX][DHT_ID_LEN]; /* ids of the entries being opened */
};

static struct discovery *discovery_of(const struct services *sv)
{
    return module_state(sv, &discovery_module);
}

static bool discover_is_busy(const struct discovery *d, const uint8_t id[DHT_ID_LEN])
{
    for (size_t i = 0; i < d->under_way; i++)
        if (memcmp(d->busy[i], id, DHT_ID_LEN) == 0)
            return true;
    return false;
}

/* What may be right later is left alone for the time of a poll; how many there are. */
static size_t drop_old_doubts(struct discovery *d)
{
    int64_t now = clock_mono_ms();
    for (size_t i = 0; i < d->doubt_count;)
        if (d->doubts[i].until_ms <= now)
            d->doubts[i] = d->doubts[--d->doubt_count];
        else
            i++;
    return d->doubt_count;
}

static bool is_doubted(const struct discovery *d, const uint8_t id[DHT_ID_LEN])
{
    for (size_t i = 0; i < d->doubt_count; i++)
        if (memcmp(d->doubts[i].id, id, DHT_ID_LEN) == 0)
            return true;
    return false;
}

static void opened(struct services *sv, const uint8_t id[DHT_ID_LEN], bool later)
{
    struct discovery *d = discovery_of(sv);
    if (later && d->doubt_count < DOUBTS_MAX) {
        memcpy(d->doubts[d->doubt_count].id, id, DHT_ID_LEN);
        d->doubts[d->doubt_count++].until_ms = clock_mono_ms() + sv->c.poll;
    }
    for (size_t i = 0; i < d->under_way; i++) {
        if (memcmp(d->busy[i], id, DHT_ID_LEN) == 0) {
            memmove(d->busy[i], d->busy[--d->under_way], DHT_ID_LEN);
            break;
        }
    }
    kick(sv);
    if (d->again && d->under_way == 0)
        discovery_poll(sv);
}

static void discover_open(struct services *sv, const char *key, const struct dht_value *v)
{
    struct discovery *d = discovery_of(sv);
    if (sv->stopping || !may_go(sv) || v->len > RECORD_MAX || discover_is_busy(d, v->id) ||
        is_doubted(d, v->id) || looked_has(store_reader(sv->store), v->id))
        return;
    if (d->under_way == sizeof d->busy / sizeof *d->busy) {
        d->again = true;
        return;
    }
    d->found = true;
    memcpy(d->busy[d->under_way++], v->id, DHT_ID_LEN);
    notice_open(sv, key, v, d->doubt_count + d->under_way <= DOUBTS_MAX, opened);
}

static void discover_on_list(void *ctx, bool ok, const uint8_t *ids, size_t n);

static void discover_look_at_shard(struct services *sv, uint32_t shard)
{
    struct discovery *d = discovery_of(sv);
    d->at = shard;
    dht_ns_key(d->at_key, sv->c.address, shard);
    dht_list(sv->dht, d->at_key, discover_on_list, sv);
}

/* Four times as many shards; a sender learns of them when it renews our identity. */
struct shards_growing {
    struct services *services;
    uint32_t shards;
};

static int grow_run(struct db *db, void *arg)
{
    const struct shards_growing *g = arg;
    return meta_set(db, "shards", &g->shards, sizeof g->shards);
}

static void grow_done(void *arg, int rc)
{
    struct shards_growing *g = arg;
    store_crash_point("shards.after");
    if (rc == 0 && g->shards > standing_of(g->services)->shards) {
        standing_own(g->services)->shards = g->shards;
        log_info("notifications for this peer are spread over %u shards now", (unsigned)g->shards);
        if (!g->services->stopping)
            event_raise(g->services, EVENT_RECORDS_CHANGED);
    }
    free(g);
}

static void more_shards(struct services *sv, size_t live)
{
    if (standing_of(sv)->shards >= SHARDS_MOST)
        return;
    struct shards_growing *g = mem_new(sizeof *g);
    *g = (struct shards_growing){sv, standing_of(sv)->shards * 4};
    log_info("%zu notifications wait for this peer", live);
    store_crash_point("shards.before");
    store_do(sv->store, grow_run, grow_done, g);
}

/* What stands in the old shards stays there: the mean counts. */
static void count_live(struct services *sv, size_t n)
{
    struct discovery *d = discovery_of(sv);
    size_t sum = 0;
    if (d->at < SHARDS_MOST)
        d->live[d->at] = n;
    for (size_t i = 0; i < SHARDS_MOST; i++)
        sum += d->live[i];
    if (sum > (size_t)sv->c.shard_at * standing_of(sv)->shards)
        more_shards(sv, sum);
}

/* Shard 0, then the one whose turn it is. */
static void discover_look_end(struct services *sv)
{
    struct discovery *d = discovery_of(sv);
    if (d->at == 0 && !d->again && standing_of(sv)->shards > 1 && !sv->stopping) {
        d->turn = d->turn + 1 < standing_of(sv)->shards ? d->turn + 1 : 1;
        discover_look_at_shard(sv, d->turn);
        return;
    }
    d->looking = false;
    /* a look that brought nothing is not repeated at once: the timer does */
    if (d->again && d->found && d->under_way == 0 && !sv->stopping)
        discovery_poll(sv);
}

static void discover_on_value(void *ctx, bool ok, const struct dht_value *v)
{
    struct services *sv = ctx;
    if (sv->stopping)
        return;
    if (v != NULL)
        discover_open(sv, discovery_of(sv)->at_key, v);
    else
        discover_look_end(sv);
}

static void discover_on_list(void *ctx, bool ok, const uint8_t *ids, size_t n)
{
    struct services *sv = ctx;
    if (sv->stopping)
        return;
    struct discovery *d = discovery_of(sv);
    uint8_t wanted[FETCH_MAX * DHT_ID_LEN];
    size_t count = 0, start = n == 0 ? 0 : d->start % n, doubts = drop_old_doubts(d);
    d->again = d->found = false;
    d->start = 0;
    if (ok)
        count_live(sv, n);
    for (size_t k = 0; ok && k < n; k++) {
        size_t i = (start + k) % n;
        const uint8_t *id = ids + i * DHT_ID_LEN;
        if (discover_is_busy(d, id) || is_doubted(d, id) || looked_has(store_reader(sv->store), id))
            continue;
        if (count == FETCH_MAX) {
            d->again = true;
            d->start = i; /* ids that cannot be fetched must not keep the others away */
            break;
        }
        memcpy(wanted + DHT_ID_LEN * count++, id, DHT_ID_LEN);
    }
    /* the slower, the longer everything there had been heard of; only shard 0 is listened to */
    (!ok || count > 0 || doubts > 0 || standing_of(sv)->shards > 1 ? poll_again : poll_slower)(
        d->timer, sv->c.poll);
    if (count > 0)
        dht_get(sv->dht, d->at_key, wanted, count, discover_on_value, sv);
    else
        discover_look_end(sv);
}

void discovery_poll(struct services *sv)
{
    struct discovery *d = discovery_of(sv);
    if (d == NULL || sv->stopping || !may_go(sv) || dht_link_state(sv->dht) == DHT_DOWN)
        return;
    if (d->looking) {
        d->again = true;
        return;
    }
    d->looking = true;
    discover_look_at_shard(sv, 0);
}

static void discover_on_heard(void *ctx, const struct dht_value *v)
{
    struct services *sv = ctx;
    if (!sv->stopping)
        poll_again(discovery_of(sv)->timer, sv->c.poll); /* if it could not be opened for now */
    discover_open(sv, discovery_of(sv)->key, v);
}

static void discover_on_timer(uv_timer_t *t)
{
    discovery_poll(t->data);
}

static int discovery_start(struct services *sv, struct error *e)
{
    struct discovery *d = module_new(sv, &discovery_module, sizeof *d);
    dht_ns_key(d->key, sv->c.address, 0);
    d->timer = poll_start(sv, d->key, discover_on_timer, discover_on_heard, "each notification");
    return 0;
}

static void discovery_stop(struct services *sv)
{
    if (discovery_of(sv) != NULL)
        timer_free(&discovery_of(sv)->timer);
}

static void discovery_on(struct services *sv, enum event what)
{
    if (what == EVENT_CONNECTED || what == EVENT_MAY_GO)
        discovery_poll(sv);
}

const struct module discovery_module = {
    .on = discovery_on, .start = discovery_start, .stop = discovery_stop};
