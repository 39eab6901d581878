/* SPDX-License-Identifier: GPL-3.0-or-later */
/* pull.c - the message is fetched, decrypted and checked against all that was announced; then, in
 * one transaction, it is decided: pulled (the paper's step 9; P-10.5). Nothing is handed on before.
 */
#include "base/clock.h"
#include "base/mem.h"
#include "base/texts.h"
#include "base/log.h"
#include "flow/core/stream_worker.h"
#include "flow/receiver/held.h"
#include "flow/receiver/opening.h"
#include "flow/receiver/parts.h"
#include "flow/core/message_log.h"
#include "flow/core/step.h"
#include "flow/peers/transfer.h"
#include "store/incoming.h"
#include "pgp/pgp.h"
#include "mime/mime.h"
#include "base/jobs.h"
#include "flow/core/job.h"
#include "flow/core/path.h"
#include "base/file.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define LOG_AREA "pull"
#define SMALL (1024 * 1024)

QUEUE(pull);

struct pulling {
    struct job job;
    struct work *w;
    struct services *services;
    struct incoming in;
    struct buf header, skeleton;
    char part[PATH_CAP], tmp[PATH_CAP], full[PATH_CAP];
    int64_t began_ms; /* clock_mono_ms */
    bool tampered;    /* the sender's fault: asking again brings nothing */
    bool fresh;
    bool late;             /* it was declined, expired or taken back while it came */
    struct transfer *t;    /* under way */
    struct growing *grows; /* the stream worker opens the blob while it is fetched; else NULL */
    bool fetched, opened;  /* all of it is here; the stream worker has ended */
    bool held;             /* it was here from the start */
    int rc;
    struct error why, from; /* from: whom the octets came from, or why they did not come */
};

static void pulling_free(struct pulling *p)
{
    buf_free(&p->header);
    buf_free(&p->skeleton);
    incoming_free(&p->in);
    free(p);
}

/* Tries again by itself; who waits is told now. */
static void pull_fail(struct pulling *p, const char *why)
{
    struct error text;
    (void)error_set(&text, TEXT_PULL_AGAIN, why);
    work_retry(p->w, why);
    openings_try_failed(p->services, p->in.nid, p->began_ms, text.text);
    parts_forget_if_ended(p->services, p->in.n, p->in.nid);
    pulling_free(p);
}

static int pull_give_up_run(struct db *db, void *arg)
{
    struct pulling *p = arg;
    return in_set_wanted(db, p->in.n, false) |
           queue_delay(db, &queue_pull, p->in.n, 0, p->why.text);
}

static void give_up_done(void *arg, int rc)
{
    struct pulling *p = arg;
    openings_failed(p->services, p->in.nid, p->why.text);
    if (rc != 0)
        work_retry(p->w, store_refused(NULL, "the end of a pull"));
    else
        work_end(p->w);
    pulling_free(p);
}

static void give_up(struct pulling *p)
{
    work_warn(p->w, "%s", p->why.text);
    (void)unlink(p->part);
    (void)unlink(p->tmp);
    store_do(p->services->store, pull_give_up_run, give_up_done, p);
}

static int pull_decide_run(struct db *db, void *arg)
{
    struct pulling *p = arg;
    int decided = in_decide(db, p->in.n, OUTCOME_PULLED);
    if (decided == 1 && p->fresh)
        return in_set_fresh(db, p->in.n);
    p->late = decided == 0;
    return decided < 0 ? -1 : 0;
}

static void pull_decide_done(void *arg, int rc)
{
    struct pulling *p = arg;
    store_crash_point("pull.after");
    if (rc != 0) {
        pull_fail(p, TEXT_OPEN_DATABASE);
        return;
    }
    if (p->late) {
        work_info(p->w, "arrived after it was declined, expired or withdrawn");
        (void)unlink(p->full);
    } else {
        work_info(p->w, "pulled %llu bytes of %s, from %s", (unsigned long long)p->in.m_size,
                  p->in.sender, p->from.text[0] != '\0' ? p->from.text : "an earlier transfer");
    }
    (void)unlink(p->part);
    work_end(p->w);
    pulling_free(p);
}

/* The rendered structure may differ although every octet is as announced: parsers disagree on
 * broken MIME. Then clients must not keep what they cached. */
static void pull_on_skeleton(void *ctx, enum mime_verdict verdict, const char *why,
                             const struct mime_answer *a)
{
    struct pulling *p = ctx;
    store_crash_point("pull.before");
    if (verdict == MIME_FAILED) {
        pull_fail(p, why);
        return;
    }
    p->fresh =
        verdict != MIME_OK || a->n != p->skeleton.len || memcmp(a->p, p->skeleton.data, a->n) != 0;
    if (p->fresh)
        work_warn(p->w, "its structure is not the announced one");
    store_do(p->services->store, pull_decide_run, pull_decide_done, p);
}

/* The log says what; who opens the message is told that it is so. */
static int here(struct pulling *p, const char *what, const char *why)
{
    log_error("%s: %s", what, why);
    return error_set(&p->why, TEXT_NOT_STORED);
}

static int check_header(struct pulling *p, int fd)
{
    uint8_t piece[4096];
    off_t base = (off_t)p->in.trace.n;
    for (size_t at = 0; at < p->header.len;) {
        size_t want = p->header.len - at < sizeof piece ? p->header.len - at : sizeof piece;
        ssize_t n = pread(fd, piece, want, base + (off_t)at);
        if (n < 0)
            return here(p, p->full, strerror(errno));
        p->tampered = n == 0 || memcmp(piece, p->header.data + at, (size_t)n) != 0;
        if (p->tampered)
            return -1;
        at += (size_t)n;
    }
    return 0;
}

static int check_announced(struct pulling *p, const struct pgp_unseal *u, int fd)
{
    p->tampered = u->size != p->in.m_size || memcmp(u->hash, p->in.m_hash, HASH_LEN) != 0;
    int rc = p->tampered ? -1 : check_header(p, fd);
    if (!p->tampered)
        return rc;
    return error_set(&p->why, TEXT_PULL_TAMPERED, p->in.sender);
}

static int store_full(struct pulling *p, int fd)
{
    char dir[PATH_CAP];
    if (fsync(fd) < 0)
        return here(p, p->tmp, strerror(errno));
    if (rename(p->tmp, p->full) < 0)
        return here(p, p->full, strerror(errno));
    struct error e = {""};
    if (path_join(dir, p->services->c.home, "inbox/full", &e) < 0 || dir_sync(dir, &e) < 0)
        return here(p, p->full, e.text);
    return 0;
}

static void pull_open_run(struct job *job, void *thread_ctx)
{
    struct pulling *p = (struct pulling *)job;
    int in_fd = open(p->part, O_RDONLY | O_CLOEXEC);
    int fd = open(p->tmp, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    struct pgp_unseal u = {.pkesk = p->in.pkesk.p,
                           .pkesk_len = p->in.pkesk.n,
                           .blob_fd = in_fd,
                           .grows = p->grows,
                           .out_fd = fd,
                           .max_size = p->in.m_size,
                           .from = {p->in.pubkey.p, p->in.pubkey.n}};
    if (in_fd < 0 || fd < 0) {
        p->rc = here(p, p->tmp, strerror(errno));
    } else if (write_all(fd, p->in.trace.p, p->in.trace.n, &p->why) < 0) {
        p->rc = here(p, p->tmp, p->why.text);
    } else if (pgp_unseal(thread_ctx, &u, &p->why) < 0) {
        struct error inner = p->why;
        p->tampered = !u.local;
        p->rc = u.local ? here(p, p->tmp, inner.text)
                        : error_set(&p->why, TEXT_PULL_SEALED, inner.text, p->in.sender);
    } else {
        p->rc = check_announced(p, &u, fd);
        if (p->rc == 0)
            p->rc = store_full(p, fd);
    }
    if (in_fd >= 0)
        (void)close(in_fd);
    if (fd >= 0)
        (void)close(fd);
}

static void pull_open_done(struct job *job)
{
    struct pulling *p = (struct pulling *)job;
    int fd = p->rc == 0 ? open(p->full, O_RDONLY | O_CLOEXEC) : -1;
    if (p->rc != 0 && p->tampered) {
        give_up(p);
    } else if (fd < 0) {
        (void)unlink(p->tmp); /* what it takes may be the room that is missing */
        pull_fail(p, p->rc != 0 ? p->why.text : TEXT_NOT_STORED);
    } else {
        mime_skeleton(p->services->mime, fd, pull_on_skeleton, p);
        (void)close(fd);
    }
}

/* The transfer has ended, and nobody reads the part file. */
static void after_blob(struct pulling *p, bool opened)
{
    if (p->services->stopping) {
        work_end(p->w);
        pulling_free(p);
    } else if (!p->fetched) {
        (void)unlink(p->tmp);
        pull_fail(p, p->from.text);
    } else if (opened) {
        pull_open_done(&p->job);
    } else {
        job_run(p->services->pgp, &p->job, pull_open_run, pull_open_done, p->in.m_size < SMALL);
    }
}

/* The stream worker's job has ended, and the transfer too: nobody tells the one how far the other
 * is. */
static void both_ended(struct pulling *p)
{
    stream_worker_leave(p->services);
    p->grows = NULL;
    after_blob(p, true);
}

static void pull_on_blob(void *ctx, bool ok, const char *why)
{
    struct pulling *p = ctx;
    openings_progress_set(p->services, p->in.nid, NULL);
    p->t = NULL;
    p->fetched = ok;
    (void)error_set(&p->from, "%s", why);
    if (p->grows == NULL)
        after_blob(p, false);
    else if (p->opened)
        both_ended(p);
    else
        ok ? growing_end(p->grows) : growing_abort(p->grows);
}

static void pull_streamed(struct job *job)
{
    struct pulling *p = (struct pulling *)job;
    store_crash_point("pull.streamed");
    p->opened = true;
    if (p->t == NULL)
        both_ended(p);
}

static void start_transfer(struct pulling *p)
{
    struct services *sv = p->services;
    p->t = transfer_start(sv, p->in.sender, &p->in.pubkey, p->in.fpr, &p->in.blob, p->part,
                          pull_on_blob, p);
    if (p->in.has_master)
        transfer_master(p->t, p->in.master_fpr);
    openings_progress_set(sv, p->in.nid, p->t);
    if (p->in.blob.size >= STREAM_FROM)
        p->grows = stream_worker_take(sv);
    if (p->grows != NULL) {
        transfer_stream(p->t, p->grows);
        stream_worker_run(sv, &p->job, pull_open_run, pull_streamed);
    }
}

static void pull_held_run(struct job *job, void *thread_ctx)
{
    struct pulling *p = (struct pulling *)job;
    p->held = held_take(p->services, &p->in.blob, p->part);
}

static void pull_held_done(struct job *job)
{
    struct pulling *p = (struct pulling *)job;
    if (p->held)
        pull_on_blob(p, true, HELD_FROM);
    else
        start_transfer(p);
}

/* For what is still to come of the blob and for what will be opened from it. */
static bool has_room(const struct pulling *p, bool held)
{
    struct statvfs v;
    struct stat st;
    uint64_t have = stat(p->part, &st) == 0 ? (uint64_t)st.st_size : 0;
    uint64_t left = !held && p->in.blob.size > have ? p->in.blob.size - have : 0;
    char dir[PATH_CAP];
    return path_join(dir, p->services->c.home, "inbox/full", NULL) < 0 || statvfs(dir, &v) < 0 ||
           v.f_frsize == 0 || left / v.f_frsize + p->in.m_size / v.f_frsize <= v.f_bavail;
}

static void start_with_head(struct pulling *p)
{
    bool held = held_here(p->services, &p->in.blob);
    int rc = head_unpack(p->in.head.p, p->in.head.n, &p->header, &p->skeleton, &p->why);
    if (rc == HEAD_NO_MEMORY) {
        pull_fail(p, TEXT_NO_MEMORY);
    } else if (rc < 0) {
        give_up(p);
    } else if (!has_room(p, held)) {
        (void)error_set(&p->why, TEXT_NO_ROOM, (unsigned long long)(p->in.m_size / 1000000));
        pull_fail(p, p->why.text);
    } else if (held) {
        job_run(p->services->files, &p->job, pull_held_run, pull_held_done, false);
    } else {
        start_transfer(p);
    }
}

static void pull_start(struct work *w)
{
    struct pulling *p = mem_new(sizeof *p);
    if (in_get(store_reader(w->services->store), w->n, &p->in) < 0) {
        free(p);
        work_retry(w, store_unread(NULL, "Its row"));
        return;
    }
    p->w = w;
    p->services = w->services;
    p->began_ms = clock_mono_ms();
    p->header = (struct buf)BUF_INIT(HEADER_MAX);
    p->skeleton = (struct buf)BUF_INIT(SKELETON_MAX);
    home_path(w->services, p->part, "inbox/parts", p->in.nid, HASH_LEN, "");
    home_path(w->services, p->tmp, "inbox/full", p->in.nid, HASH_LEN, ".tmp");
    home_path(w->services, p->full, "inbox/full", p->in.nid, HASH_LEN, "");
    if (p->in.expiry_s * 1000 <= clock_wall_ms()) {
        (void)error_set(&p->why, TEXT_PULL_OVER, p->in.sender);
        give_up(p);
    } else {
        start_with_head(p);
    }
}

const struct step step_pull = {
    .queue = &queue_pull,
    .parallel = 8,
    .needs_net = true,
    .start = pull_start,
};
