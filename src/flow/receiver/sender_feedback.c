/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sender_feedback.c - see sender_feedback.h. One look: a worker finds out what stands in the inbox
 * and in Junk, the loop decides what that says, a worker writes the notices, one transaction
 * commits, and the links that are not needed any more go. Each part can be repeated. */
#include "flow/receiver/sender_feedback.h"
#include "base/texts.h"
#include "base/clock.h"
#include "base/log.h"
#include "flow/mail/inodes.h"
#include "flow/mail/maildir.h"
#include "store/senders.h"
#include "base/jobs.h"
#include "flow/core/job.h"
#include "flow/core/path.h"
#include "flow/core/message_log.h"
#include "flow/core/step.h"
#include "base/file.h"
#include "flow/core/trusted_clock.h"
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LOG_AREA "feedback"
#define REQUESTS ".Requests"
#define FOREIGN_KEYWORD "$Foreign"
#define APART_MAX 4096         /* messages in Requests that are looked for in the inbox */
#define NEWS_MAX 128           /* of one look; the next one finds the others */
#define JUDGED 4096            /* remembered: they say nothing new */
#define WATCH_S (14 * 86400LL) /* since it came */
#define OFFERS_MAX 5   /* notices that wait for an answer: a client's own filter may move much */
#define OFFER ".offer" /* inbox/moves/<id>.offer: the notice that asks */
#define NOTICE_MAX 8192

enum news { NEWS_ACCEPT, NEWS_JUNK, NEWS_BLOCK };

struct feedback_item {
    enum news news;
    uint8_t nid[HASH_LEN];
    int64_t n;
    char sender[ADDRESS_MAX + 1];
    bool nothing; /* it says nothing new */
};

struct sender_feedback {
    struct job job;
    struct services *services;
    bool running;
    uint8_t apart[APART_MAX][HASH_LEN]; /* sorted */
    size_t apart_count;
    struct feedback_item item[NEWS_MAX];
    size_t count, offers; /* offers: notices that stand */
    uint8_t judged[JUDGED]
                  [HASH_LEN]; /* in Junk, by the beginning of the id; one may oust another */
    struct error why;
    int rc;
};

static struct sender_feedback *sender_feedback_of(const struct services *sv)
{
    return module_state(sv, &feedback_module);
}

/* ---- where a message belongs */

static bool is_stranger(struct services *sv, const struct incoming *in)
{
    return !sender_known(store_reader(sv->store), in->sender, in->fpr);
}

bool feedback_refused(struct services *sv, const struct incoming *in)
{
    return sender_rule(store_reader(sv->store), in->sender) == SENDER_BLOCKED ||
           (sv->c.strangers == STRANGERS_NOWHERE && is_stranger(sv, in));
}

enum in_place feedback_place(struct services *sv, const struct incoming *in, bool foreign)
{
    if (foreign)
        return PLACE_FOREIGN;
    return sv->c.strangers == STRANGERS_REQUESTS && is_stranger(sv, in) ? PLACE_REQUESTS
                                                                        : PLACE_INBOX;
}

int feedback_put(const char *home, enum in_place place, const char *file, const char *name,
                 bool fetched, struct error *e)
{
    char flags[4] = "", flag[2], marked[PATH_CAP];
    const char *folder = place == PLACE_INBOX ? "" : REQUESTS;
    const char *const keyword[] = {place == PLACE_FOREIGN ? FOREIGN_KEYWORD : NULL,
                                   fetched ? NULL : UNFETCHED_KEYWORD};
    for (size_t i = 0; i < 2; i++) {
        if (keyword[i] == NULL)
            continue;
        if (maildir_keyword(home, folder, keyword[i], flag, e) == 0)
            (void)strcat(flags, flag);
        else /* the mailbox has too many already, say */
            log_warn("%s", e->text);
    }
    if (place == PLACE_FOREIGN)
        return maildir_add(home, folder, file, name, *flags == '\0' ? NULL : flags, e);
    /* in new/, so that a client sees it as recent */
    if (snprintf(marked, sizeof marked, "%s%s%s", name, *flags == '\0' ? "" : ":2,", flags) >=
        (int)sizeof marked)
        return error_set(e, "The name %.80s is too long.", name);
    return maildir_add(home, folder, file, marked, NULL, e);
}

int feedback_watch(const struct services *sv, const uint8_t nid[HASH_LEN], const char *full,
                   struct error *e)
{
    char path[PATH_CAP];
    home_path(sv, path, "inbox/moves", nid, HASH_LEN, "");
    if (link(full, path) < 0 && errno != EEXIST)
        return error_set(e, "Cannot link %s: %s.", path, strerror(errno));
    return 0;
}

/* ---- looking */

static int feedback_by_nid(const void *a, const void *b)
{
    return memcmp(a, b, HASH_LEN);
}

static void feedback_add(struct sender_feedback *m, enum news news, const uint8_t nid[HASH_LEN])
{
    if (m->count == NEWS_MAX)
        return;
    struct feedback_item *i = &m->item[m->count++];
    *i = (struct feedback_item){.news = news};
    memcpy(i->nid, nid, HASH_LEN);
}

struct sets {
    struct inodes inbox, junk;
};

static uint8_t *judged(struct sender_feedback *m, const uint8_t nid[HASH_LEN])
{
    return m->judged[((size_t)nid[0] << 8 | nid[1]) % JUDGED];
}

static void feedback_look_at(struct sender_feedback *m, const struct sets *s,
                             const uint8_t nid[HASH_LEN], ino_t inode)
{
    if (inodes_has(&s->junk, inode) && memcmp(judged(m, nid), nid, HASH_LEN) != 0)
        feedback_add(m, NEWS_JUNK, nid);
    else if (m->apart_count > 0 && inodes_has(&s->inbox, inode) &&
             bsearch(nid, m->apart, m->apart_count, HASH_LEN, feedback_by_nid) != NULL)
        feedback_add(m, NEWS_ACCEPT, nid);
}

/* A link that is the last one, or old, is of no use. */
static bool is_over(const struct services *sv, const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 &&
           (st.st_nlink == 1 || trusted_now_ms(sv) / 1000 - st.st_mtim.tv_sec > WATCH_S);
}

static void feedback_look_dir(struct sender_feedback *m, const struct sets *s, const char *sub)
{
    char dir[PATH_CAP], path[PATH_CAP], name[2 * HASH_LEN + 1];
    bool watched = strcmp(sub, "inbox/moves") == 0;
    struct error e;
    DIR *d = path_join(dir, m->services->c.home, sub, &e) < 0 ? NULL : opendir(dir);
    if (d == NULL)
        return;
    for (struct dirent *at; (at = readdir(d)) != NULL;) {
        uint8_t nid[HASH_LEN];
        const char *suffix = strchr(at->d_name, '.');
        (void)snprintf(name, sizeof name, "%.64s", at->d_name);
        if (strlen(at->d_name) < sizeof name - 1 || hex_decode(name, nid, HASH_LEN) < 0 ||
            path_join(path, dir, at->d_name, &e) < 0)
            continue;
        if (watched && is_over(m->services, path))
            (void)unlink(path);
        else if (suffix == NULL)
            feedback_look_at(m, s, nid, at->d_ino);
        else if (watched && strcmp(suffix, OFFER) == 0) {
            m->offers++;
            if (inodes_has(&s->junk, at->d_ino))
                feedback_add(m, NEWS_BLOCK, nid);
        }
    }
    (void)closedir(d);
}

static void look_run(struct job *job, void *thread_ctx)
{
    struct sender_feedback *m = (struct sender_feedback *)job;
    struct sets s = {{0}, {0}};
    inodes_read(&s.junk, m->services->c.home, ".Junk");
    inodes_sort(&s.junk);
    if (m->apart_count > 0) {
        inodes_read(&s.inbox, m->services->c.home, "");
        inodes_sort(&s.inbox);
    }
    feedback_look_dir(m, &s, "inbox/stubs");
    feedback_look_dir(m, &s, "inbox/moves");
    inodes_free(&s.inbox);
    inodes_free(&s.junk);
}

/* ---- what it says */

static bool asked_before(const struct sender_feedback *m, const struct feedback_item *i)
{
    for (const struct feedback_item *o = m->item; o < i; o++)
        if (o->news == NEWS_JUNK && !o->nothing && strcmp(o->sender, i->sender) == 0)
            return true;
    return false;
}

/* Returns whether there is anything to do. */
static bool feedback_judge(struct sender_feedback *m)
{
    struct db *db = store_reader(m->services->store);
    bool any = false;
    for (size_t k = 0; k < m->count; k++) {
        struct feedback_item *i = &m->item[k];
        struct incoming in;
        i->n = in_find(db, i->nid);
        if (i->n == 0 || in_get(db, i->n, &in) < 0) {
            i->nothing = true;
            continue;
        }
        (void)strcpy(i->sender, in.sender);
        if (i->news == NEWS_ACCEPT)
            i->nothing = in.place == PLACE_INBOX;
        else if (i->news == NEWS_JUNK)
            i->nothing = sender_rule(db, in.sender) != SENDER_NONE || asked_before(m, i);
        if (i->news == NEWS_JUNK && !i->nothing && ++m->offers > OFFERS_MAX)
            i->nothing = true; /* later */
        else if (i->news == NEWS_JUNK && i->nothing)
            memcpy(judged(m, i->nid), i->nid, HASH_LEN);
        incoming_free(&in);
        any |= !i->nothing;
    }
    return any;
}

static int feedback_compose(const struct sender_feedback *m, const struct feedback_item *i,
                            struct buf *out)
{
    const char *own = m->services->c.address;
    char date[40], id[2 * HASH_LEN + 1];
    clock_rfc5322(clock_wall_ms(), date);
    hex_encode(i->nid, HASH_LEN, id);
    return buf_printf(out,
                      "From: Restante <%s>\r\nTo: <%s>\r\nDate: %s\r\n"
                      "Message-ID: <%.32s.block@%s>\r\nAuto-Submitted: auto-generated\r\n"
                      "Subject: " TEXT_BLOCK_SUBJECT "\r\nMIME-Version: 1.0\r\n"
                      "Content-Type: text/plain; charset=utf-8\r\n"
                      "Content-Transfer-Encoding: 8bit\r\n\r\n" TEXT_BLOCK_NOTICE,
                      own, own, date, id, address_group(own), i->sender, i->sender, i->sender);
}

/* Durable, and in the inbox once: a link count above one says that it stands there. */
static int feedback_offer_block(struct sender_feedback *m, const struct feedback_item *i)
{
    char path[PATH_CAP], name[128], id[2 * HASH_LEN + 1];
    struct buf b = BUF_INIT(NOTICE_MAX);
    struct stat st;
    home_path(m->services, path, "inbox/moves", i->nid, HASH_LEN, OFFER);
    hex_encode(i->nid, HASH_LEN, id);
    if (stat(path, &st) == 0 && st.st_nlink > 1)
        return 0;
    int rc = feedback_compose(m, i, &b) < 0 ? error_set(&m->why, TEXT_NO_MEMORY)
                                            : file_write(path, b.data, b.len, &m->why);
    (void)snprintf(name, sizeof name, "%lld.B%.32s.restante,S=%zu,W=%zu",
                   (long long)(clock_wall_ms() / 1000), id, b.len, b.len);
    if (rc == 0)
        rc = maildir_add(m->services->c.home, "", path, name, NULL, &m->why);
    buf_free(&b);
    return rc;
}

static void feedback_write_run(struct job *job, void *thread_ctx)
{
    struct sender_feedback *m = (struct sender_feedback *)job;
    m->rc = 0;
    for (size_t i = 0; i < m->count && m->rc == 0; i++)
        if (m->item[i].news == NEWS_JUNK && !m->item[i].nothing)
            m->rc = feedback_offer_block(m, &m->item[i]);
}

/* ---- and is done */

static int commit_one(struct db *db, const struct feedback_item *i)
{
    switch (i->news) {
    case NEWS_ACCEPT:
        return sender_accept(db, i->n);
    case NEWS_JUNK:
        return sender_set(db, i->sender, SENDER_ASKED);
    case NEWS_BLOCK:
        return sender_set(db, i->sender, SENDER_BLOCKED);
    }
    return -1;
}

static int feedback_commit_run(struct db *db, void *arg)
{
    const struct sender_feedback *m = arg;
    for (size_t i = 0; i < m->count; i++)
        if (!m->item[i].nothing && commit_one(db, &m->item[i]) < 0)
            return -1;
    return 0;
}

static void feedback_commit_done(void *arg, int rc)
{
    struct sender_feedback *m = arg;
    store_crash_point("feedback.after");
    for (size_t k = 0; k < m->count && rc == 0; k++) {
        const struct feedback_item *i = &m->item[k];
        char path[PATH_CAP];
        if (i->nothing && i->news != NEWS_BLOCK)
            continue;
        if (i->news == NEWS_BLOCK) { /* answered: its link goes */
            home_path(m->services, path, "inbox/moves", i->nid, HASH_LEN, OFFER);
            (void)unlink(path);
        }
        if (!i->nothing)
            id_info(i->nid, i->sender, "%s",
                    i->news == NEWS_ACCEPT ? "is a contact from now on: the user took a message"
                                             " into the inbox"
                    : i->news == NEWS_JUNK ? "may be blocked: the user is asked"
                                           : "is blocked from now on");
    }
    m->running = false;
    kick(m->services);
}

static void feedback_write_done(struct job *job)
{
    struct sender_feedback *m = (struct sender_feedback *)job;
    store_crash_point("feedback.before");
    if (m->rc < 0) {
        log_warn("%s", m->why.text);
        m->running = false;
    } else {
        store_do(m->services->store, feedback_commit_run, feedback_commit_done, m);
    }
}

static void look_done(struct job *job)
{
    struct sender_feedback *m = (struct sender_feedback *)job;
    if (m->services->stopping || !feedback_judge(m))
        m->running = false;
    else
        job_run(m->services->files, &m->job, feedback_write_run, feedback_write_done, true);
}

void feedback_look(struct services *sv)
{
    struct sender_feedback *m = sender_feedback_of(sv);
    if (m == NULL || m->running || sv->stopping)
        return;
    m->running = true;
    m->count = m->offers = 0;
    m->apart_count = in_apart(store_reader(sv->store), m->apart, APART_MAX);
    qsort(m->apart, m->apart_count, HASH_LEN, feedback_by_nid);
    job_run(sv->files, &m->job, look_run, look_done, true);
}

static int feedback_start(struct services *sv, struct error *e)
{
    char flag[2];
    struct sender_feedback *m = module_new(sv, &feedback_module, sizeof *m);
    m->services = sv;
    /* before a message carries it: a client's session may be reading the folder then */
    if (maildir_keyword(sv->c.home, REQUESTS, FOREIGN_KEYWORD, flag, e) < 0)
        log_warn("%s", e->text);
    return 0;
}

const struct module feedback_module = {.start = feedback_start};
