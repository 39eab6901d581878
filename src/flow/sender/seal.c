/* SPDX-License-Identifier: GPL-3.0-or-later */
/* seal.c - step two: m is signed, compressed if it pays, encrypted once for all receivers whose key
 * is known, hashed, and the notifications are made (the paper's step 3; P-5). A large message may
 * have been sealed while it was submitted (seal_stream.h). */
#include "flow/sender/seal.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/texts.h"
#include "flow/sender/seal_stream.h"
#include "flow/core/message_log.h"
#include "flow/core/step.h"
#include "store/groups.h"
#include "pgp/pgp.h"
#include "base/jobs.h"
#include "flow/core/job.h"
#include "flow/core/path.h"
#include "base/file.h"
#include "flow/core/trusted_clock.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LOG_AREA "seal"
#define SMALL (1024 * 1024)

static void sealing_free(struct sealing *s)
{
    for (size_t i = 0; i < s->keys.count && s->made != NULL; i++)
        buf_free(&s->made[i].ns);
    if (s->made != NULL)
        wipe(s->made, s->keys.count * sizeof *s->made);
    sealed_file_free(&s->body);
    sealed_file_free(&s->head);
    seal_keys_free(&s->keys);
    out_message_free(&s->m);
    free(s->rows);
    free(s->made);
    free(s);
}

/* in_fd -> outbox/<hash>.sealed, durable. */
static int seal_fd(struct sealing *s, struct pgp *pgp, int in_fd, uint64_t size,
                   struct sealed_file *x)
{
    if (sealed_file_init(x, s->keys.count) < 0)
        return error_set(&s->why, "Out of memory.");
    return seal_file(s->services, pgp, s->m.id, &s->keys, in_fd, size, NULL, x, &s->why);
}

static int seal_body(struct sealing *s, struct pgp *pgp)
{
    char path[PATH_CAP];
    home_path(s->services, path, "spool", s->m.id, MESSAGE_ID_LEN, "");
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return error_set(&s->why, "Cannot open %s: %s.", path, strerror(errno));
    int rc = seal_fd(s, pgp, fd, s->m.size, &s->body);
    (void)close(fd);
    return rc;
}

static int seal_head(struct sealing *s, struct pgp *pgp)
{
    char path[PATH_CAP];
    home_path(s->services, path, "spool", s->m.id, MESSAGE_ID_LEN, ".head");
    (void)unlink(path);
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return error_set(&s->why, "Cannot make %s: %s.", path, strerror(errno));
    (void)unlink(path);
    int rc = write_all(fd, s->m.head.p, s->m.head.n, &s->why);
    if (rc == 0 && lseek(fd, 0, SEEK_SET) == 0)
        rc = seal_fd(s, pgp, fd, s->m.head.n, &s->head);
    (void)close(fd);
    return rc;
}

static void seal_all_run(struct job *job, void *thread_ctx)
{
    struct sealing *s = (struct sealing *)job;
    struct pgp *pgp = thread_ctx;
    s->rc = s->has_body ? 0 : seal_body(s, pgp);
    for (size_t i = 0; i < s->keys.count && s->rc == 0; i++) {
        s->rc = seal_notification(s, pgp, i, &s->why);
        if (s->rc == 1) { /* too large for this receiver: all get the head as a blob */
            s->has_head = true;
            s->rc = seal_head(s, pgp);
            i = SIZE_MAX; /* from the first one again */
        }
    }
}

static int seal_commit_run(struct db *db, void *arg)
{
    struct sealing *s = arg;
    struct sealed_blob body = {
        .size = s->body.size, .chunks = s->body.chunks.data, .chunks_len = s->body.chunks.len};
    struct sealed_blob head = {
        .size = s->head.size, .chunks = s->head.chunks.data, .chunks_len = s->head.chunks.len};
    memcpy(body.hash, s->body.hash, HASH_LEN);
    memcpy(head.hash, s->head.hash, HASH_LEN);
    body.published = body.size <= CHUNK_LEN;
    head.published = head.size <= CHUNK_LEN;
    return out_set_sealed(db, s->m.n, &body, s->has_head ? &head : NULL, s->made, s->keys.count);
}

/* Its name could not be given: the row says so again, and step_publish tries. */
static int unpublish_run(struct db *db, void *arg)
{
    return blob_unpublish(db, arg);
}

static void unpublish_done(void *arg, int rc)
{
    if (rc != 0)
        log_error("%s",
                  store_refused(NULL, "that a blob has no name; the next start gives it one"));
    free(arg);
}

static void unpublish(const struct services *sv, const uint8_t hash[HASH_LEN])
{
    uint8_t *copy = mem_new(HASH_LEN);
    memcpy(copy, hash, HASH_LEN);
    store_do(sv->store, unpublish_run, unpublish_done, copy);
}

/* A blob of one chunk is published here, without a step of its own. Nothing has to be durable: the
 * row says it is published, and the next start gives it its name (fsck_publish). */
static void publish(const struct services *sv, const struct sealed_file *x)
{
    char from[PATH_CAP], to[PATH_CAP];
    if (x->size == 0 || x->size > CHUNK_LEN)
        return;
    store_crash_point("publish.before");
    home_path(sv, from, "outbox", x->hash, HASH_LEN, ".sealed");
    home_path(sv, to, "outbox", x->hash, HASH_LEN, "");
    if (rename(from, to) < 0 &&
        errno != ENOENT) { /* nobody may wait for it any more (step_blob_gc) */
        log_error("cannot name %s: %s; it is tried again", to, strerror(errno));
        unpublish(sv, x->hash);
    }
    store_crash_point("publish.after");
}

static void seal_commit_done(void *arg, int rc)
{
    struct sealing *s = arg;
    store_crash_point("seal.after");
    if (rc == 0) {
        publish(s->services, &s->body);
        publish(s->services, &s->head);
        work_end(s->w);
    } else {
        work_retry(s->w, store_refused(NULL, "a sealed message"));
    }
    sealing_free(s);
}

/* It failed for days: the user is told, receiver by receiver. */
static int seal_give_up_run(struct db *db, void *arg)
{
    struct sealing *s = arg;
    for (size_t i = 0; i < s->keys.count; i++)
        if (rcv_end(db, s->rows[i], RCV_FAILED, false, TEXT_NOT_SEALED) < 0)
            return -1;
    return 0;
}

static void seal_done(struct job *job)
{
    struct sealing *s = (struct sealing *)job;
    store_crash_point("seal.before");
    if (s->rc != 0 && trusted_now_ms(s->services) - s->m.created_ms > s->services->c.give_up) {
        work_warn(s->w, "could not be sealed for too long and fails: %s", s->why.text);
        store_do(s->services->store, seal_give_up_run, seal_commit_done, s);
        return;
    }
    if (s->rc != 0) {
        work_retry(s->w, s->why.text);
        sealing_free(s);
        return;
    }
    work_info(s->w, "sealed: %llu bytes became %llu for %zu recipients%s",
              (unsigned long long)s->m.size, (unsigned long long)s->body.size, s->keys.count,
              s->has_body ? ", while it came" : "");
    store_do(s->services->store, seal_commit_run, seal_commit_done, s);
}

/* The receivers whose key is in the cache, with their keys. */
static int seal_gather_keys(struct sealing *s)
{
    struct db *db = store_reader(s->services->store);
    s->rows = calloc(RCPTS_MAX, sizeof *s->rows);
    if (s->rows == NULL)
        return error_set(&s->why, "Out of memory.");
    size_t found = rcv_of_message(db, s->m.n, RCV_READY, s->rows, RCPTS_MAX);
    s->made = calloc(found + 1, sizeof *s->made);
    if (seal_keys_init(&s->keys, found) < 0 || s->made == NULL)
        return error_set(&s->why, "Out of memory.");
    for (size_t i = 0; i < found; i++) {
        struct out_receiver r;
        if (rcv_get(db, s->rows[i], &r) < 0) {
            (void)store_unread(&s->why, "A receiver's row");
            return -1;
        }
        int rc = seal_keys_add(&s->keys, db, r.address, &s->why);
        out_receiver_free(&r);
        if (rc < 0)
            return -1;
    }
    return 0;
}

/* What was sealed while m came is taken if it is for the same receivers. */
static void on_streamed(void *ctx, struct sealed_file *body, const struct seal_keys *keys)
{
    struct sealing *s = ctx;
    if (body != NULL && seal_keys_equal(keys, &s->keys)) {
        s->body = *body;
        s->has_body = true;
        *body = (struct sealed_file){0};
    }
    job_run(s->services->pgp, &s->job, seal_all_run, seal_done, s->has_body || s->m.size < SMALL);
}

static void seal_start(struct work *w)
{
    struct sealing *s = mem_new(sizeof *s);
    if (out_get(store_reader(w->services->store), w->n, &s->m) < 0) {
        free(s);
        work_retry(w, store_unread(NULL, "Its row"));
        return;
    }
    s->w = w;
    s->services = w->services;
    s->has_master = group_own_master(store_reader(w->services->store), s->master_fpr);
    if (seal_gather_keys(s) < 0) {
        work_retry(w, s->why.text);
        sealing_free(s);
        return;
    }
    if (!seal_stream_claim(w->services, s->m.id, on_streamed, s))
        on_streamed(s, NULL, NULL);
}

QUEUE(seal);
const struct step step_seal = {
    .queue = &queue_seal,
    .parallel = 8,
    .rank = STEP_FIRST,
    .start = seal_start,
};
