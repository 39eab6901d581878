/* SPDX-License-Identifier: GPL-3.0-or-later */
/* seal.c - step two: m is signed, compressed if it pays, encrypted once for all receivers whose key
 * is known, hashed, and the notifications are made (the paper's step 3; P-5). The blob lies in the
 * outbox under a name that is not served until it is published. */
#include "flow/sender/seal.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/texts.h"
#include "flow/steps.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LOG_AREA "seal"
#define SMALL (1024 * 1024)

static void sealed_file_free(struct sealed_file *x, size_t count)
{
    buf_free(&x->chunks);
    for (size_t i = 0; i < count && x->skp != NULL; i++)
        buf_free(&x->skp[i]);
    free(x->skp);
}

static void sealing_free(struct sealing *s)
{
    for (size_t i = 0; i < s->count; i++) {
        if (s->contact != NULL)
            contact_free(&s->contact[i]);
        if (s->made != NULL)
            buf_free(&s->made[i].ns);
    }
    if (s->made != NULL)
        wipe(s->made, s->count * sizeof *s->made);
    sealed_file_free(&s->body, s->count);
    sealed_file_free(&s->head, s->count);
    out_message_free(&s->m);
    free(s->rows);
    free(s->address);
    free(s->contact);
    free(s->to);
    free(s->made);
    free(s);
}

static int sealed_file_init(struct sealed_file *x, size_t count)
{
    x->chunks.cap = (size_t)CHUNKS_MAX * HASH_LEN;
    x->skp = calloc(count, sizeof *x->skp);
    for (size_t i = 0; i < count && x->skp != NULL; i++)
        x->skp[i].cap = SKP_MAX;
    return x->skp == NULL ? -1 : 0;
}

/* in_fd -> outbox/<hash>.sealed, durable. */
static int seal_fd(struct sealing *s, struct pgp *pgp, int in_fd, uint64_t size,
                   struct sealed_file *x)
{
    char tmp[PATH_CAP], path[PATH_CAP], dir[PATH_CAP];
    flow_path(s->flow, tmp, "outbox", s->m.id, MESSAGE_ID_LEN, ".part");
    (void)unlink(tmp);
    int fd = open(tmp, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return error_set(&s->why, "Cannot make %s: %s.", tmp, strerror(errno));
    struct pgp_seal p = {.in_fd = in_fd,
                         .out_fd = fd,
                         .to = s->to,
                         .to_count = s->count,
                         .ocb = s->ocb,
                         .in_size = size,
                         .skp = x->skp,
                         .chunks = &x->chunks};
    int rc = pgp_seal(pgp, &p, &s->why);
    if (rc == 0 && fsync(fd) < 0)
        rc = error_set(&s->why, "Cannot sync %s: %s.", tmp, strerror(errno));
    (void)close(fd);
    memcpy(x->hash, p.blob_hash, HASH_LEN);
    x->size = p.blob_size;
    flow_path(s->flow, path, "outbox", x->hash, HASH_LEN, ".sealed");
    if (rc == 0 && rename(tmp, path) < 0)
        rc = error_set(&s->why, "Cannot name %s: %s.", path, strerror(errno));
    if (rc == 0 && (rc = path_join(dir, s->flow->c.home, "outbox", &s->why)) == 0)
        rc = dir_sync(dir, &s->why);
    if (rc == 0)
        sha256(x->chunks.data, x->chunks.len, x->chunks_hash);
    else
        (void)unlink(tmp);
    return rc;
}

static int seal_body(struct sealing *s, struct pgp *pgp)
{
    char path[PATH_CAP];
    flow_path(s->flow, path, "spool", s->m.id, MESSAGE_ID_LEN, "");
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
    flow_path(s->flow, path, "spool", s->m.id, MESSAGE_ID_LEN, ".head");
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

static void seal_run(struct job *job, void *thread_ctx)
{
    struct sealing *s = (struct sealing *)job;
    struct pgp *pgp = thread_ctx;
    s->rc = seal_body(s, pgp);
    for (size_t i = 0; i < s->count && s->rc == 0; i++) {
        s->rc = seal_notification(s, pgp, i, &s->why);
        if (s->rc == 1) { /* too large for this receiver: all get the head as a blob */
            s->has_head = true;
            s->rc = seal_head(s, pgp);
            i = SIZE_MAX; /* from the first one again */
        }
    }
}

static int commit_run(struct db *db, void *arg)
{
    struct sealing *s = arg;
    struct sealed_blob body = {
        .size = s->body.size, .chunks = s->body.chunks.data, .chunks_len = s->body.chunks.len};
    struct sealed_blob head = {
        .size = s->head.size, .chunks = s->head.chunks.data, .chunks_len = s->head.chunks.len};
    memcpy(body.hash, s->body.hash, HASH_LEN);
    memcpy(head.hash, s->head.hash, HASH_LEN);
    return out_set_sealed(db, s->m.n, &body, s->has_head ? &head : NULL, s->made, s->count);
}

static void commit_done(void *arg, int rc)
{
    struct sealing *s = arg;
    store_crash_point("seal.after");
    if (rc != 0)
        work_retry(s->w, "The database does not take a sealed message.");
    else
        work_end(s->w);
    sealing_free(s);
}

/* It failed for days: the user is told, receiver by receiver. */
static int give_up_run(struct db *db, void *arg)
{
    struct sealing *s = arg;
    for (size_t i = 0; i < s->count; i++)
        if (rcv_end(db, s->rows[i], RCV_FAILED, false, TEXT_NOT_SEALED) < 0)
            return -1;
    return 0;
}

static void seal_done(struct job *job)
{
    struct sealing *s = (struct sealing *)job;
    store_crash_point("seal.before");
    if (s->rc != 0 && clock_wall_ms() - s->m.created_ms > s->flow->c.give_up) {
        log_warn("a message is given up: %s", s->why.text);
        store_do(s->flow->store, give_up_run, commit_done, s);
        return;
    }
    if (s->rc != 0) {
        work_retry(s->w, s->why.text);
        sealing_free(s);
        return;
    }
    log_info("sealed: %llu octets became %llu for %zu receivers", (unsigned long long)s->m.size,
             (unsigned long long)s->body.size, s->count);
    store_do(s->flow->store, commit_run, commit_done, s);
}

/* The receivers whose key is in the cache, with their keys. */
static int gather(struct sealing *s)
{
    struct db *db = store_reader(s->flow->store);
    s->rows = calloc(RCPTS_MAX, sizeof *s->rows);
    if (s->rows == NULL)
        return error_set(&s->why, "Out of memory.");
    size_t found = rcv_of_message(db, s->m.n, RCV_READY, s->rows, RCPTS_MAX);
    s->address = calloc(found + 1, sizeof *s->address);
    s->contact = calloc(found + 1, sizeof *s->contact);
    s->to = calloc(found + 1, sizeof *s->to);
    s->made = calloc(found + 1, sizeof *s->made);
    if (s->address == NULL || s->contact == NULL || s->to == NULL || s->made == NULL)
        return error_set(&s->why, "Out of memory.");
    s->ocb = true;
    for (size_t i = 0; i < found; i++) {
        struct out_receiver r;
        if (rcv_get(db, s->rows[i], &r) < 0)
            return error_set(&s->why, "A receiver's row cannot be read.");
        (void)strcpy(s->address[i], r.address);
        out_receiver_free(&r);
        if (contact_get(db, s->address[i], &s->contact[i]) < 0)
            return error_set(&s->why, "The key of %s is not in the key cache.", s->address[i]);
        s->to[i] = (struct pgp_pub){s->contact[i].pubkey.p, s->contact[i].pubkey.n};
        s->ocb = s->ocb && s->contact[i].ocb;
        s->count++;
    }
    if (sealed_file_init(&s->body, s->count) < 0 || sealed_file_init(&s->head, s->count) < 0)
        return error_set(&s->why, "Out of memory.");
    return 0;
}

void step_seal(struct work *w)
{
    struct sealing *s = calloc(1, sizeof *s);
    if (s == NULL || out_get(store_reader(w->flow->store), w->n, &s->m) < 0) {
        free(s);
        work_retry(w, "A message's row cannot be read.");
        return;
    }
    s->w = w;
    s->flow = w->flow;
    s->has_master = flow_master(w->flow, s->master_fpr);
    if (gather(s) < 0) {
        work_retry(w, s->why.text);
        sealing_free(s);
        return;
    }
    flow_job(w->flow->pgp, &s->job, seal_run, seal_done, s->m.size < SMALL);
}
