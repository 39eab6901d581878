/* SPDX-License-Identifier: GPL-3.0-or-later */
/* cancel_step.c - the cancellation of a message that is taken back: made once, put beside the
 * notification, which is deleted, and put again until a receipt comes or the time is over
 * (P-14.4). */
#include "base/clock.h"
#include "base/jobs.h"
#include "base/mem.h"
#include "dht/dht.h"
#include "flow/core/job.h"
#include "flow/core/sign.h"
#include "flow/core/message_log.h"
#include "flow/core/step.h"
#include "flow/core/trusted_clock.h"
#include "flow/sender/collect.h"
#include "pgp/pgp.h"
#include "proto/entry.h"
#include "store/cancel.h"
#include "store/contacts.h"
#include <stdlib.h>
#include <string.h>

#define LOG_AREA "cancel"

struct cancel_posting {
    struct job job;
    struct work *w;
    struct out_receiver r;
    struct contact to;
    struct bytes entry;
    struct buf made;
    bool taken;
    char key[DHT_KEY_MAX + 1], nr[DHT_KEY_MAX + 1];
    int rc;
    struct error why;
};

static void posting_end(struct cancel_posting *p, const char *why)
{
    work_over(p->w, why);
    out_receiver_free(&p->r);
    contact_free(&p->to);
    bytes_free(&p->entry);
    buf_free(&p->made);
    free(p);
}

/* Soon at first, for the user waits to hear whether it came in time; then hourly. */
static int64_t next_posting(const struct cancel_posting *p)
{
    const struct flow_config *c = &p->w->services->c;
    int64_t now = clock_wall_ms(), wait = (now - p->r.changed_ms) / 2;
    return now + (wait < c->retry ? c->retry : wait > c->reput ? c->reput : wait);
}

static int posted_run(struct db *db, void *arg)
{
    struct cancel_posting *p = arg;
    int64_t next = next_posting(p), end = p->r.expiry_s * 1000 + 1;
    if (end <= clock_wall_ms()) /* and not by the trusted time */
        end = next;
    if (!p->taken)
        return cancel_set_posted(db, p->r.n, next < end ? next : end);
    if (p->r.state == RCV_WITHDRAWING && rcv_end(db, p->r.n, RCV_CANCELLED, true, NULL) < 0)
        return -1;
    return cancel_set_over(db, p->r.n);
}

static void posted_done(void *arg, int rc)
{
    store_crash_point("cancel.after");
    posting_end(arg, rc != 0 ? store_refused(NULL, "a posted cancellation") : NULL);
}

static void on_ns_deleted(void *ctx, enum dht_result r, const char *why)
{
    struct cancel_posting *p = ctx;
    store_crash_point("cancel.before");
    if (r != DHT_OK && r != DHT_WAS_ABSENT)
        posting_end(p, "The DHT could not delete the notification of a withdrawn message.");
    else
        store_do(p->w->services->store, posted_run, posted_done, p);
}

static void cancel_on_put(void *ctx, enum dht_result r, const char *why)
{
    struct cancel_posting *p = ctx;
    struct entry_binding ns;
    if (r != DHT_OK || dht_link_state(p->w->services->dht) == DHT_DOWN) {
        posting_end(p, "The DHT did not take a cancellation.");
        return;
    }
    store_crash_point("cancel.put");
    entry_bind(p->r.p, p->key, p->r.ns.p, p->r.ns.n, &ns);
    dht_del(p->w->services->dht, p->key, ns.value_hash, ns.token, on_ns_deleted, p);
    wipe(&ns, sizeof ns);
}

static void cancel_put(struct cancel_posting *p)
{
    struct entry_binding b;
    int64_t now = clock_wall_ms() / 1000;
    int64_t until = p->r.expiry_s < now + DHT_LIFE_MAX ? p->r.expiry_s : now + DHT_LIFE_MAX;
    /* its token comes from the notification id, which the receiver reads inside (P-3.6) */
    entry_bind(p->r.nid, p->key, p->entry.p, p->entry.n, &b);
    dht_put(p->w->services->dht, p->key, p->entry.p, p->entry.n, until, b.lock, cancel_on_put, p);
    wipe(&b, sizeof b);
}

/* A receiver that never saw the notification has deleted the cancellation, which only it can: it is
 * remembered there, the message will never be shown, and nothing need be put again (P-14.4). */
static void cancel_on_look(void *ctx, bool ok, enum dht_presence presence)
{
    struct cancel_posting *p = ctx;
    if (!ok || presence != DHT_DELETED) {
        cancel_put(p);
        return;
    }
    p->taken = true;
    store_do(p->w->services->store, posted_run, posted_done, p);
}

static void cancel_look(struct cancel_posting *p)
{
    struct entry_binding b;
    entry_bind(p->r.nid, p->key, p->entry.p, p->entry.n, &b);
    dht_look(p->w->services->dht, p->key, b.id, cancel_on_look, p);
    wipe(&b, sizeof b);
}

/* Made once; what is put are always these octets. */
static void cancel_make_run(struct job *job, void *thread_ctx)
{
    struct cancel_posting *p = (struct cancel_posting *)job;
    const struct services *sv = p->w->services;
    struct record_place at = {sv->c.network, p->key};
    struct cancellation c = {.pubkey = {sv->pubkey.p, sv->pubkey.n}, .expiry = p->r.expiry_s};
    struct buf payload = BUF_INIT(2 * RECORD_MAX), record = BUF_INIT(2 * RECORD_MAX);
    struct pgp_pub to = {p->to.pubkey.p, p->to.pubkey.n};
    (void)strcpy(c.sender, sv->c.address);
    memcpy(c.notification_id, p->r.nid, HASH_LEN);
    p->made = (struct buf)BUF_INIT(RECORD_MAX);
    if (cancellation_encode(&c, &at, &payload) < 0)
        p->rc = error_set(&p->why, "A cancellation for %s cannot be written.", p->r.address);
    else if ((p->rc = sign_record(thread_ctx, &payload, &record, &p->why)) == 0)
        p->rc = pgp_encrypt(&to, record.data, record.len, &p->made, &p->why);
    buf_wipe(&payload);
    buf_wipe(&record);
}

static int made_run(struct db *db, void *arg)
{
    struct cancel_posting *p = arg;
    return cancel_set_entry(db, p->r.n, p->made.data, p->made.len);
}

static void made_done(void *arg, int rc)
{
    struct cancel_posting *p = arg;
    store_crash_point("cancel.made");
    if (rc != 0 || bytes_set(&p->entry, p->made.data, p->made.len) < 0)
        posting_end(p, store_refused(NULL, "a cancellation"));
    else
        cancel_put(p);
}

static void cancel_make_done(struct job *job)
{
    struct cancel_posting *p = (struct cancel_posting *)job;
    if (p->rc != 0)
        posting_end(p, p->why.text);
    else
        store_do(p->w->services->store, made_run, made_done, p);
}

/* ---- its time is over: without an answer nobody knows */

static int over_run(struct db *db, void *arg)
{
    struct cancel_posting *p = arg;
    if (rcv_end(db, p->r.n, RCV_UNCONFIRMED, true, NULL) < 0)
        return -1;
    return cancel_set_over(db, p->r.n);
}

static void over_done(void *arg, int rc)
{
    store_crash_point("cancel.over");
    posting_end(arg, rc != 0 ? store_refused(NULL, "the end of a recall") : NULL);
}

static void cancel_on_last_look(void *ctx, bool ok, const uint8_t *ids, size_t n)
{
    struct cancel_posting *p = ctx;
    struct services *sv = p->w->services;
    enum outcome o;
    if (!ok || dht_link_state(sv->dht) != DHT_CONNECTED) {
        posting_end(p, "Receipts cannot be looked for now.");
        return;
    }
    for (size_t i = 0; i < n; i++) {
        if (expected_find(store_reader(sv->store), ids + i * DHT_ID_LEN, &o) == p->r.n) {
            collection_poll(sv);
            posting_end(p, "A receipt stands in the DHT.");
            return;
        }
    }
    if (p->r.state == RCV_WITHDRAWING)
        work_info(p->w, "was withdrawn; its recipient never confirmed it");
    store_do(sv->store, over_run, over_done, p);
}

static void cancel_start(struct work *w)
{
    struct services *sv = w->services;
    struct db *db = store_reader(sv->store);
    struct cancel_posting *p = mem_new(sizeof *p);
    if (rcv_get(db, w->n, &p->r) < 0 || cancel_entry(db, w->n, &p->entry) < 0) {
        out_receiver_free(&p->r);
        free(p);
        work_retry(w, store_unread(NULL, "Its row"));
        return;
    }
    p->w = w;
    dht_ns_key(p->key, p->r.address, p->r.shard);
    (void)dht_key(p->nr, "nr:", sv->c.address);
    if (p->r.expiry_s <= trusted_now_ms(sv) / 1000)
        dht_list(sv->dht, p->nr, cancel_on_last_look, p);
    else if (p->entry.n > 0)
        cancel_look(p);
    else if (contact_get(db, p->r.address, &p->to) < 0)
        posting_end(p, "The key of a recipient is no longer known.");
    else
        job_run(sv->pgp, &p->job, cancel_make_run, cancel_make_done, true);
}

QUEUE(cancel);
const struct step step_cancel = {
    .queue = &queue_cancel,
    .parallel = 8,
    .needs_net = true,
    .start = cancel_start,
};
