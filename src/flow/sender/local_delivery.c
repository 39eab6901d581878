/* SPDX-License-Identifier: GPL-3.0-or-later */
/* local_delivery.c - mail to oneself is delivered here, without the network: m behind the two trace
 * fields, as a new message in the inbox (P-10.17). The daemon's own link, spool/<id>.own, says
 * after a crash that it stands there already. */
#include "flow/mail/header.h"
#include "flow/mail/maildir.h"
#include "flow/core/message_log.h"
#include "flow/core/step.h"
#include "store/outgoing.h"
#include "base/jobs.h"
#include "flow/core/job.h"
#include "flow/core/path.h"
#include "base/file.h"
#include "base/mem.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LOG_AREA "local_delivery"
#define PIECE (256 * 1024)

struct local_delivering {
    struct job job;
    struct work *w; /* its row: the receiver */
    struct out_receiver r;
    struct out_message m;
    char spool[PATH_CAP], path[PATH_CAP];
    int rc;
    struct error why;
};

static void local_delivery_end(struct local_delivering *o, const char *why)
{
    work_over(o->w, why);
    out_receiver_free(&o->r);
    out_message_free(&o->m);
    free(o);
}

static int local_delivery_copy(int in, int out, struct error *e)
{
    uint8_t *piece = malloc(PIECE);
    int rc = piece == NULL ? error_set(e, "Out of memory.") : 0;
    for (ssize_t n; rc == 0 && (n = read(in, piece, PIECE)) != 0;)
        rc = n < 0 ? error_set(e, "The spool cannot be read: %s.", strerror(errno))
                   : write_all(out, piece, (size_t)n, e);
    free(piece);
    return rc;
}

/* trace and m, durable. */
static int local_delivery_write_file(struct local_delivering *o, const struct buf *trace)
{
    int in = open(o->spool, O_RDONLY | O_CLOEXEC);
    int out = open(o->path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    struct timespec t[2] = {{.tv_sec = o->m.created_ms / 1000}, {.tv_sec = o->m.created_ms / 1000}};
    int rc = in < 0 || out < 0
                 ? error_set(&o->why, "Cannot write %s: %s.", o->path, strerror(errno))
                 : write_all(out, trace->data, trace->len, &o->why);
    if (rc == 0)
        rc = local_delivery_copy(in, out, &o->why);
    if (rc == 0 && (futimens(out, t) < 0 || fsync(out) < 0))
        rc = error_set(&o->why, "Cannot sync %s: %s.", o->path, strerror(errno));
    if (in >= 0)
        (void)close(in);
    if (out >= 0 && close(out) < 0 && rc == 0)
        rc = error_set(&o->why, "Cannot write %s: %s.", o->path, strerror(errno));
    return rc;
}

static void deliver_run(struct job *job, void *thread_ctx)
{
    struct local_delivering *o = (struct local_delivering *)job;
    const struct services *sv = o->w->services;
    char name[128], id[2 * MESSAGE_ID_LEN + 1];
    struct stat st;
    struct buf trace = BUF_INIT(TRACE_MAX);
    struct trace_fields t = {.sender = sv->c.address,
                             .own = sv->c.address,
                             .fpr = sv->fpr,
                             .trust = "verified",
                             .from = "signer",
                             .when_ms = o->m.created_ms};
    if (stat(o->path, &st) == 0 && st.st_nlink > 1)
        return;
    hex_encode(o->m.id, MESSAGE_ID_LEN, id);
    t.id = id;
    o->rc = header_trace(&t, &trace) < 0 ? error_set(&o->why, "A header cannot be written.")
                                         : local_delivery_write_file(o, &trace);
    unsigned long long size = o->m.size + trace.len;
    (void)snprintf(name, sizeof name, "%lld.M%s.restante,S=%llu,W=%llu",
                   (long long)(o->m.created_ms / 1000), id, size, size);
    if (o->rc == 0)
        o->rc = maildir_add(sv->c.home, "", o->path, name, NULL, &o->why);
    buf_free(&trace);
}

static int local_delivery_commit_run(struct db *db, void *arg)
{
    const struct local_delivering *o = arg;
    return rcv_end(db, o->r.n, RCV_PULLED, false, NULL) < 0 ? -1 : 0;
}

static void local_delivery_commit_done(void *arg, int rc)
{
    struct local_delivering *o = arg;
    store_crash_point("local_delivery.after");
    if (rc == 0) {
        (void)unlink(o->path);
        work_info(o->w, "to oneself: delivered");
    }
    local_delivery_end(o, rc != 0 ? store_refused(NULL, "a delivery") : NULL);
}

static void delivered(struct job *job)
{
    struct local_delivering *o = (struct local_delivering *)job;
    store_crash_point("local_delivery.before");
    if (o->rc != 0)
        local_delivery_end(o, o->why.text);
    else
        store_do(o->w->services->store, local_delivery_commit_run, local_delivery_commit_done, o);
}

static void local_delivery_start(struct work *w)
{
    struct db *db = store_reader(w->services->store);
    struct local_delivering *o = mem_new(sizeof *o);
    if (rcv_get(db, w->n, &o->r) < 0 || out_get(db, o->r.message, &o->m) < 0) {
        out_receiver_free(&o->r);
        free(o);
        work_retry(w, store_unread(NULL, "Its row"));
        return;
    }
    o->w = w;
    home_path(w->services, o->spool, "spool", o->m.id, MESSAGE_ID_LEN, "");
    home_path(w->services, o->path, "spool", o->m.id, MESSAGE_ID_LEN, ".own");
    job_run(w->services->files, &o->job, deliver_run, delivered, true);
}

QUEUE(local_delivery);
const struct step step_local_delivery = {
    .queue = &queue_local_delivery,
    .parallel = 4,
    .start = local_delivery_start,
};
