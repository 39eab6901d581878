/* SPDX-License-Identifier: GPL-3.0-or-later */
/* dsn_step.c - every wait ends and the user is told: a delivery status notification in the inbox
 * for the receivers of one message that could not be reached or never came, and those who pulled it
 * when the client asked for that (P-13.1). Who stands in it is committed first, and its name and
 * octets follow from the rows: a repeated step writes it once. */
#include "base/mem.h"
#include "flow/core/job.h"
#include "flow/core/message_log.h"
#include "flow/sender/report.h"
#include <stdio.h>
#include <stdlib.h>

#define LOG_AREA "dsn"

static void dsn_write_run(struct job *job, void *thread_ctx)
{
    struct report *t = (struct report *)job;
    const struct out_receiver *first = &t->rcpts[0];
    char more[32];
    (void)snprintf(more, sizeof more, ".%lld", (long long)first->n);
    report_place(t, 0, ".notice", first->changed_ms / 1000, 'N', more);
}

static int dsn_commit_run(struct db *db, void *arg)
{
    struct report *t = arg;
    return dsn_told(db, t->m.n);
}

static void dsn_commit_done(void *arg, int rc)
{
    store_crash_point("dsn.after");
    report_end(arg, rc != 0 ? store_refused(NULL, "a notice") : NULL);
}

static void dsn_write_done(struct job *job)
{
    struct report *t = (struct report *)job;
    store_crash_point("dsn.before");
    if (t->rc != 0)
        report_end(t, t->why.text);
    else
        store_do(t->w->services->store, dsn_commit_run, dsn_commit_done, t);
}

/* Who is in the report was committed first: it stays the same however often the step runs. */
static int dsn_begin_run(struct db *db, void *arg)
{
    struct report *t = arg;
    return dsn_begin(db, t->m.n);
}

static void dsn_begin_done(void *arg, int rc)
{
    struct report *t = arg;
    if (rc != 0) {
        report_end(t, store_refused(NULL, "the beginning of a notice"));
        return;
    }
    if (report_read(t, dsn_rcpts) < 0) {
        report_end(t, store_unread(NULL, "The receivers of a notice"));
        return;
    }
    for (size_t i = 0; i < t->count; i++)
        message_warn(t->w->services, ABOUT_RECEIVER, t->rcpts[i].n, "its user is told: %s",
                     t->rcpts[i].state == RCV_EXPIRED  ? "did not fetch it in time"
                     : t->rcpts[i].state == RCV_PULLED ? "pulled it, which is reported"
                                                       : "not reached");
    if (t->count == 0) /* their receipts came meanwhile */
        store_do(t->w->services->store, dsn_commit_run, dsn_commit_done, t);
    else
        job_run(t->w->services->files, &t->job, dsn_write_run, dsn_write_done, true);
}

static void dsn_start(struct work *w)
{
    struct report *t = mem_new(sizeof *t);
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
