/* SPDX-License-Identifier: GPL-3.0-or-later */
/* named.c - notices in the inbox that come with groups and invitations. One whom a group's list
 * names for the first time, and who accepted no invitation into it, is told: being named changes
 * nothing until the user accepts (P-11.3). And who gave an invitation away is told that somebody
 * wrote with one that does not hold (P-15.4). A notice's name follows from what it tells, so that a
 * repeated step writes it once. */
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/texts.h"
#include "flow/invite/invite_work.h"
#include "flow/mail/maildir.h"
#include "store/groups.h"
#include "base/jobs.h"
#include "flow/core/job.h"
#include "flow/core/path.h"
#include "base/file.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LOG_AREA "invite"
#define NOTICE_MAX 8192

struct notice_telling {
    struct job job;
    struct services *services;
    bool group;           /* named in one; else an invitation that does not hold */
    struct group_named g; /* which of the two */
    struct invite_refusal r;
    uint8_t id[HASH_LEN]; /* of what is told */
    int64_t when_s;       /* of the file's name */
    struct buf text;
    int rc;
    struct error why;
};

static int add_top(struct notice_telling *t, const char *id)
{
    const char *own = t->services->c.address;
    char date[40];
    clock_rfc5322(clock_wall_ms(), date);
    return buf_printf(&t->text,
                      "From: Restante <%s>\r\nTo: <%s>\r\nDate: %s\r\n"
                      "Message-ID: <%.32s.told@%s>\r\nAuto-Submitted: auto-generated\r\n"
                      "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n"
                      "Content-Transfer-Encoding: 8bit\r\n",
                      own, own, date, id, address_group(own));
}

static int named_compose(struct notice_telling *t, const char *id)
{
    char fpr[2 * FPR_LEN + 1];
    if (add_top(t, id) < 0)
        return -1;
    if (!t->group)
        return buf_printf(&t->text, "Subject: " TEXT_STALE_SUBJECT "\r\n\r\n" TEXT_STALE_NOTICE,
                          t->r.address, t->r.address, invite_verdict_text(t->r.verdict));
    hex_encode(t->g.master_fpr, FPR_LEN, fpr);
    return buf_printf(&t->text, "Subject: " TEXT_NAMED_SUBJECT "\r\n\r\n" TEXT_NAMED_NOTICE,
                      t->g.master, t->g.master, fpr, address_group(t->services->c.address),
                      t->g.master);
}

static void named_write_run(struct job *job, void *thread_ctx)
{
    struct notice_telling *t = (struct notice_telling *)job;
    const struct services *sv = t->services;
    char path[PATH_CAP], name[160], id[HASH_HEX + 1];
    hex_encode(t->id, HASH_LEN, id);
    home_path(sv, path, "spool", t->id, HASH_LEN, ".notice");
    t->rc = named_compose(t, id) == 0 ? file_write(path, t->text.data, t->text.len, &t->why)
                                      : error_set(&t->why, "A notice could not be written.");
    (void)snprintf(name, sizeof name, "%lld.G%.32s.restante,S=%zu,W=%zu", (long long)t->when_s, id,
                   t->text.len, t->text.len);
    if (t->rc == 0 && !maildir_find(sv->c.home, "", name, false))
        t->rc = maildir_add(sv->c.home, "", path, name, NULL, &t->why);
    (void)unlink(path);
}

static int named_commit_run(struct db *db, void *arg)
{
    const struct notice_telling *t = arg;
    return t->group ? group_set_told(db, t->g.master_fpr) : invite_set_told(db, &t->r);
}

static void named_end(struct notice_telling *t)
{
    invites_of(t->services)->telling = false;
    buf_free(&t->text);
    free(t);
}

static void named_commit_done(void *arg, int rc)
{
    struct notice_telling *t = arg;
    struct services *sv = t->services;
    store_crash_point("group.told.after");
    named_end(t);
    if (rc == 0)
        event_raise(sv, EVENT_INVITE_USED);
}

static void named_write_done(struct job *job)
{
    struct notice_telling *t = (struct notice_telling *)job;
    store_crash_point("group.told.before");
    if (t->rc == 0) {
        log_info(t->group ? "%s names this peer in a group; its user is told"
                          : "%s wrote with an invitation that does not hold; the user is told",
                 t->group ? t->g.master : t->r.address);
        store_do(t->services->store, named_commit_run, named_commit_done, t);
        return;
    }
    log_warn("%s", t->why.text);
    named_end(t);
}

static bool named_find_news(struct db *db, struct notice_telling *t)
{
    struct sha256 *s = sha256_new();
    t->group = group_to_tell(db, &t->g) == 0;
    if (t->group) {
        sha256_add(s, t->g.master_fpr, FPR_LEN); /* when_s 0: a newer list may come meanwhile */
    } else if (invite_to_tell(db, &t->r) == 0) {
        sha256_add(s, t->r.id, INVITE_ID_LEN);
        sha256_add(s, t->r.address, strlen(t->r.address));
        t->when_s = t->r.at_ms / 1000;
    } else {
        sha256_end(&s, NULL);
        return false;
    }
    sha256_end(&s, t->id);
    return true;
}

void named_tend(struct services *sv)
{
    if (invites_of(sv)->telling)
        return;
    struct notice_telling *t = mem_new(sizeof *t);
    t->services = sv;
    t->text = (struct buf)BUF_INIT(NOTICE_MAX);
    if (!named_find_news(store_reader(sv->store), t)) {
        free(t);
        return;
    }
    invites_of(sv)->telling = true;
    job_run(sv->files, &t->job, named_write_run, named_write_done, true);
}
