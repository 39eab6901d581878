/* SPDX-License-Identifier: GPL-3.0-or-later */
/* expire.c - the receiver's side of validity (P-13.3 to P-13.5). First it is decided: from then
 * on no pull ends in the message. Then the stub's copies go, and a short notice stands, as a new
 * message, in the folder where the stub stood. And before it comes to that: what a contact sent is
 * pulled in time. */
#include "base/clock.h"
#include "base/mem.h"
#include "base/texts.h"
#include "flow/mail/header.h"
#include "flow/mail/maildir.h"
#include "flow/receiver/opening.h"
#include "flow/receiver/parts.h"
#include "flow/core/message_log.h"
#include "flow/core/step.h"
#include "store/incoming.h"
#include "base/jobs.h"
#include "flow/core/job.h"
#include "flow/core/path.h"
#include "base/file.h"
#include "flow/core/trusted_clock.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LOG_AREA "expire"

/* ---- a contact's message is pulled before its time is over */

static int prefetch_run(struct db *db, void *arg)
{
    const struct work *w = arg;
    return in_set_prefetch(db, w->n);
}

static void simple_done(void *arg, int rc)
{
    struct work *w = arg;
    if (rc != 0)
        work_retry(w, store_refused(NULL, "a step"));
    else
        work_end(w);
}

static void prefetch_start(struct work *w)
{
    work_info(w, "a contact's message is about to expire: it is pulled");
    store_do(w->services->store, prefetch_run, simple_done, w);
}

QUEUE(prefetch);
const struct step step_prefetch = {
    .queue = &queue_prefetch,
    .parallel = 8,
    .start = prefetch_start,
};

/* ---- its time is over */

static int expire_run(struct db *db, void *arg)
{
    const struct work *w = arg;
    return in_set_expired(db, w->n) < 0 ? -1 : 0;
}

static void expire_done(void *arg, int rc)
{
    store_crash_point("expire.after");
    simple_done(arg, rc);
}

static void expire_start(struct work *w)
{
    store_crash_point("expire.before");
    store_do(w->services->store, expire_run, expire_done, w);
}

QUEUE(expire);
const struct step step_expire = {
    .queue = &queue_expire,
    .parallel = 8,
    .may = trusted_clock_holds,
    .start = expire_start,
};

/* ---- the notice */

struct expiry_noticing {
    struct job job;
    struct work *w;
    struct incoming in;
    char stub[PATH_CAP], notice[PATH_CAP];
    int rc;
    struct error why;
};

static void expire_end(struct expiry_noticing *x, const char *why)
{
    work_over(x->w, why);
    incoming_free(&x->in);
    free(x);
}

/* So that a reply goes to the sender, into the thread of the message that is gone. */
static int thread_fields(const struct buf *header, struct buf *out)
{
    struct buf id = BUF_INIT(SUMMARY_MAX), refs = BUF_INIT(16 * 1024);
    int rc = 0;
    bool has_id = header_value(header->data, header->len, "message-id", SUMMARY_MAX, &id) == 0;
    if (has_id && id.len > 0) {
        (void)header_value(header->data, header->len, "references", 900, &refs);
        rc |= buf_printf(out, "In-Reply-To: %s\r\nReferences: ", buf_str(&id));
        for (size_t i = 0; i < refs.len && rc == 0; i++) /* one id a line: lines have an end */
            rc |= refs.data[i] == ' ' ? buf_append(out, "\r\n ", 3)
                                      : buf_append(out, &refs.data[i], 1);
        rc |= buf_printf(out, "%s%s\r\n", refs.len > 0 ? "\r\n " : "", buf_str(&id));
    }
    buf_free(&id);
    buf_free(&refs);
    return rc;
}

static int expire_compose(const struct expiry_noticing *x, const struct buf *header,
                          struct buf *out)
{
    const char *own = x->w->services->c.address;
    char date[40], came[40], id[2 * HASH_LEN + 1];
    clock_rfc5322(x->in.expiry_s * 1000, date);
    clock_rfc5322(x->in.arrived_ms, came);
    hex_encode(x->in.nid, HASH_LEN, id);
    int rc = header_field(header->data, header->len, "from", out);
    if (rc == 1)
        rc = buf_printf(out, "From: <%s>\r\n", x->in.sender);
    rc |= header_field(header->data, header->len, "reply-to", out) < 0;
    rc |= header_field(header->data, header->len, "subject", out) < 0;
    rc |= thread_fields(header, out);
    rc |= buf_printf(out,
                     "To: <%s>\r\nDate: %s\r\nMessage-ID: <%.32s.expired@%s>\r\n"
                     "Auto-Submitted: auto-generated\r\nMIME-Version: 1.0\r\n"
                     "Content-Type: text/plain; charset=utf-8\r\n"
                     "Content-Transfer-Encoding: 8bit\r\n\r\n",
                     own, date, id, address_group(own));
    rc |= buf_printf(out, TEXT_EXPIRED_NOTICE, date, (unsigned long long)x->in.m_size, x->in.sender,
                     came);
    return rc;
}

/* 0: the notice's file is there, written now or before a crash. */
static int write_notice(struct expiry_noticing *x, const struct buf *header, size_t *size_r)
{
    struct stat st;
    struct buf b = BUF_INIT(HEADER_MAX);
    int rc = expire_compose(x, header, &b) == 0 ? 0 : error_set(&x->why, TEXT_NO_MEMORY);
    *size_r = b.len;
    if (rc == 0 && (stat(x->notice, &st) < 0 || st.st_nlink < 2)) /* else it stands there */
        rc = file_write(x->notice, b.data, b.len, &x->why);
    buf_free(&b);
    return rc;
}

static void replace_run(struct job *job, void *thread_ctx)
{
    struct expiry_noticing *x = (struct expiry_noticing *)job;
    struct buf header = BUF_INIT(HEADER_MAX), skeleton = BUF_INIT(SKELETON_MAX);
    struct stat st;
    char name[96], id[2 * HASH_LEN + 1];
    size_t size;
    /* nothing was ever shown of it, or its last copy was expunged: there is nothing to replace */
    if (x->in.head.n > 0 && stat(x->stub, &st) == 0 && st.st_nlink > 1 &&
        head_unpack(x->in.head.p, x->in.head.n, &header, &skeleton, &x->why) == 0) {
        hex_encode(x->in.nid, HASH_LEN, id);
        x->rc = write_notice(x, &header, &size);
        (void)snprintf(name, sizeof name, "%lld.E%.32s.restante,S=%zu,W=%zu",
                       (long long)(x->in.changed_ms / 1000), id, size, size);
        if (x->rc == 0)
            x->rc = maildir_replace(x->w->services->c.home, x->stub, x->notice, name, &x->why);
    }
    buf_free(&header);
    buf_free(&skeleton);
}

static int expiry_notice_run(struct db *db, void *arg)
{
    struct expiry_noticing *x = arg;
    return in_set_expiry_noticed(db, x->in.n);
}

static void expiry_notice_done(void *arg, int rc)
{
    struct expiry_noticing *x = arg;
    store_crash_point("expiry_notice.after");
    if (rc == 0) {
        (void)unlink(x->stub);
        (void)unlink(x->notice);
        parts_forget(x->w->services, x->in.n, x->in.nid);
    }
    expire_end(x, rc != 0 ? store_refused(NULL, "a notice") : NULL);
}

static void replaced(struct job *job)
{
    struct expiry_noticing *x = (struct expiry_noticing *)job;
    store_crash_point("expiry_notice.before");
    if (x->rc != 0) {
        expire_end(x, x->why.text);
        return;
    }
    work_info(x->w, "was not opened in time");
    store_do(x->w->services->store, expiry_notice_run, expiry_notice_done, x);
}

static void expiry_notice_start(struct work *w)
{
    struct expiry_noticing *x = mem_new(sizeof *x);
    char why[160], date[40];
    if (in_get(store_reader(w->services->store), w->n, &x->in) < 0) {
        free(x);
        work_retry(w, store_unread(NULL, "Its row"));
        return;
    }
    x->w = w;
    clock_rfc5322(x->in.expiry_s * 1000, date);
    (void)snprintf(why, sizeof why, TEXT_OPEN_GONE, date);
    openings_failed(w->services, x->in.nid, why);
    home_path(w->services, x->stub, "inbox/stubs", x->in.nid, HASH_LEN, "");
    home_path(w->services, x->notice, "inbox/stubs", x->in.nid, HASH_LEN, ".notice");
    job_run(w->services->files, &x->job, replace_run, replaced, true);
}

QUEUE(expiry_notice);
const struct step step_expiry_notice = {
    .queue = &queue_expiry_notice,
    .parallel = 8,
    .start = expiry_notice_start,
};
