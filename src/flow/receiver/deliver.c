/* SPDX-License-Identifier: GPL-3.0-or-later */
/* deliver.c - the message takes its stub's place, under the same name, UID and time, in every
 * folder where a copy of the stub stands (P-7.3, P-7.14, P-10.5). */
#include "base/mem.h"
#include "base/texts.h"
#include "flow/mail/maildir.h"
#include "flow/receiver/sender_feedback.h"
#include "flow/receiver/opening.h"
#include "flow/core/message_log.h"
#include "flow/core/step.h"
#include "store/incoming.h"
#include "base/jobs.h"
#include "flow/core/job.h"
#include "flow/core/path.h"
#include "base/file.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LOG_AREA "deliver"
#define UNNAMED_TRIES 4 /* a copy that stands in no folder is waited for so often */

struct delivery {
    struct job job;
    struct work *w;
    struct incoming in;
    char stub[PATH_CAP], full[PATH_CAP];
    bool anew; /* it stands under a new UID */
    int rc;
    struct error why;
};

static void deliver_end(struct delivery *d, const char *why)
{
    work_over(d->w, why);
    incoming_free(&d->in);
    free(d);
}

/* The own link is lost, so no copy can be found by it: into the folder where it came. */
static int deliver_lost(struct delivery *d, const char *name)
{
    const char *home = d->w->services->c.home;
    const char *folder = d->in.place == PLACE_INBOX ? "" : ".Requests";
    if (!maildir_find(home, folder, name, false) &&
        feedback_put(home, d->in.place, d->full, name, true, &d->why) < 0)
        return -1;
    (void)maildir_find(home, folder, d->in.file, true);
    return 0;
}

/* As a new message beside the stub, which then goes: its structure was announced wrongly. */
static int deliver_anew(struct delivery *d)
{
    const char *home = d->w->services->c.home;
    char name[sizeof d->in.file + 8];
    unsigned elsewhere, trash;
    struct stat st;
    (void)snprintf(name, sizeof name, "F%s", d->in.file);
    d->anew = true;
    if (stat(d->stub, &st) < 0)
        return deliver_lost(d, name);
    maildir_count(home, st.st_ino, &elsewhere, &trash);
    if (elsewhere > 0)
        return maildir_replace(home, d->stub, d->full, name, &d->why);
    if (trash > 0 && deliver_lost(d, name) < 0)
        return -1;
    return maildir_remove(home, "", d->stub, &d->why) < 0 ? -1 : 0;
}

static void fill_run(struct job *job, void *thread_ctx)
{
    struct delivery *d = (struct delivery *)job;
    if (d->in.fresh || !file_exists(d->stub))
        d->rc = deliver_anew(d);
    else
        d->rc = maildir_fill(d->w->services->c.home, d->stub, d->full, d->in.file, &d->why);
    if ((d->rc == 0 || d->rc == 2) &&
        feedback_watch(d->w->services, d->in.nid, d->full, &d->why) < 0)
        d->rc = -1;
}

static int deliver_commit_run(struct db *db, void *arg)
{
    struct delivery *d = arg;
    return in_set_answer(db, d->in.n);
}

static void deliver_commit_done(void *arg, int rc)
{
    struct delivery *d = arg;
    store_crash_point("deliver.after");
    if (rc == 0) { /* the Maildir has its own links now */
        work_info(d->w,
                  d->anew ? "delivered as a new message" : "delivered in the place of its stub");
        (void)unlink(d->stub);
        (void)unlink(d->full);
    }
    if (d->anew)
        openings_failed(d->w->services, d->in.nid, TEXT_ANEW);
    else
        openings_filled(d->w->services, d->in.nid);
    deliver_end(d, rc != 0 ? store_refused(NULL, "a delivery") : NULL);
}

static void fill_done(struct job *job)
{
    struct delivery *d = (struct delivery *)job;
    store_crash_point("deliver.before");
    if (d->rc < 0) {
        openings_failed(d->w->services, d->in.nid, TEXT_NOT_PLACED);
        deliver_end(d, d->why.text);
        return;
    }
    if (d->rc == 2 && d->in.tries < UNNAMED_TRIES) {
        openings_filled(d->w->services, d->in.nid); /* where it can be seen, it is */
        deliver_end(d, "A copy of the stub stands in no folder of the Maildir yet.");
        return;
    }
    if (d->rc == 1)
        work_info(d->w, "was pulled, but its stub is in no mailbox any more");
    store_do(d->w->services->store, deliver_commit_run, deliver_commit_done, d);
}

static void deliver_start(struct work *w)
{
    struct delivery *d = mem_new(sizeof *d);
    if (in_get(store_reader(w->services->store), w->n, &d->in) < 0) {
        free(d);
        work_retry(w, store_unread(NULL, "Its row"));
        return;
    }
    d->w = w;
    home_path(w->services, d->stub, "inbox/stubs", d->in.nid, HASH_LEN, "");
    home_path(w->services, d->full, "inbox/full", d->in.nid, HASH_LEN, "");
    job_run(w->services->files, &d->job, fill_run, fill_done, true);
}

QUEUE(deliver);
const struct step step_deliver = {
    .queue = &queue_deliver,
    .parallel = 32,
    .start = deliver_start,
};
