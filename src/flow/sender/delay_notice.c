/* SPDX-License-Identifier: GPL-3.0-or-later */
/* delay_notice.c - whose client asked for it (NOTIFY=DELAY, RFC 3461) is told once, by a report in
 * the inbox, who has not fetched a message within a day (P-13.7). Nobody asks any more once that
 * stands there; until then the step is repeated, and its file has the same name. */
#include "flow/core/job.h"
#include "flow/core/message_log.h"
#include "base/mem.h"
#include "flow/sender/report.h"

#define LOG_AREA "delay_notice"

static void delay_write_run(struct job *job, void *thread_ctx)
{
    struct report *t = (struct report *)job;
    int64_t at_ms = t->m.created_ms + DELAY_NOTICE_MS;
    report_place(t, at_ms, ".delay", at_ms / 1000, 'D', "");
}

static int delay_commit_run(struct db *db, void *arg)
{
    struct report *t = arg;
    return dsn_delayed_done(db, t->m.n);
}

static void delay_commit_done(void *arg, int rc)
{
    store_crash_point("delay_notice.after");
    report_end(arg, rc != 0 ? store_refused(NULL, "a report of a delay") : NULL);
}

static void delay_write_done(struct job *job)
{
    struct report *t = (struct report *)job;
    store_crash_point("delay_notice.before");
    if (t->rc != 0) {
        report_end(t, t->why.text);
        return;
    }
    work_info(t->w, "its user is told that %zu recipients have not fetched it yet", t->count);
    store_do(t->w->services->store, delay_commit_run, delay_commit_done, t);
}

static void delay_start(struct work *w)
{
    struct report *t = mem_new(sizeof *t);
    t->w = w;
    if (out_get(store_reader(w->services->store), w->n, &t->m) < 0 ||
        report_read(t, dsn_delayed) < 0)
        report_end(t, store_unread(NULL, "Its rows"));
    else if (t->count == 0) /* they came meanwhile */
        report_end(t, NULL);
    else
        job_run(w->services->files, &t->job, delay_write_run, delay_write_done, true);
}

QUEUE(delay_notice);
const struct step step_delay_notice = {
    .queue = &queue_delay_notice,
    .parallel = 4,
    .rank = STEP_LAST,
    .start = delay_start,
};
