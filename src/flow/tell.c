/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tell.c - every wait ends and the user is told: a plain notice in the inbox for a receiver that
 * could not be reached or never came. Its name follows from the row, so a repeated step writes it
 * once. */
#include "base/clock.h"
#include "base/log.h"
#include "flow/maildir.h"
#include "flow/steps.h"
#include "store/outgoing.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LOG_AREA "tell"

struct telling {
    struct job job;
    struct work *w;
    struct out_receiver r;
    struct out_message m;
    int rc;
    struct error why;
};

static void end(struct telling *t, const char *why)
{
    if (why != NULL)
        work_retry(t->w, why);
    else
        work_end(t->w);
    out_receiver_free(&t->r);
    out_message_free(&t->m);
    free(t);
}

static int compose(const struct telling *t, struct buf *b)
{
    const char *me = t->w->flow->c.address;
    char date[40], sent[40], nid[2 * MESSAGE_ID_LEN + 1];
    clock_rfc5322(t->r.changed_ms, date);
    clock_rfc5322(t->m.created_ms, sent);
    hex_encode(t->m.id, MESSAGE_ID_LEN, nid);
    int rc = buf_printf(b,
                        "From: Restante <%s>\r\nTo: <%s>\r\nDate: %s\r\n"
                        "Message-ID: <%s.%lld.notice@%s>\r\nAuto-Submitted: auto-replied\r\n",
                        me, me, date, nid, (long long)t->r.n, address_group(me));
    if (t->m.msgid.n > 0)
        rc |= buf_printf(b, "In-Reply-To: %.*s\r\nReferences: %.*s\r\n", (int)t->m.msgid.n,
                         (const char *)t->m.msgid.p, (int)t->m.msgid.n, (const char *)t->m.msgid.p);
    bool expired = t->r.state == RCV_EXPIRED;
    rc |= buf_printf(b,
                     "Subject: %s: %.*s\r\nMIME-Version: 1.0\r\n"
                     "Content-Type: text/plain; charset=utf-8\r\n"
                     "Content-Transfer-Encoding: 8bit\r\n\r\n",
                     expired ? "Not fetched in time" : "Not sent", (int)t->m.subject.n,
                     t->m.subject.p == NULL ? "" : (const char *)t->m.subject.p);
    rc |= buf_printf(b, "Your message of %s\r\nto %s\r\n", sent, t->r.address);
    if (expired)
        rc |= buf_printf(b, "was not opened in time. It is not kept any longer.\r\n");
    else
        rc |= buf_printf(b, "could not be sent:\r\n\r\n%.*s\r\n", (int)t->r.why.n,
                         t->r.why.p == NULL ? "" : (const char *)t->r.why.p);
    return rc | buf_printf(b, "\r\nTo try again, send it once more.\r\n");
}

static void write_run(struct job *job, void *thread_ctx)
{
    struct telling *t = (struct telling *)job;
    char path[PATH_CAP], name[96], nid[2 * MESSAGE_ID_LEN + 1];
    struct buf b = BUF_INIT(16384);
    hex_encode(t->m.id, MESSAGE_ID_LEN, nid);
    flow_path(t->w->flow, path, "spool", t->m.id, MESSAGE_ID_LEN, ".notice");
    t->rc = compose(t, &b) == 0 ? file_write(path, b.data, b.len, &t->why)
                                : error_set(&t->why, "A notice could not be written.");
    (void)snprintf(name, sizeof name, "%lld.N%s.%lld.restante,S=%zu,W=%zu",
                   (long long)(t->r.changed_ms / 1000), nid, (long long)t->r.n, b.len, b.len);
    buf_free(&b);
    if (t->rc == 0 && !maildir_find(t->w->flow->c.home, "", name, false))
        t->rc = maildir_add(t->w->flow->c.home, "", path, name, false, &t->why);
    (void)unlink(path);
}

static int commit_run(struct db *db, void *arg)
{
    struct telling *t = arg;
    return rcv_set_told(db, t->r.n);
}

static void commit_done(void *arg, int rc)
{
    store_crash_point("tell.after");
    end(arg, rc != 0 ? "The database does not take a notice." : NULL);
}

static void write_done(struct job *job)
{
    struct telling *t = (struct telling *)job;
    store_crash_point("tell.before");
    if (t->rc != 0)
        end(t, t->why.text);
    else
        store_do(t->w->flow->store, commit_run, commit_done, t);
}

void step_tell(struct work *w)
{
    struct telling *t = calloc(1, sizeof *t);
    struct db *db = store_reader(w->flow->store);
    if (t == NULL || rcv_get(db, w->n, &t->r) < 0 || out_get(db, t->r.message, &t->m) < 0) {
        if (t != NULL)
            out_receiver_free(&t->r);
        free(t);
        work_retry(w, "A row of the database cannot be read.");
        return;
    }
    t->w = w;
    log_warn("%s: %s", t->r.address, t->r.state == RCV_EXPIRED ? "never came" : "not reached");
    flow_job(w->flow->files, &t->job, write_run, write_done, true);
}
