/* SPDX-License-Identifier: GPL-3.0-or-later */
/* gc.c - what ended leaves: a blob nobody waits for any more, the entries of an ended receiver in
 * the DHT, the spool file of a message that is sealed (P-10.6). */
#include "flow/sender/blob_step.h"
#include "flow/core/message_log.h"
#include "flow/core/step.h"
#include "store/cancel.h"
#include "store/outgoing.h"
#include "base/jobs.h"
#include "dht/dht.h"
#include "flow/core/job.h"
#include "flow/core/path.h"
#include "base/file.h"
#include "base/mem.h"
#include "proto/entry.h"
#include <stdlib.h>
#include <string.h>

#define LOG_AREA "gc"

QUEUE(cancel);

/* ---- blobs */

static void free_run(struct job *job, void *thread_ctx)
{
    struct blob_step *x = (struct blob_step *)job;
    static const char *const suffix[] = {".sealed", "", ".chunks", ".fetched", ".part"};
    char path[PATH_CAP];
    for (size_t i = 0; i < 5 && x->rc == 0; i++) {
        home_path(x->w->services, path, "outbox", x->b.hash, HASH_LEN, suffix[i]);
        x->rc = file_remove(path, &x->why);
    }
}

static int free_commit(struct db *db, void *arg)
{
    struct blob_step *x = arg;
    return blob_set_state(db, x->b.n, BLOB_GONE);
}

static void free_committed(void *arg, int rc)
{
    struct blob_step *x = arg;
    store_crash_point("blob_gc.after");
    if (rc == 0)
        work_info(x->w, "deleted from the outbox: nobody waits for it any more");
    blob_step_end(x, rc != 0 ? store_refused(NULL, "a freed blob") : NULL);
}

static void free_done(struct job *job)
{
    struct blob_step *x = (struct blob_step *)job;
    store_crash_point("blob_gc.before");
    if (x->rc != 0)
        blob_step_end(x, x->why.text);
    else
        store_do(x->w->services->store, free_commit, free_committed, x);
}

static void blob_gc_start(struct work *w)
{
    struct blob_step *x = blob_step_new(w, sizeof *x);
    if (x != NULL)
        job_run(w->services->files, &x->job, free_run, free_done, true);
}

QUEUE(blob_gc);
const struct step step_blob_gc = {
    .queue = &queue_blob_gc,
    .parallel = 16,
    .start = blob_gc_start,
};

/* ---- entries of an ended receiver: its notification, then the receipt that ended it */

struct dht_gc {
    struct work *w;
    struct out_receiver r;
    uint8_t blob_hash[HASH_LEN];
    struct bytes cancellation;
    enum outcome outcome; /* of the receipt; 0: none. One that was handed over stands nowhere */
    char key[DHT_KEY_MAX + 1];
    int next; /* 0: ns, 1: nr, 2: cancellation, 3: done */
    bool failed;
};

static void dht_gc_next(struct dht_gc *c);

static void dht_gc_end(struct dht_gc *c, const char *why)
{
    work_over(c->w, why);
    bytes_free(&c->cancellation);
    out_receiver_free(&c->r);
    free(c);
}

static int dht_gc_commit(struct db *db, void *arg)
{
    struct dht_gc *c = arg;
    return rcv_set_dht_gone(db, c->r.n);
}

static void dht_gc_committed(void *arg, int rc)
{
    store_crash_point("dht_gc.after");
    dht_gc_end(arg, rc != 0 ? store_refused(NULL, "a cleaned receiver") : NULL);
}

static void dht_gc_on_deleted(void *ctx, enum dht_result r, const char *why)
{
    struct dht_gc *c = ctx;
    if (r != DHT_OK && r != DHT_WAS_ABSENT)
        c->failed = true;
    dht_gc_next(c);
}

/* What the receipt said, which need not be how it ended: the first end stays. */
static enum outcome outcome_of(struct db *db, const struct out_receiver *r)
{
    int came = cancel_outcome(db, r->n);
    return came != 0                   ? (enum outcome)came
           : r->state == RCV_PULLED    ? OUTCOME_PULLED
           : r->state == RCV_DECLINED  ? OUTCOME_DECLINED
           : r->state == RCV_CANCELLED ? OUTCOME_CANCELLED
                                       : (enum outcome)0;
}

static void dht_gc_next(struct dht_gc *c)
{
    struct services *sv = c->w->services;
    uint8_t value[HASH_LEN];
    struct entry_binding b;
    if (c->next == 1 && (c->outcome == 0 || c->r.pushed))
        c->next++;
    if (c->next == 2 && c->cancellation.n == 0)
        c->next++;
    if (c->next == 3) {
        if (c->failed) {
            dht_gc_end(c, "The DHT could not delete an entry.");
        } else {
            store_crash_point("dht_gc.before");
            store_do(sv->store, dht_gc_commit, dht_gc_committed, c);
        }
        return;
    }
    if (c->next == 1)
        (void)dht_key(c->key, "nr:", sv->c.address);
    else
        dht_ns_key(c->key, c->r.address, c->r.shard);
    if (c->next == 0) {
        entry_bind(c->r.p, c->key, c->r.ns.p, c->r.ns.n, &b);
    } else if (c->next == 1) {
        receipt_value(c->r.p, c->outcome, c->blob_hash, value);
        entry_bind(c->r.p, c->key, value, sizeof value, &b);
    } else {
        entry_bind(c->r.nid, c->key, c->cancellation.p, c->cancellation.n, &b);
    }
    c->next++;
    /* Who handed the receipt over did not touch the notification: it surely is there (P-8.14). A
     * cancellation may be on its way still, sent before a crash: its tombstone waits for it. */
    bool sure = c->next == 1 ? c->r.pushed : c->next == 3;
    (sure ? dht_drop : dht_del)(sv->dht, c->key, b.value_hash, b.token, dht_gc_on_deleted, c);
    wipe(&b, sizeof b);
}

static void dht_gc_start(struct work *w)
{
    if (work_under_way(w->services, &queue_cancel, w->n)) {
        work_retry(w, "The cancellation is being posted: it leaves after that.");
        return;
    }
    struct db *db = store_reader(w->services->store);
    struct dht_gc *c = mem_new(sizeof *c);
    struct out_blob b = {0};
    if (rcv_get(db, w->n, &c->r) < 0 || blob_get(db, c->r.blob, &b) < 0 ||
        cancel_entry(db, w->n, &c->cancellation) < 0) {
        out_receiver_free(&c->r);
        free(c);
        work_retry(w, store_unread(NULL, "Its row"));
        return;
    }
    memcpy(c->blob_hash, b.hash, HASH_LEN);
    bytes_free(&b.chunks);
    c->outcome = outcome_of(db, &c->r);
    c->w = w;
    dht_gc_next(c);
}

QUEUE(dht_gc);
const struct step step_dht_gc = {
    .queue = &queue_dht_gc,
    .parallel = 16,
    .needs_net = true,
    .start = dht_gc_start,
};

/* ---- spool files */

struct spool_gc {
    struct job job;
    struct work *w;
    struct out_message m;
    int rc;
};

static void spool_gc_run(struct job *job, void *thread_ctx)
{
    struct spool_gc *t = (struct spool_gc *)job;
    static const char *const suffix[] = {"", ".own"};
    char path[PATH_CAP];
    struct error e;
    for (size_t i = 0; i < 2 && t->rc == 0; i++) {
        home_path(t->w->services, path, "spool", t->m.id, MESSAGE_ID_LEN, suffix[i]);
        t->rc = file_remove(path, &e);
    }
}

static int spool_gc_commit(struct db *db, void *arg)
{
    struct spool_gc *t = arg;
    return out_set_done(db, t->m.n);
}

static void spool_gc_committed(void *arg, int rc)
{
    struct spool_gc *t = arg;
    store_crash_point("spool_gc.after");
    if (rc != 0)
        work_retry(t->w, store_refused(NULL, "a tidied message"));
    else
        work_end(t->w);
    out_message_free(&t->m);
    free(t);
}

static void spool_gc_done(struct job *job)
{
    struct spool_gc *t = (struct spool_gc *)job;
    store_crash_point("spool_gc.before");
    if (t->rc != 0)
        spool_gc_committed(t, -1);
    else
        store_do(t->w->services->store, spool_gc_commit, spool_gc_committed, t);
}

static void spool_gc_start(struct work *w)
{
    struct spool_gc *t = mem_new(sizeof *t);
    if (out_get(store_reader(w->services->store), w->n, &t->m) < 0) {
        free(t);
        work_retry(w, store_unread(NULL, "Its row"));
        return;
    }
    t->w = w;
    job_run(w->services->files, &t->job, spool_gc_run, spool_gc_done, true);
}

QUEUE(spool_gc);
const struct step step_spool_gc = {
    .queue = &queue_spool_gc,
    .parallel = 16,
    .start = spool_gc_start,
};
