/* SPDX-License-Identifier: GPL-3.0-or-later */
/* watch.c - the other members' message lists: each is asked for, then waited for with its ETag;
 * what a new one says is committed in one transaction (P-12.3). Also the timer of replication. */
#include "base/clock.h"
#include "base/log.h"
#include "flow/group/replicas.h"
#include "flow/core/timer.h"
#include "flow/peers/peer_link.h"
#include "flow/peers/endpoint_lookup.h"
#include "store/check.h"
#include "pgp/pgp.h"
#include "net/http_server.h"
#include "base/jobs.h"
#include "base/mem.h"
#include "dht/dht.h"
#include "flow/core/job.h"
#include "flow/core/retry.h"
#include "flow/core/step.h"
#include "flow/core/trusted_clock.h"
#include <stdlib.h>
#include <string.h>

#define LOG_AREA "replica"
#define NS_LOOK 3 /* times retry: the owner may have gone before it announced what it listed */
#define TURN_MS 200
#define SYNC_MS 1000
#define WAIT_S 50

struct watcher {
    struct job job;
    struct services *services;
    struct watcher *next;
    char address[ADDRESS_MAX + 1], group[HOST_MAX + 1];
    uint8_t fpr[FPR_LEN];
    struct bytes pubkey;
    bool busy, seen;
    bool heard; /* it has answered, or could not, since the start */
    char etag[MSGLIST_ETAG_LEN + 1], new_etag[MSGLIST_ETAG_LEN + 1];
    int64_t next_ms, asked_ms, tries; /* monotonic */
    struct endpoint ep[ENDPOINTS_MAX];
    size_t ep_count, ep_next;
    struct buf body, plain;
    struct msglist list;
    struct replica_news news;
    int rc;
    struct error why;
};

static void group_watch_ask(struct watcher *w);

static void rest(struct watcher *w, int64_t wait_ms)
{
    w->heard = true;
    w->busy = false;
    w->next_ms = clock_mono_ms() + wait_ms;
    buf_free(&w->body);
    buf_free(&w->plain);
    msglist_free(&w->list);
}

static void group_watch_failed(struct watcher *w)
{
    const struct services *sv = w->services;
    int64_t wait = retry_at(sv, w->tries++) - clock_wall_ms();
    rest(w, wait < sv->c.poll ? wait : sv->c.poll);
}

/* ---- a list that came */

static int group_watch_apply_run(struct db *db, void *arg)
{
    struct watcher *w = arg;
    const struct services *sv = w->services;
    int64_t now = clock_wall_ms();
    return replica_apply(db, &w->list, sv->c.quota, sv->c.address, now, now + NS_LOOK * sv->c.retry,
                         &w->news) < 0 ||
                   adopt_held(db, sv->c.address, sv->c.quota) < 0
               ? -1
               : 0;
}

static void apply_done(void *arg, int rc)
{
    struct watcher *w = arg;
    store_crash_point("msglist_read.after");
    if (rc != 0) {
        group_watch_failed(w);
        return;
    }
    (void)strcpy(w->etag, w->new_etag);
    if (w->news.old)
        log_debug("the list of %s is not newer than the last one", w->address);
    else
        log_info("list of %s: %zu messages, %u to fetch, %u removed", w->address,
                 w->list.blob_count, w->news.wanted, w->news.removed);
    if (w->news.refused > 0)
        log_warn("%s is over its quota: %u messages are not replicated here", w->address,
                 w->news.refused);
    w->tries = 0;
    kick(w->services);
    rest(w, 0);
}

static void group_watch_verify_run(struct job *job, void *thread_ctx)
{
    struct watcher *w = (struct watcher *)job;
    struct pgp_pub pub = {w->pubkey.p, w->pubkey.n};
    struct span payload, sig;
    char key[MSGLIST_KEY_MAX + 1];
    int64_t now = clock_wall_ms();
    msglist_key(key, w->address);
    struct record_place at = {w->services->c.network, key};
    w->rc = -1;
    if (pgp_decrypt(thread_ctx, w->body.data, w->body.len, &w->plain, &w->why) < 0 ||
        record_unwrap_max(w->plain.data, w->plain.len, MSGLIST_MAX, &payload, &sig, &w->why) < 0 ||
        pgp_verify(&pub, payload.p, payload.n, sig.p, sig.n, &w->why) < 0 ||
        msglist_decode(payload.p, payload.n, &at, &w->list, &w->why) != 0)
        return;
    trusted_clock_witness(w->services, w->fpr, w->list.counter);
    if (strcmp(w->list.group, w->group) != 0)
        (void)error_set(&w->why, "It is of another group.");
    else if (!record_life_ok(w->list.expiry, now / 1000, MSGLIST_LIFE_MAX))
        (void)error_set(&w->why, "It has expired, or lives too long.");
    else if (!record_seq_ok(w->list.counter, now))
        (void)error_set(&w->why, "Its counter is too far ahead.");
    else
        w->rc = 0;
}

static void group_watch_verify_done(struct job *job)
{
    struct watcher *w = (struct watcher *)job;
    store_crash_point("msglist_read.before");
    if (w->services->stopping) {
        rest(w, 0);
    } else if (w->rc != 0) {
        log_warn("the message list at %s is not taken: %s", w->address, w->why.text);
        (void)strcpy(w->etag, w->new_etag); /* the same one is not looked at again */
        group_watch_failed(w);
    } else {
        store_do(w->services->store, group_watch_apply_run, apply_done, w);
    }
}

/* ---- asking */

static int group_watch_on_data(void *ctx, const uint8_t *p, size_t n)
{
    struct watcher *w = ctx;
    return buf_append(&w->body, p, n);
}

static void group_watch_on_done(void *ctx, bool ok, int status, const char *why)
{
    struct watcher *w = ctx;
    if (w->services->stopping) {
        rest(w, 0);
    } else if (ok && status == 304) { /* one that does not let us wait is not asked in a hurry */
        w->tries = 0;
        rest(w, clock_mono_ms() - w->asked_ms < 1000 ? w->services->c.retry : 0);
    } else if (ok) {
        msglist_etag(w->body.data, w->body.len, w->new_etag);
        job_run(w->services->pgp, &w->job, group_watch_verify_run, group_watch_verify_done, true);
    } else {
        log_debug("the list of %s: %s", w->address, why);
        group_watch_ask(w);
    }
}

static void group_watch_ask(struct watcher *w)
{
    struct error e;
    bool known = w->etag[0] != '\0';
    if (w->ep_next == w->ep_count) {
        endpoint_lookup_forget(w->services, w->address);
        group_watch_failed(w);
        return;
    }
    buf_free(&w->body);
    struct peer_request r = {.address = w->address,
                             .fpr = w->fpr,
                             .endpoint = &w->ep[w->ep_next++],
                             .http = {.path = "/outbox/msglist",
                                      .max_bytes = MSGLIST_MAX,
                                      .etag = known ? w->etag : NULL,
                                      .wait_s = known ? WAIT_S : 0,
                                      .data = group_watch_on_data,
                                      .done = group_watch_on_done,
                                      .ctx = w}};
    w->asked_ms = clock_mono_ms();
    if (peer_link_begin(w->services, &r, &e) < 0)
        group_watch_ask(w);
}

static void group_watch_on_where(void *ctx, const struct endpoint *ep, size_t count,
                                 const char *why)
{
    struct watcher *w = ctx;
    if (w->services->stopping || count == 0) {
        group_watch_failed(w);
        return;
    }
    memcpy(w->ep, ep, count * sizeof *ep);
    w->ep_count = count;
    w->ep_next = 0;
    group_watch_ask(w);
}

/* ---- who is watched */

static bool add_fellow(void *ctx, const struct group_fellow *m)
{
    struct services *sv = ctx;
    for (struct watcher *w = replication_of(sv)->watchers; w != NULL; w = w->next) {
        if (strcmp(w->address, m->address) == 0 && memcmp(w->fpr, m->fpr, FPR_LEN) == 0) {
            w->seen = true;
            return true;
        }
    }
    struct watcher *w = mem_new(sizeof *w);
    if (bytes_set(&w->pubkey, m->pubkey.p, m->pubkey.n) < 0) {
        free(w);
        return false;
    }
    w->services = sv;
    w->seen = true;
    (void)strcpy(w->address, m->address);
    memcpy(w->fpr, m->fpr, FPR_LEN);
    w->body = (struct buf)BUF_INIT(MSGLIST_MAX);
    w->plain = (struct buf)BUF_INIT(MSGLIST_MAX);
    w->next = replication_of(sv)->watchers;
    replication_of(sv)->watchers = w;
    return true;
}

static void watcher_free(struct watcher *w)
{
    buf_free(&w->body);
    buf_free(&w->plain);
    msglist_free(&w->list);
    bytes_free(&w->pubkey);
    free(w);
}

static void sync_fellows(struct services *sv)
{
    struct db *db = store_reader(sv->store);
    struct group_row g;
    char name[HOST_MAX + 1] = "";
    for (struct watcher *w = replication_of(sv)->watchers; w != NULL; w = w->next)
        w->seen = false;
    if (group_get_accepted(db, &g) == 0) {
        (void)strcpy(name, g.name);
        group_row_free(&g);
        group_fellows(db, sv->c.address, add_fellow, sv);
    }
    for (struct watcher **at = &replication_of(sv)->watchers; *at != NULL;) {
        struct watcher *w = *at;
        if (!w->busy)
            (void)strcpy(w->group, name);
        if (w->seen || w->busy) {
            at = &w->next;
        } else {
            *at = w->next;
            watcher_free(w);
        }
    }
}

void watch_turn(struct services *sv)
{
    int64_t now = clock_mono_ms();
    if (now - replication_of(sv)->sync_ms >= SYNC_MS) {
        replication_of(sv)->sync_ms = now;
        sync_fellows(sv);
    }
    if (dht_link_state(sv->dht) == DHT_DOWN)
        return;
    for (struct watcher *w = replication_of(sv)->watchers; w != NULL; w = w->next) {
        if (w->busy || !w->seen || w->next_ms > now)
            continue;
        w->busy = true;
        endpoint_lookup_find(sv, w->address, &w->pubkey, w->fpr, group_watch_on_where, w);
    }
}

void watch_free(struct services *sv)
{
    while (replication_of(sv)->watchers != NULL) {
        struct watcher *w = replication_of(sv)->watchers;
        replication_of(sv)->watchers = w->next;
        watcher_free(w);
    }
}

void replication_poll(struct services *sv)
{
    if (replication_of(sv) == NULL)
        return;
    for (struct watcher *w = replication_of(sv)->watchers; w != NULL; w = w->next) {
        w->next_ms = 0;
        w->tries = 0;
    }
}

/* ---- the timer */

/* Was every member asked since the start, whatever came of it? */
static bool heard(const struct services *sv)
{
    for (const struct watcher *w = replication_of(sv)->watchers; w != NULL; w = w->next)
        if (!w->heard)
            return false;
    return true;
}

static void group_watch_on_timer(uv_timer_t *t)
{
    struct services *sv = t->data;
    if (sv->stopping)
        return;
    http_server_tick(sv->server);
    msglists_turn(sv, heard(sv));
    watch_turn(sv);
}

static int replication_start(struct services *sv, struct error *e)
{
    struct replication *r = module_new(sv, &replication_module, sizeof *r);
    uv_timer_t *t = timer_new(sv, sv);
    r->timer = t;
    r->version = -1;
    r->sync_ms = -SYNC_MS;
    return uv_timer_start(t, group_watch_on_timer, TURN_MS, TURN_MS);
}

static void replication_stop(struct services *sv)
{
    if (replication_of(sv) != NULL)
        timer_free(&replication_of(sv)->timer);
}

static void replication_free(struct services *sv)
{
    if (replication_of(sv) == NULL)
        return;
    watch_free(sv);
    if (replication_of(sv) != NULL)
        free(replication_of(sv)->locks);
}

static void replication_on(struct services *sv, enum event what)
{
    if (what == EVENT_CONNECTED)
        replication_poll(sv);
}

const struct module replication_module = {.key = &replication_key,
                                          .on = replication_on,
                                          .start = replication_start,
                                          .stop = replication_stop,
                                          .free = replication_free};
