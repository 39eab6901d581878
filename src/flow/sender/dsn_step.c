/* SPDX-License-Identifier: GPL-3.0-or-later */
/* dsn_step.c - every wait ends and the user is told: a delivery status notification in the inbox
 * for the receivers of one message that could not be reached or never came, and those who pulled it
 * when the client asked for that (P-13.1). Who stands in it is committed first, and its name and
 * octets follow from the rows: a repeated step writes it once. */
#include "flow/mail/dsn.h"
#include "flow/core/message_log.h"
#include "flow/core/step.h"
#include "store/outgoing.h"
#include "base/jobs.h"
#include "flow/core/job.h"
#include "flow/core/path.h"
#include "base/mem.h"
#include <stdio.h>
#include <stdlib.h>

#define LOG_AREA "dsn"

struct dsn_writing {
    struct job job;
    struct work *w; /* its row: the message */
    struct out_message m;
    struct out_receiver *rcpts;
    size_t count;
    int rc;
    struct error why;
};

static void dsn_end(struct dsn_writing *t, const char *why)
{
    work_over(t->w, why);
    for (size_t i = 0; i < t->count; i++)
        out_receiver_free(&t->rcpts[i]);
    free(t->rcpts);
    out_message_free(&t->m);
    free(t);
}

static void dsn_write_run(struct job *job, void *thread_ctx)
{
    struct dsn_writing *t = (struct dsn_writing *)job;
    const struct services *sv = t->w->services;
    char path[PATH_CAP], name[128], id[2 * MESSAGE_ID_LEN + 1];
    struct dsn d = {.own = sv->c.address, .m = &t->m, .rcpts = t->rcpts, .count = t->count};
    hex_encode(t->m.id, MESSAGE_ID_LEN, id);
    home_path(sv, path, "spool", t->m.id, MESSAGE_ID_LEN, ".notice");
    (void)snprintf(name, sizeof name, "%lld.N%s.%lld.restante",
                   (long long)(t->rcpts[0].changed_ms / 1000), id, (long long)t->rcpts[0].n);
    t->rc = dsn_place(&d, sv->c.home, path, name, &t->why);
}

static int dsn_commit_run(struct db *db, void *arg)
{
    struct dsn_writing *t = arg;
    return dsn_told(db, t->m.n);
}

static void dsn_commit_done(void *arg, int rc)
{
    store_crash_point("dsn.after");
    dsn_end(arg, rc != 0 ? store_refused(NULL, "a notice") : NULL);
}

static void dsn_write_done(struct job *job)
{
    struct dsn_writing *t = (struct dsn_writing *)job;
    store_crash_point("dsn.before");
    if (t->rc != 0)
        dsn_end(t, t->why.text);
    else
        store_do(t->w->services->store, dsn_commit_run, dsn_commit_done, t);
}

/* Who is in the report was committed first: it stays the same however often the step runs. */
static int dsn_begin_run(struct db *db, void *arg)
{
    struct dsn_writing *t = arg;
    return dsn_begin(db, t->m.n);
}

static void dsn_begin_done(void *arg, int rc)
{
    struct dsn_writing *t = arg;
    struct db *db = store_reader(t->w->services->store);
    if (rc != 0) {
        dsn_end(t, store_refused(NULL, "the beginning of a notice"));
        return;
    }
    int64_t *n = mem_array(RCPTS_MAX, sizeof *n);
    size_t found = dsn_rcpts(db, t->m.n, n, RCPTS_MAX);
    t->rcpts = found == 0 ? NULL : calloc(found, sizeof *t->rcpts);
    for (size_t i = 0; i < found && t->rcpts != NULL; i++) {
        if (rcv_get(db, n[i], &t->rcpts[t->count]) < 0)
            break;
        message_warn(t->w->services, ABOUT_RECEIVER, n[i], "its user is told: %s",
                     t->rcpts[t->count].state == RCV_EXPIRED  ? "did not fetch it in time"
                     : t->rcpts[t->count].state == RCV_PULLED ? "pulled it, which is reported"
                                                              : "not reached");
        t->count++;
    }
    if (t->count < found)
        dsn_end(t, store_unread(NULL, "The receivers of a notice"));
    else if (found == 0) /* their receipts came meanwhile */
        store_do(t->w->services->store, dsn_commit_run, dsn_commit_done, t);
    else
        job_run(t->w->services->files, &t->job, dsn_write_run, dsn_write_done, true);
    free(n);
}

static void dsn_start(struct work *w)
{
    struct dsn_writing *t = mem_new(sizeof *t);
    if (out_get(store_reader(w->services->store), w->n, &t->m) < 0) {
        free(t);
        work_retry(w, store_unread(NULL, "Its row"));
        return;
    }
    t->w = w;
    store_do(w->services->store, dsn_begin_run, dsn_begin_done, t);
}

QUEUE(dsn);
const struct step step_dsn = {
    .queue = &queue_dsn,
    .parallel = 4,
    .start = dsn_start,
};
