/* SPDX-License-Identifier: GPL-3.0-or-later */
/* recall.c - see recall.h. The blob is closed here, and only then it is asked whether anybody ever
 * began to fetch it (P-14.3). What then goes into the DHT is cancel_step.c's. */
#include "flow/sender/recall.h"
#include "base/clock.h"
#include "flow/core/message_log.h"
#include "flow/core/step.h"
#include "store/cancel.h"
#include "base/jobs.h"
#include "flow/core/job.h"
#include "flow/core/path.h"
#include "base/file.h"
#include "base/mem.h"
#include <stdlib.h>
#include <string.h>

#define LOG_AREA "cancel"

/* ---- the beginning */

struct recall_beginning {
    struct services *services;
    int64_t n;
    bool one;
    char address[ADDRESS_MAX + 1];
    recall_fn *fn;
    void *ctx;
    int begun;
};

static int recall_begin(struct db *db, int64_t n, const char *address)
{
    int64_t *rows = calloc(RCPTS_MAX, sizeof *rows);
    if (rows == NULL)
        return -1;
    size_t count = cancel_receivers(db, n, address, rows, RCPTS_MAX);
    int rc = 0, begun = 0;
    for (size_t i = 0; i < count && rc >= 0; i++) {
        rc = cancel_begin(db, rows[i]);
        begun += rc > 0;
    }
    free(rows);
    return rc < 0 ? -1 : begun;
}

int recall_all(struct db *db, int64_t n)
{
    return recall_begin(db, n, NULL);
}

static int recall_begin_run(struct db *db, void *arg)
{
    struct recall_beginning *b = arg;
    b->begun = recall_begin(db, b->n, b->one ? b->address : NULL);
    return b->begun < 0 ? -1 : 0;
}

static void recall_begin_done(void *arg, int rc)
{
    struct recall_beginning *b = arg;
    store_crash_point("recall.begun");
    kick(b->services);
    if (rc == 0 && b->begun > 0)
        message_info(b->services, ABOUT_MESSAGE, b->n, "is being withdrawn from %d recipients",
                     b->begun);
    if (b->fn != NULL)
        b->fn(b->ctx, rc != 0 ? -1 : b->begun);
    free(b);
}

void recall_message(struct services *sv, int64_t n, const char *address, recall_fn *fn, void *ctx)
{
    struct recall_beginning *b = mem_new(sizeof *b);
    *b = (struct recall_beginning){
        .services = sv, .n = n, .one = address != NULL, .fn = fn, .ctx = ctx};
    if (address != NULL)
        (void)strncpy(b->address, address, sizeof b->address - 1);
    store_do(sv->store, recall_begin_run, recall_begin_done, b);
}

/* ---- closing the blob */

struct recall_closing {
    struct job job;
    struct work *w;
    int64_t receiver;
    struct out_blob b;
    bool wanted; /* by other receivers: it stays */
    bool never;  /* nobody began to fetch it, and nobody can any more */
    int rc;
    struct error why;
};

static void recall_end(struct recall_closing *c, const char *why)
{
    work_over(c->w, why);
    bytes_free(&c->b.chunks);
    free(c);
}

/* The name that publishing gives away goes first: so a publishing under way cannot bring it back.
 */
static void recall_close_run(struct job *job, void *thread_ctx)
{
    struct recall_closing *c = (struct recall_closing *)job;
    static const char *const suffix[] = {".sealed", ""};
    const struct services *sv = c->w->services;
    char path[PATH_CAP], dir[PATH_CAP];
    if (c->wanted)
        return;
    for (size_t i = 0; i < 2 && c->rc == 0; i++) {
        home_path(sv, path, "outbox", c->b.hash, HASH_LEN, suffix[i]);
        c->rc = file_remove(path, &c->why);
    }
    if (c->rc == 0)
        c->rc = path_join(dir, sv->c.home, "outbox", &c->why);
    if (c->rc == 0)
        c->rc = dir_sync(dir, &c->why);
    home_path(sv, path, "outbox", c->b.hash, HASH_LEN, ".fetched");
    c->never = c->rc == 0 && !file_exists(path);
}

static int recall_close_commit(struct db *db, void *arg)
{
    struct recall_closing *c = arg;
    return cancel_closed(db, c->receiver, c->b.n, c->never);
}

static void recall_close_committed(void *arg, int rc)
{
    store_crash_point("recall.after");
    recall_end(arg, rc != 0 ? store_refused(NULL, "a withdrawal") : NULL);
}

static void recall_close_done(struct job *job)
{
    struct recall_closing *c = (struct recall_closing *)job;
    store_crash_point("recall.before");
    if (c->rc != 0)
        recall_end(c, c->why.text);
    else
        store_do(c->w->services->store, recall_close_commit, recall_close_committed, c);
}

static void recall_start(struct work *w)
{
    struct db *db = store_reader(w->services->store);
    struct recall_closing *c = mem_new(sizeof *c);
    struct out_receiver r = {0};
    if (rcv_get(db, w->n, &r) < 0 || blob_get(db, r.blob, &c->b) < 0) {
        out_receiver_free(&r);
        free(c);
        work_retry(w, store_unread(NULL, "Its row"));
        return;
    }
    c->w = w;
    c->receiver = r.n;
    c->wanted = cancel_blob_wanted(db, r.blob);
    out_receiver_free(&r);
    job_run(w->services->files, &c->job, recall_close_run, recall_close_done, true);
}

QUEUE(recall);
const struct step step_recall = {
    .queue = &queue_recall,
    .parallel = 8,
    .start = recall_start,
};
