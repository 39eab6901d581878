/* SPDX-License-Identifier: GPL-3.0-or-later */
/* stub.c - the receiver's second step: real headers, real sizes, real structure, no body (the
 * paper's step 7; P-7). File and name follow from the row alone, so the step can be repeated; a
 * stub that has copies already stands in the Maildir. */
#include "base/clock.h"
#include "base/mem.h"
#include "base/texts.h"
#include "flow/receiver/held.h"
#include "flow/mail/maildir.h"
#include "flow/mail/header.h"
#include "flow/receiver/sender_feedback.h"
#include "flow/receiver/parts.h"
#include "flow/core/message_log.h"
#include "flow/core/step.h"
#include "flow/peers/transfer.h"
#include "proto/stub.h"
#include "store/cancel.h"
#include "store/policy.h"
#include "pgp/pgp.h"
#include "mime/mime.h"
#include "base/jobs.h"
#include "flow/core/job.h"
#include "flow/core/path.h"
#include "base/file.h"
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LOG_AREA "stub"

struct stubbing {
    struct job job;
    struct work *w;
    struct incoming in;
    struct buf header, skeleton, file;
    char part[PATH_CAP];
    bool refuse;
    bool held; /* its head blob is here already */
    const char
        *from;      /* whose address a client displays: "signer", a "relay"'s or a "foreign" one */
    bool cancelled; /* its sender took it back before it stood here */
    int rc;
    struct error why;
};

static void stub_end(struct stubbing *s, const char *why)
{
    work_over(s->w, why);
    incoming_free(&s->in);
    buf_free(&s->header);
    buf_free(&s->skeleton);
    buf_free(&s->file);
    free(s);
}

/* ---- a notification that cannot become a stub is declined: the sender hears of it */

static int refuse_run(struct db *db, void *arg)
{
    struct stubbing *s = arg;
    return in_decide(db, s->in.n, s->cancelled ? OUTCOME_CANCELLED : OUTCOME_DECLINED) < 0 ? -1 : 0;
}

static void refuse_done(void *arg, int rc)
{
    struct stubbing *s = arg;
    if (rc == 0)
        parts_forget_if_ended(s->w->services, s->in.n, s->in.nid);
    stub_end(s, rc != 0 ? store_refused(NULL, "a refusal") : NULL);
}

static void stub_refuse(struct stubbing *s, const char *why)
{
    work_warn(s->w, "is refused: %s", why);
    store_do(s->w->services->store, refuse_run, refuse_done, s);
}

/* ---- the file */

static void trace_fields(struct stubbing *s)
{
    char id[2 * HASH_LEN + 1];
    struct incoming *in = &s->in;
    struct buf b = BUF_INIT(TRACE_MAX);
    struct trace_fields t = {.sender = in->sender,
                             .own = s->w->services->c.address,
                             .id = id,
                             .fpr = in->fpr,
                             .trust = in_trust_name(in->trust),
                             .from = s->from,
                             .when_ms = in->arrived_ms};
    hex_encode(in->nid, HASH_LEN, id);
    (void)header_trace(&t, &b);
    bytes_free(&in->trace);
    in->trace.p = buf_steal(&b, &in->trace.n);
    (void)snprintf(in->file, sizeof in->file, "%lld.R%.32s.restante,S=%llu,W=%llu",
                   (long long)(in->arrived_ms / 1000), id,
                   (unsigned long long)(in->m_size + in->trace.n),
                   (unsigned long long)(in->m_size + in->trace.n));
}

static int make_file(struct stubbing *s, const uint8_t *structure, size_t n)
{
    struct buf header = BUF_INIT(HEADER_MAX + 4096);
    int rc = buf_append(&header, s->in.trace.p, s->in.trace.n) |
             buf_append(&header, s->header.data, s->header.len);
    struct stub stub = {.header = header.data,
                        .header_len = header.len,
                        .structure = structure,
                        .structure_len = n};
    memcpy(stub.id, s->in.nid, HASH_LEN);
    s->file = (struct buf)BUF_INIT(header.len + n + 4096);
    if (rc == 0)
        rc = stub_encode(&stub, s->w->services->stub_key, &s->file);
    buf_free(&header);
    return rc;
}

static int set_time(const char *path, int64_t ms)
{
    struct timespec t[2] = {{.tv_sec = ms / 1000}, {.tv_sec = ms / 1000}};
    return utimensat(AT_FDCWD, path, t, 0);
}

static void stub_write_run(struct job *job, void *thread_ctx)
{
    struct stubbing *s = (struct stubbing *)job;
    const char *home = s->w->services->c.home;
    char path[PATH_CAP];
    struct stat st;
    home_path(s->w->services, path, "inbox/stubs", s->in.nid, HASH_LEN, "");
    if (stat(path, &st) == 0 && st.st_nlink > 1)
        return; /* it stood there before a crash */
    s->rc = file_write(path, s->file.data, s->file.len, &s->why);
    if (s->rc == 0 && set_time(path, s->in.arrived_ms) < 0)
        s->rc = error_set(&s->why, "Cannot set the time of %s.", path);
    if (s->rc == 0)
        s->rc = feedback_put(home, s->in.place, path, s->in.file, false, &s->why);
}

static int stub_commit_run(struct db *db, void *arg)
{
    struct stubbing *s = arg;
    return in_set_stub(db, s->in.n, s->in.file, &s->in.trace, s->in.place) < 0 ||
                   policy_arrived(db, s->in.n) < 0
               ? -1
               : 0;
}

static void stub_commit_done(void *arg, int rc)
{
    struct stubbing *s = arg;
    store_crash_point("stub.after");
    if (rc == 0)
        work_info(s->w, "its stub stands in %s",
                  s->in.place == PLACE_INBOX ? "the inbox" : "Requests");
    stub_end(s, rc != 0 ? store_refused(NULL, "a stub") : NULL);
}

static void stub_write_done(struct job *job)
{
    struct stubbing *s = (struct stubbing *)job;
    store_crash_point("stub.before");
    if (s->rc != 0)
        stub_end(s, s->why.text);
    else
        store_do(s->w->services->store, stub_commit_run, stub_commit_done, s);
}

/* ---- from the header to the structure */

static void on_structure(void *ctx, enum mime_verdict verdict, const char *why,
                         const struct mime_answer *a)
{
    struct stubbing *s = ctx;
    struct services *sv = s->w->services;
    if (verdict == MIME_REFUSED) {
        stub_refuse(s, why);
        return;
    }
    if (verdict == MIME_FAILED) {
        stub_end(s, why);
        return;
    }
    char from[ADDRESS_MAX + 1];
    bool signer =
        a->from_count == 1 && address_parse(a->from, from) == 0 && strcmp(from, s->in.sender) == 0;
    bool relay = !signer && sv->c.is_relay != NULL && sv->c.is_relay(sv->c.relay_ctx, s->in.sender);
    s->from = signer ? "signer" : relay ? "relay" : "foreign";
    s->in.place = feedback_place(sv, &s->in, !signer && !relay);
    trace_fields(s);
    if (a->n > STUB_STRUCTURE_MAX || s->in.trace.n + s->header.len > STUB_HEADER_MAX)
        stub_refuse(s, "its stub would be too large");
    else if (make_file(s, a->p, a->n) < 0)
        stub_end(s, TEXT_NO_MEMORY);
    else
        job_run(sv->files, &s->job, stub_write_run, stub_write_done, true);
}

static void with_head(struct stubbing *s)
{
    s->header = (struct buf)BUF_INIT(HEADER_MAX);
    s->skeleton = (struct buf)BUF_INIT(SKELETON_MAX);
    int rc = head_unpack(s->in.head.p, s->in.head.n, &s->header, &s->skeleton, &s->why);
    if (rc == HEAD_NO_MEMORY)
        stub_end(s, TEXT_NO_MEMORY);
    else if (rc < 0)
        stub_refuse(s, s->why.text);
    else
        mime_render(s->w->services->mime, s->header.data, s->header.len, s->skeleton.data,
                    s->skeleton.len, on_structure, s);
}

/* ---- a head blob comes first */

static int head_run(struct db *db, void *arg)
{
    struct stubbing *s = arg;
    return in_set_head(db, s->in.n, s->file.data, s->file.len);
}

static void head_committed(void *arg, int rc)
{
    struct stubbing *s = arg;
    (void)unlink(s->part);
    stub_end(s, rc != 0 ? store_refused(NULL, "a head") : NULL);
}

static void stub_unseal_run(struct job *job, void *thread_ctx)
{
    struct stubbing *s = (struct stubbing *)job;
    char out[PATH_CAP];
    home_path(s->w->services, out, "inbox/parts", s->in.nid, HASH_LEN, ".head.plain");
    int in_fd = open(s->part, O_RDONLY | O_CLOEXEC);
    int fd = open(out, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    struct pgp_unseal u = {.pkesk = s->in.head_pkesk.p,
                           .pkesk_len = s->in.head_pkesk.n,
                           .blob_fd = in_fd,
                           .out_fd = fd,
                           .max_size = HEAD_BLOB_MAX,
                           .from = {s->in.pubkey.p, s->in.pubkey.n}};
    s->file = (struct buf)BUF_INIT(HEAD_BLOB_MAX);
    s->rc = in_fd < 0 || fd < 0 ? error_set(&s->why, "The head cannot be stored.")
                                : pgp_unseal(thread_ctx, &u, &s->why);
    s->refuse = s->rc != 0 && in_fd >= 0 && fd >= 0 && !u.local; /* what the sender did */
    if (s->rc == 0)
        s->rc = file_read(out, &s->file, &s->why);
    if (in_fd >= 0)
        (void)close(in_fd);
    if (fd >= 0)
        (void)close(fd);
    (void)unlink(out);
}

static void unseal_done(struct job *job)
{
    struct stubbing *s = (struct stubbing *)job;
    if (s->refuse) {
        (void)unlink(s->part);
        stub_refuse(s, s->why.text);
    } else if (s->rc != 0) {
        work_error(s->w, "the header of a message of %s cannot be stored: %s", s->in.sender,
                   s->why.text);
        stub_end(s, TEXT_NOT_STORED);
    } else {
        store_do(s->w->services->store, head_run, head_committed, s);
    }
}

static void on_head(void *ctx, bool ok, const char *why)
{
    struct stubbing *s = ctx;
    if (!ok) {
        parts_forget_if_ended(s->w->services, s->in.n, s->in.nid);
        stub_end(s, why);
        return;
    }
    work_info(s->w, "its header came from %s", why[0] != '\0' ? why : "an earlier transfer");
    job_run(s->w->services->pgp, &s->job, stub_unseal_run, unseal_done, true);
}

static void ask_head(struct stubbing *s)
{
    (void)transfer_start(s->w->services, s->in.sender, &s->in.pubkey, s->in.fpr, &s->in.head_blob,
                         s->part, on_head, s);
}

static void stub_held_run(struct job *job, void *thread_ctx)
{
    struct stubbing *s = (struct stubbing *)job;
    s->held = held_take(s->w->services, &s->in.head_blob, s->part);
}

static void stub_held_done(struct job *job)
{
    struct stubbing *s = (struct stubbing *)job;
    if (s->held)
        on_head(s, true, HELD_FROM);
    else
        ask_head(s);
}

static void stub_start(struct work *w)
{
    struct stubbing *s = mem_new(sizeof *s);
    if (in_get(store_reader(w->services->store), w->n, &s->in) < 0) {
        free(s);
        work_retry(w, store_unread(NULL, "Its row"));
        return;
    }
    s->w = w;
    if (cancelled_has(store_reader(w->services->store), w->n)) {
        s->cancelled = true;
        store_do(w->services->store, refuse_run, refuse_done, s);
    } else if (feedback_refused(w->services, &s->in)) {
        work_info(w, "is declined by the user's rule");
        store_do(w->services->store, refuse_run, refuse_done, s);
    } else if (s->in.head.n > 0) {
        with_head(s);
    } else if (s->in.head_pkesk.n == 0 || s->in.head_blob.size > HEAD_BLOB_MAX) {
        stub_refuse(s, "its header is missing or too large");
    } else {
        home_path(w->services, s->part, "inbox/parts", s->in.nid, HASH_LEN, ".head");
        if (held_here(w->services, &s->in.head_blob))
            job_run(w->services->files, &s->job, stub_held_run, stub_held_done, true);
        else
            ask_head(s);
    }
}

QUEUE(stub);
const struct step step_stub = {
    .queue = &queue_stub,
    .parallel = 32,
    .start = stub_start,
};
