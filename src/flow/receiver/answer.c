/* SPDX-License-Identifier: GPL-3.0-or-later */
/* answer.c - the receiver's last steps (the paper's step 10). The receipt is handed to the sender
 * where this peer has just fetched from it (P-10.6). Otherwise, and whenever the sender does not
 * prove that it took it, the receipt is put into the DHT and read back, then the notification is
 * deleted, and the receipt is kept alive until the sender has taken it or 30 days have passed
 * (P-10.7). */
#include "base/clock.h"
#include "flow/receiver/receipt_push.h"
#include "flow/mail/maildir.h"
#include "flow/receiver/parts.h"
#include "flow/core/message_log.h"
#include "flow/core/step.h"
#include "store/incoming.h"
#include "base/jobs.h"
#include "dht/dht.h"
#include "flow/core/job.h"
#include "flow/core/path.h"
#include "base/file.h"
#include "base/mem.h"
#include "proto/entry.h"
#include "flow/core/trusted_clock.h"
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LOG_AREA "answer"
#define KEEP_S (30LL * 86400)
#define AGAIN_S 3700 /* a notification that its sender has not deleted then is answered again */

QUEUE(answer);
QUEUE(receipt_refresh);

struct answering {
    struct job job;
    struct work *w;
    struct services *services;
    struct incoming in;
    char key[DHT_KEY_MAX + 1];
    uint8_t value[HASH_LEN], lock[HASH_LEN], id[ENTRY_ID_LEN];
    bool settled, put_again;
    int rc;
    struct error why;
};

static void answer_end(struct answering *a, const char *why)
{
    work_over(a->w, why);
    incoming_free(&a->in);
    free(a);
}

static struct answering *answer_new(struct work *w)
{
    struct answering *a = mem_new(sizeof *a);
    if (in_get(store_reader(w->services->store), w->n, &a->in) < 0) {
        free(a);
        work_retry(w, store_unread(NULL, "Its row"));
        return NULL;
    }
    struct entry_binding b;
    a->w = w;
    a->services = w->services;
    (void)dht_key(a->key, "nr:", a->in.sender);
    receipt_value(a->in.p, (enum outcome)a->in.outcome, a->in.blob.hash, a->value);
    entry_bind(a->in.p, a->key, a->value, sizeof a->value, &b);
    memcpy(a->lock, b.lock, HASH_LEN);
    memcpy(a->id, b.id, ENTRY_ID_LEN);
    wipe(&b, sizeof b);
    return a;
}

static void answer_put_receipt(struct answering *a, dht_done_fn *fn)
{
    int64_t now = clock_wall_ms() / 1000;
    dht_put(a->services->dht, a->key, a->value, HASH_LEN, now + DHT_LIFE_MAX, a->lock, fn, a);
}

/* ---- answer: put, read back, delete, commit */

static int answered_run(struct db *db, void *arg)
{
    struct answering *a = arg;
    return in_set_answered(db, a->in.n, clock_wall_ms() + a->services->c.poll);
}

static void answered_done(void *arg, int rc)
{
    struct answering *a = arg;
    store_crash_point("answer.after");
    char stub[PATH_CAP];
    home_path(a->services, stub, "inbox/stubs", a->in.nid, HASH_LEN, "");
    (void)unlink(stub); /* of a declined message: nobody counts its links any more */
    if (rc == 0 && a->in.outcome != OUTCOME_PULLED) /* pull.c removes its own */
        parts_forget(a->services, a->in.n, a->in.nid);
    answer_end(a, rc != 0 ? store_refused(NULL, "an answer") : NULL);
}

static void answer_on_deleted(void *ctx, enum dht_result r, const char *why)
{
    struct answering *a = ctx;
    store_crash_point("answer.before");
    if (r != DHT_OK && r != DHT_WAS_ABSENT) {
        answer_end(a, why);
        return;
    }
    work_info(a->w, "the receipt stands in the DHT");
    store_do(a->services->store, answered_run, answered_done, a);
}

static void on_read_back(void *ctx, bool ok, enum dht_presence presence)
{
    struct answering *a = ctx;
    if (!ok || presence == DHT_ABSENT) {
        answer_end(a, "The receipt cannot be read back from the DHT.");
        return;
    }
    store_crash_point("answer.receipt");
    struct entry_binding ns;
    entry_bind_hash(a->in.p, a->in.ns_key, a->in.ns_hash, &ns);
    dht_del(a->services->dht, a->in.ns_key, a->in.ns_hash, ns.token, answer_on_deleted, a);
    wipe(&ns, sizeof ns);
}

static void answer_on_put(void *ctx, enum dht_result r, const char *why)
{
    struct answering *a = ctx;
    if (r != DHT_OK)
        answer_end(a, why);
    else
        dht_look(a->services->dht, a->key, a->id, on_read_back, a);
}

/* The sender may have taken the receipt already, before a crash of ours. */
static void on_before_put(void *ctx, bool ok, enum dht_presence presence)
{
    struct answering *a = ctx;
    if (ok && presence == DHT_DELETED)
        on_read_back(a, true, presence);
    else
        answer_put_receipt(a, answer_on_put);
}

/* A message that its sender took back leaves the mailbox before that is confirmed (P-14.5). */
static void recall_apply_run(struct job *job, void *thread_ctx)
{
    struct answering *a = (struct answering *)job;
    char stub[PATH_CAP];
    home_path(a->services, stub, "inbox/stubs", a->in.nid, HASH_LEN, "");
    a->rc = maildir_remove(a->services->c.home, "", stub, &a->why);
}

static void through_dht(struct answering *a)
{
    if (a->in.tries == 0)
        answer_put_receipt(a, answer_on_put);
    else
        dht_look(a->services->dht, a->key, a->id, on_before_put, a);
}

/* ---- or the sender takes it itself, and deletes the notification */

static int answer_pushed_run(struct db *db, void *arg)
{
    struct answering *a = arg;
    struct entry_binding ns;
    entry_bind_hash(a->in.p, a->in.ns_key, a->in.ns_hash, &ns);
    int64_t again = clock_wall_ms() / 1000 + AGAIN_S;
    int rc = in_set_pushed(db, a->in.n, a->in.p, ns.id, again) < 0 ? -1 : 0;
    wipe(&ns, sizeof ns);
    return rc;
}

static void on_pushed(void *ctx, bool taken)
{
    struct answering *a = ctx;
    if (!taken) {
        through_dht(a);
        return;
    }
    work_info(a->w, "its sender has taken the receipt itself");
    store_crash_point("answer.before");
    store_do(a->services->store, answer_pushed_run, answered_done, a);
}

static void answer_push_receipt(struct answering *a)
{
    struct receipt r;
    memcpy(r.id, a->id, ENTRY_ID_LEN);
    memcpy(r.value, a->value, HASH_LEN);
    if (!receipt_push(a->services, &a->in, &r, on_pushed, a))
        through_dht(a);
}

static void recall_apply_done(struct job *job)
{
    struct answering *a = (struct answering *)job;
    if (a->rc < 0)
        answer_end(a, a->why.text);
    else
        answer_push_receipt(a);
}

static void answer_start(struct work *w)
{
    struct answering *a = answer_new(w);
    if (a != NULL && a->in.outcome == OUTCOME_CANCELLED)
        job_run(w->services->files, &a->job, recall_apply_run, recall_apply_done, true);
    else if (a != NULL)
        answer_push_receipt(a);
}

const struct step step_answer = {
    .queue = &queue_answer,
    .parallel = 32,
    .needs_net = true,
    .start = answer_start,
};

/* ---- receipt refresh */

static int receipt_refresh_run(struct db *db, void *arg)
{
    struct answering *a = arg;
    if (a->settled)
        return in_set_settled(db, a->in.n);
    int64_t shift = a->in.tries < 6 ? a->in.tries : 6;
    int64_t wait = a->services->c.poll << shift;
    if (wait > a->services->c.reput)
        wait = a->services->c.reput;
    return queue_delay(db, &queue_receipt_refresh, a->in.n, clock_wall_ms() + wait, NULL);
}

static void receipt_refresh_done(void *arg, int rc)
{
    store_crash_point("receipt_refresh.after");
    answer_end(arg, rc != 0 ? store_refused(NULL, "a settled receipt") : NULL);
}

static void on_put_again(void *ctx, enum dht_result r, const char *why)
{
    struct answering *a = ctx;
    store_do(a->services->store, receipt_refresh_run, receipt_refresh_done, a);
}

static void receipt_refresh_on_look(void *ctx, bool ok, enum dht_presence presence)
{
    struct answering *a = ctx;
    a->settled = (ok && presence == DHT_DELETED) ||
                 trusted_now_ms(a->services) / 1000 > a->in.changed_ms / 1000 + KEEP_S;
    store_crash_point("receipt_refresh.before");
    /* put again when it is missing, and about every reput period to keep it alive */
    if (!a->settled && ok &&
        (presence == DHT_ABSENT ||
         (a->services->c.poll << (a->in.tries < 6 ? a->in.tries : 6)) >= a->services->c.reput))
        answer_put_receipt(a, on_put_again);
    else
        on_put_again(a, ok, NULL);
}

static void receipt_refresh_start(struct work *w)
{
    struct answering *a = answer_new(w);
    if (a != NULL)
        dht_look(a->services->dht, a->key, a->id, receipt_refresh_on_look, a);
}

const struct step step_receipt_refresh = {
    .queue = &queue_receipt_refresh,
    .parallel = 16,
    .needs_net = true,
    .start = receipt_refresh_start,
};
