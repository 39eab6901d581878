/* SPDX-License-Identifier: GPL-3.0-or-later */
/* publish.c - step three: the blob gets the name under which it is served, outbox/<hash>, and its
 * list of chunk hashes beside it (the paper's step 4). One that is a single chunk needs no list:
 * seal.c gives it its name. */
#include "flow/sender/blob_step.h"
#include "flow/core/message_log.h"
#include "flow/core/step.h"
#include "base/jobs.h"
#include "flow/core/job.h"
#include "flow/core/path.h"
#include "base/file.h"
#include <errno.h>
#include <string.h>
#include <unistd.h>

#define LOG_AREA "publish"

static void publish_run(struct job *job, void *thread_ctx)
{
    struct blob_step *p = (struct blob_step *)job;
    const struct services *sv = p->w->services;
    char from[PATH_CAP], to[PATH_CAP], chunks[PATH_CAP], dir[PATH_CAP];
    home_path(sv, from, "outbox", p->b.hash, HASH_LEN, ".sealed");
    home_path(sv, to, "outbox", p->b.hash, HASH_LEN, "");
    home_path(sv, chunks, "outbox", p->b.hash, HASH_LEN, ".chunks");
    p->rc = path_join(dir, sv->c.home, "outbox", &p->why);
    if (p->rc == 0)
        p->rc = file_write(chunks, p->b.chunks.p, p->b.chunks.n, &p->why);
    /* after a crash it may have its name already; nobody may wait for it any more (step_blob_gc) */
    if (p->rc == 0 && rename(from, to) < 0 && !(errno == ENOENT && file_exists(to))) {
        p->rc = error_set(&p->why, "Cannot name %s: %s.", to, strerror(errno));
        (void)unlink(chunks);
    }
    if (p->rc == 0)
        p->rc = dir_sync(dir, &p->why);
}

static int publish_commit_run(struct db *db, void *arg)
{
    struct blob_step *p = arg;
    return blob_set_state(db, p->b.n, BLOB_PUBLISHED);
}

static void publish_commit_done(void *arg, int rc)
{
    struct blob_step *p = arg;
    store_crash_point("publish.after");
    if (rc == 0)
        work_info(p->w, "published");
    blob_step_end(p, rc != 0 ? store_refused(NULL, "a published blob") : NULL);
}

static void publish_done(struct job *job)
{
    struct blob_step *p = (struct blob_step *)job;
    store_crash_point("publish.before");
    if (p->rc != 0)
        blob_step_end(p, p->why.text);
    else
        store_do(p->w->services->store, publish_commit_run, publish_commit_done, p);
}

static void publish_start(struct work *w)
{
    struct blob_step *p = blob_step_new(w, sizeof *p);
    if (p != NULL)
        job_run(w->services->files, &p->job, publish_run, publish_done, false);
}

QUEUE(publish);
const struct step step_publish = {
    .queue = &queue_publish,
    .parallel = 16,
    .rank = STEP_FIRST,
    .start = publish_start,
};
