/* SPDX-License-Identifier: GPL-3.0-or-later */
/* delay_notice.c - whose client asked for it (NOTIFY=DELAY, RFC 3461) is told once, by a report in
 * the inbox, who has not fetched a message within a day (P-13.7). Nobody asks any more once that
 * stands there; until then the step is repeated, and its file has the same name. */
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

#define LOG_AREA "delay_notice"

struct delay_writing {
    struct job job;
    struct work *w; /* its row: the message */
    struct out_message m;
    struct out_receiver *rcpts;
    size_t count;
    int rc;
    struct error why;
};

static void delay_end(struct delay_writing *t, const char *why)
{
    work_over(t->w, why);
    for (size_t i = 0; i < t->count; i++)
        out_receiver_free(&t->rcpts[i]);
    free(t->rcpts);
    out_message_free(&t->m);
    free(t);
}

static void delay_write_run(struct job *job, void *thread_ctx)
{
    struct delay_writing *t = (struct delay_writing *)job;
    const struct services *sv = t->w->services;
    char path[PATH_CAP], name[128], id[2 * MESSAGE_ID_LEN + 1];
    struct dsn d = {.own = sv->c.address,
                    .m = &t->m,
                    .rcpts = t->rcpts,
                    .count = t->count,
                    .at_ms = t->m.created_ms + DELAY_NOTICE_MS};
    hex_encode(t->m.id, MESSAGE_ID_LEN, id);
    home_path(sv, path, "spool", t->m.id, MESSAGE_ID_LEN, ".delay");
    (void)snprintf(name, sizeof name, "%lld.D%s.restante", (long long)(d.at_ms / 1000), id);
    t->rc = dsn_place(&d, sv->c.home, path, name, &t->why);
}

static int delay_commit_run(struct db *db, void *arg)
{
    struct delay_writing *t = arg;
    return dsn_delayed_done(db, t->m.n);
}

static void delay_commit_done(void *arg, int rc)
{
    store_crash_point("delay_notice.after");
    delay_end(arg, rc != 0 ? store_refused(NULL, "a report of a delay") : NULL);
}

static void delay_write_done(struct job *job)
{
    struct delay_writing *t = (struct delay_writing *)job;
    store_crash_point("delay_notice.before");
    if (t->rc != 0) {
        delay_end(t, t->why.text);
        return;
    }
    work_info(t->w, "its user is told that %zu recipients have not fetched it yet", t->count);
    store_do(t->w->services->store, delay_commit_run, delay_commit_done, t);
}

/* Who has not ended, and is asked for. -1 when a row cannot be read. */
static int delay_read(struct delay_writing *t, struct db *db)
{
    int64_t *n = mem_array(RCPTS_MAX, sizeof *n);
    size_t found = dsn_delayed(db, t->m.n, n, RCPTS_MAX);
    t->rcpts = found == 0 ? NULL : calloc(found, sizeof *t->rcpts);
    while (t->rcpts != NULL && t->count < found &&
           rcv_get(db, n[t->count], &t->rcpts[t->count]) == 0)
        t->count++;
    free(n);
    return t->count == found ? 0 : -1;
}

static void delay_start(struct work *w)
{
    struct delay_writing *t = mem_new(sizeof *t);
    struct db *db = store_reader(w->services->store);
    t->w = w;
    if (out_get(db, w->n, &t->m) < 0 || delay_read(t, db) < 0)
        delay_end(t, store_unread(NULL, "Its rows"));
    else if (t->count == 0) /* they came meanwhile */
        delay_end(t, NULL);
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
