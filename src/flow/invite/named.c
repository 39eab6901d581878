/* SPDX-License-Identifier: GPL-3.0-or-later */
/* named.c - one whom a group's list names for the first time, and who accepted no invitation into
 * it, is told so in the inbox: being named changes nothing until the user accepts (P-11.3). The
 * notice's name follows from the master, so that a repeated step writes it once. */
#include "base/clock.h"
#include "base/log.h"
#include "base/texts.h"
#include "flow/invite/invite_work.h"
#include "flow/receiver/maildir.h"
#include "store/groups.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LOG_AREA "group"
#define NOTICE_MAX 8192

struct telling {
    struct job job;
    struct flow *flow;
    struct group_named g;
    int rc;
    struct error why;
};

static int compose(const struct telling *t, const char *id, struct buf *b)
{
    const char *own = t->flow->c.address;
    char date[40], fpr[2 * FPR_LEN + 1];
    clock_rfc5322(clock_wall_ms(), date);
    hex_encode(t->g.master_fpr, FPR_LEN, fpr);
    return buf_printf(b,
                      "From: Restante <%s>\r\nTo: <%s>\r\nDate: %s\r\n"
                      "Message-ID: <%s.group@%s>\r\nAuto-Submitted: auto-generated\r\n"
                      "Subject: " TEXT_NAMED_SUBJECT "\r\nMIME-Version: 1.0\r\n"
                      "Content-Type: text/plain; charset=utf-8\r\n"
                      "Content-Transfer-Encoding: 8bit\r\n\r\n" TEXT_NAMED_NOTICE,
                      own, own, date, id, address_group(own), t->g.master, t->g.master, fpr,
                      address_group(own), t->g.master);
}

static void write_run(struct job *job, void *thread_ctx)
{
    struct telling *t = (struct telling *)job;
    const struct flow *f = t->flow;
    char path[PATH_CAP], name[128], id[2 * FPR_LEN + 1];
    struct buf b = BUF_INIT(NOTICE_MAX);
    hex_encode(t->g.master_fpr, FPR_LEN, id);
    flow_path(f, path, "spool", t->g.master_fpr, FPR_LEN, ".notice");
    t->rc = compose(t, id, &b) == 0 ? file_write(path, b.data, b.len, &t->why)
                                    : error_set(&t->why, "A notice could not be written.");
    (void)snprintf(name, sizeof name, "%lld.G%s.restante,S=%zu,W=%zu", (long long)(t->g.seq / 1000),
                   id, b.len, b.len);
    buf_free(&b);
    if (t->rc == 0 && !maildir_find(f->c.home, "", name, false))
        t->rc = maildir_add(f->c.home, "", path, name, NULL, &t->why);
    (void)unlink(path);
}

static int commit_run(struct db *db, void *arg)
{
    return group_set_told(db, ((struct telling *)arg)->g.master_fpr);
}

static void commit_done(void *arg, int rc)
{
    struct telling *t = arg;
    struct flow *f = t->flow;
    store_crash_point("group.told.after");
    f->invites->telling = false;
    free(t);
    if (rc == 0)
        invites_tend(f);
}

static void write_done(struct job *job)
{
    struct telling *t = (struct telling *)job;
    store_crash_point("group.told.before");
    if (t->rc == 0) {
        log_info("%s names this peer in a group; its user is told", t->g.master);
        store_do(t->flow->store, commit_run, commit_done, t);
        return;
    }
    log_warn("%s", t->why.text);
    t->flow->invites->telling = false;
    free(t);
}

void named_tend(struct flow *f)
{
    struct group_named g;
    if (f->invites->telling || group_to_tell(store_reader(f->store), &g) < 0)
        return;
    struct telling *t = calloc(1, sizeof *t);
    if (t == NULL)
        return;
    t->flow = f;
    t->g = g;
    f->invites->telling = true;
    flow_job(f->files, &t->job, write_run, write_done, true);
}
