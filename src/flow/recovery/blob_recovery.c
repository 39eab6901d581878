/* SPDX-License-Identifier: GPL-3.0-or-later */
/* blob_recovery.c - a blob that somebody waits for and whose file is not in the outbox (a restored
 * backup, a damaged home) is taken back from the members of the group, and published then
 * (P-10.23). */
#include "flow/sender/blob_step.h"
#include "flow/core/message_log.h"
#include "flow/core/step.h"
#include "flow/peers/part.h"
#include "flow/peers/transfer.h"
#include "store/check.h"
#include "store/groups.h"
#include "base/jobs.h"
#include "flow/core/job.h"
#include "flow/core/path.h"
#include "base/file.h"
#include <stdio.h>
#include <string.h>

#define LOG_AREA "blob_recovery"

struct regaining {
    struct blob_step s;
    bool grouped, lost; /* lost: there is nobody to ask */
};

static int blob_recovery_commit_run(struct db *db, void *arg)
{
    struct regaining *x = arg;
    if (x->lost)
        return check_blob_lost(
            db, x->s.b.n,
            "Its sealed form is missing in the outbox, and there is no group whose "
            "members could hold it. Send it again.");
    return blob_set_state(db, x->s.b.n, BLOB_PUBLISHED);
}

static void blob_recovery_commit_done(void *arg, int rc)
{
    struct regaining *x = arg;
    store_crash_point("blob_recovery.after");
    if (rc == 0 && !x->lost)
        work_info(x->s.w, "recovered a blob of %llu bytes", (unsigned long long)x->s.b.size);
    blob_step_end(&x->s, rc != 0 ? store_refused(NULL, "a blob that is back") : NULL);
}

static void lose(struct regaining *x)
{
    work_warn(x->s.w, "the blob is missing in the outbox, and no member of a group can hold it: "
                      "its recipients fail");
    x->lost = true;
    store_do(x->s.w->services->store, blob_recovery_commit_run, blob_recovery_commit_done, x);
}

static void place_run(struct job *job, void *thread_ctx)
{
    struct regaining *x = (struct regaining *)job;
    x->s.rc = part_place(x->s.w->services, "outbox", x->s.b.hash, &x->s.b.chunks, &x->s.why);
}

static void place_done(struct job *job)
{
    struct regaining *x = (struct regaining *)job;
    store_crash_point("blob_recovery.before");
    if (x->s.rc != 0)
        blob_step_end(&x->s, x->s.why.text);
    else
        store_do(x->s.w->services->store, blob_recovery_commit_run, blob_recovery_commit_done, x);
}

static void blob_recovery_on_blob(void *ctx, bool ok, const char *why)
{
    struct regaining *x = ctx;
    struct out_blob now = {0};
    if (x->s.w->services->stopping ||
        blob_get(store_reader(x->s.w->services->store), x->s.b.n, &now) < 0 ||
        now.state != BLOB_MISSING) /* nobody waits for it any more */
        blob_step_end(&x->s, NULL);
    else if (!ok && !x->grouped)
        lose(x);
    else if (!ok)
        blob_step_end(&x->s, why);
    else
        job_run(x->s.w->services->files, &x->s.job, place_run, place_done, false);
    bytes_free(&now.chunks);
}

/* What there is under one of its names, whole or not, is looked at before anybody is asked. */
static void blob_recovery_gather(struct services *sv, const uint8_t hash[HASH_LEN],
                                 const char *part)
{
    static const char *const name[] = {"", ".sealed"};
    char path[PATH_CAP];
    for (size_t i = 0; i < 2 && !file_exists(part); i++) {
        home_path(sv, path, "outbox", hash, HASH_LEN, name[i]);
        (void)rename(path, part);
    }
}

static void blob_recovery_start(struct work *w)
{
    struct services *sv = w->services;
    struct regaining *x = blob_step_new(w, sizeof *x);
    if (x == NULL)
        return;
    char part[PATH_CAP];
    uint8_t master_fpr[FPR_LEN];
    struct blob_ref ref = {.size = x->s.b.size};
    home_path(sv, part, "outbox", x->s.b.hash, HASH_LEN, ".part");
    blob_recovery_gather(sv, x->s.b.hash, part);
    x->grouped = group_own_master(store_reader(sv->store), master_fpr);
    if (!x->grouped && !file_exists(part)) {
        lose(x);
        return;
    }
    memcpy(ref.hash, x->s.b.hash, HASH_LEN);
    sha256(x->s.b.chunks.p, x->s.b.chunks.n, ref.chunks_hash);
    struct transfer *t = transfer_start(sv, sv->c.address, &sv->pubkey, sv->fpr, &ref, part,
                                        blob_recovery_on_blob, x);
    transfer_have_chunks(t, x->s.b.chunks.p, x->s.b.chunks.n);
    if (x->grouped)
        transfer_master(t, master_fpr);
}

QUEUE(blob_recovery);
const struct step step_blob_recovery = {
    .queue = &queue_blob_recovery,
    .parallel = 4,
    .needs_net = true,
    .start = blob_recovery_start,
};
