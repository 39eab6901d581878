/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sent.c - see sent.h. Our copy is written some time after the submission unless the client's own
 * stands in Sent by then; if that comes later, ours goes. The wait is a column of the message's
 * row. */
#include "flow/sender/sent.h"
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
#include <unistd.h>

#define LOG_AREA "sent"
#define EARLIER_MS (10 * 60 * 1000LL) /* some clients save their copy before they submit */

struct sent_copy {
    struct job job;
    struct services *services;
    struct work *w; /* NULL: told by the plugin */
    struct out_message m;
    enum sent_state state;
    bool late;
    int rc;
    struct error why;
};

static void name_of(const struct sent_copy *c, char out[96])
{
    char hex[2 * MESSAGE_ID_LEN + 1];
    hex_encode(c->m.id, MESSAGE_ID_LEN, hex);
    (void)snprintf(out, 96, "%lld.O%s.restante,S=%llu,W=%llu", (long long)(c->m.created_ms / 1000),
                   hex, (unsigned long long)c->m.size, (unsigned long long)c->m.size);
}

static void copy_free(struct sent_copy *c)
{
    out_message_free(&c->m);
    free(c);
}

static int sent_commit_run(struct db *db, void *arg)
{
    struct sent_copy *c = arg;
    int changed = sent_set(db, c->m.n, c->state);
    c->late = changed == 0 && c->state == SENT_OURS;
    return changed < 0 ? -1 : 0;
}

static void remove_run(struct job *job, void *thread_ctx);
static void removed(struct job *job);

static void sent_commit_done(void *arg, int rc)
{
    struct sent_copy *c = arg;
    store_crash_point("sent.after");
    if (rc == 0 && c->late) { /* the client's came while ours was written */
        job_run(c->services->files, &c->job, remove_run, removed, true);
        return;
    }
    if (c->w != NULL && rc != 0)
        work_retry(c->w, store_refused(NULL, "the copy in Sent"));
    else if (c->w != NULL)
        work_end(c->w);
    else
        kick(c->services);
    copy_free(c);
}

static void sent_write_done(struct job *job)
{
    struct sent_copy *c = (struct sent_copy *)job;
    store_crash_point("sent.before");
    if (c->rc == 0) {
        store_do(c->services->store, sent_commit_run, sent_commit_done, c);
        return;
    }
    work_retry(c->w, c->why.text);
    copy_free(c);
}

/* The spool file is linked, not copied: the same octets, once on the disk. */
static void sent_write_run(struct job *job, void *thread_ctx)
{
    struct sent_copy *c = (struct sent_copy *)job;
    char name[96], path[PATH_CAP], msgid[SUMMARY_MAX + 1] = "";
    name_of(c, name);
    if (c->m.msgid.n <= SUMMARY_MAX && c->m.msgid.n > 0)
        memcpy(msgid, c->m.msgid.p, c->m.msgid.n);
    msgid[c->m.msgid.n <= SUMMARY_MAX ? c->m.msgid.n : 0] = '\0';
    const char *home = c->services->c.home;
    if (msgid[0] != '\0' &&
        maildir_sent_has(c->services, msgid, c->m.created_ms - EARLIER_MS, c->m.created_ms)) {
        c->state = SENT_CLIENT;
        return;
    }
    c->state = SENT_OURS;
    bool again = c->m.created_ms < c->services->started_ms || c->m.tries > 0;
    if (again && maildir_find(home, SENT_FOLDER, name, false)) /* before a crash */
        return;
    home_path(c->services, path, "spool", c->m.id, MESSAGE_ID_LEN, "");
    struct timespec t[2] = {{.tv_sec = c->m.created_ms / 1000}, {.tv_sec = c->m.created_ms / 1000}};
    (void)utimensat(AT_FDCWD, path, t, 0); /* INTERNALDATE: when it was sent */
    c->rc = maildir_add(home, SENT_FOLDER, path, name, "S", &c->why);
}

static void sent_start(struct work *w)
{
    struct sent_copy *c = mem_new(sizeof *c);
    if (out_get(store_reader(w->services->store), w->n, &c->m) < 0) {
        free(c);
        work_retry(w, store_unread(NULL, "Its row"));
        return;
    }
    c->services = w->services;
    c->w = w;
    job_run(w->services->files, &c->job, sent_write_run, sent_write_done, true);
}

QUEUE(sent);
const struct step step_sent = {
    .queue = &queue_sent,
    .parallel = 8,
    .rank = STEP_LAST,
    .start = sent_start,
};

static void remove_run(struct job *job, void *thread_ctx)
{
    struct sent_copy *c = (struct sent_copy *)job;
    char name[96];
    name_of(c, name);
    (void)maildir_find(c->services->c.home, SENT_FOLDER, name, true);
}

static void removed(struct job *job)
{
    struct sent_copy *c = (struct sent_copy *)job;
    if (c->w != NULL)
        work_end(c->w);
    copy_free(c);
}

void sent_saved(struct services *sv, const char *msgid)
{
    int64_t n[8];
    size_t count = sent_find(store_reader(sv->store), msgid, n, 8);
    for (size_t i = 0; i < count; i++) {
        struct sent_copy *c = mem_new(sizeof *c);
        if (out_get(store_reader(sv->store), n[i], &c->m) < 0) {
            free(c);
            continue;
        }
        c->services = sv;
        c->state = SENT_CLIENT;
        message_log(sv, LOG_DEBUG, LOG_AREA, ABOUT_MESSAGE, n[i], "the client saved its own copy");
        job_run(sv->files, &c->job, remove_run, sent_write_done, true);
    }
}
