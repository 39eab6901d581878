/* SPDX-License-Identifier: GPL-3.0-or-later */
/* outbox_watch.c - did the user delete a line of Outgoing? See outbox.h: the link count of the
 * daemon's own link says it, and the message is taken back (P-14.7). */
#include "base/clock.h"
#include "base/log.h"
#include "flow/mail/inodes.h"
#include "flow/mail/maildir.h"
#include "flow/sender/outbox_mailbox.h"
#include "flow/sender/recall.h"
#include "flow/core/timer.h"
#include "store/cancel.h"
#include "base/jobs.h"
#include "flow/core/job.h"
#include "flow/core/path.h"
#include "flow/core/message_log.h"
#include "flow/core/step.h"
#include "base/file.h"
#include "base/mem.h"
#include "flow/core/trusted_clock.h"
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LOG_AREA "outbox"
#define PAGE 512
#define MANY 20

struct outbox_mailbox {
    struct job job;
    uv_timer_t *timer;
    struct services *services;
    int64_t n[PAGE], gone[PAGE], after;
    uint8_t id[PAGE][MESSAGE_ID_LEN];
    bool away[PAGE], no_folder, hold, running;
    size_t count, total, vanished;
    struct inodes stand;       /* in the mailbox, read once a round */
    struct timespec dirs[2];   /* when its folders changed last, at that reading */
    bool all_stood, as_before; /* every line did, in this round; nothing changed since one */
};

static struct outbox_mailbox *outbox_mailbox_of(const struct services *sv)
{
    return module_state(sv, &outbox_mailbox_module);
}

static void watch_again(struct outbox_mailbox *s);

/* The mailbox, once a round. When all lines stood there in the last round and its folders have not
 * changed since, they stand there still. A change within the clock's last tick is no proof. */
static void read_mailbox(struct outbox_mailbox *s)
{
    static const char *const part[] = {"new", "cur"};
    const char *home = s->services->c.home;
    struct timespec dirs[2] = {{0}, {0}};
    bool unchanged = true;
    for (size_t i = 0; i < 2; i++) {
        char path[PATH_CAP];
        struct stat st;
        (void)snprintf(path, sizeof path, "%s/Maildir/%s/%s", home, OUTBOX_FOLDER, part[i]);
        if (stat(path, &st) < 0)
            unchanged = false;
        else
            dirs[i] = st.st_mtim;
        unchanged = unchanged && clock_wall_ms() / 1000 - dirs[i].tv_sec > 1;
    }
    s->as_before = s->all_stood && unchanged && memcmp(dirs, s->dirs, sizeof dirs) == 0;
    if (s->as_before)
        return;
    memcpy(s->dirs, dirs, sizeof dirs);
    inodes_free(&s->stand);
    inodes_read(&s->stand, home, OUTBOX_FOLDER);
    inodes_sort(&s->stand);
    s->all_stood = unchanged;
}

static void watch_run(struct job *job, void *thread_ctx)
{
    struct outbox_mailbox *s = (struct outbox_mailbox *)job;
    const char *home = s->services->c.home;
    char path[PATH_CAP];
    struct stat st;
    s->no_folder = !outbox_mailbox_marked(home);
    if (s->after == 0)
        read_mailbox(s);
    for (size_t i = 0; i < s->count && !s->no_folder && !s->as_before; i++) {
        unsigned elsewhere = 0, trash = 0;
        home_path(s->services, path, "inbox/lines", s->id[i], MESSAGE_ID_LEN, "");
        s->away[i] = false;
        bool there = stat(path, &st) == 0;
        if (there && st.st_nlink > 1 && inodes_has(&s->stand, st.st_ino))
            continue;
        s->all_stood = false;
        if (!there)
            continue; /* a crash: the step makes it again */
        s->away[i] = st.st_nlink == 1;
        if (st.st_nlink > 1 && !maildir_stands(home, OUTBOX_FOLDER, path)) {
            maildir_count(home, st.st_ino, &elsewhere, &trash);
            s->away[i] = elsewhere == 0;
        }
    }
}

struct line_verdict {
    struct services *services;
    bool again;
    size_t count;
    struct {
        int64_t n, gone_ms;
        bool deleted;
        uint8_t id[MESSAGE_ID_LEN];
    } row[];
};

static int outbox_watch_verdict_run(struct db *db, void *arg)
{
    struct line_verdict *v = arg;
    if (v->again)
        return outbox_mailbox_again(db);
    for (size_t i = 0; i < v->count; i++) {
        int rc = v->row[i].deleted ? outbox_line_set_deleted(db, v->row[i].n)
                                   : outbox_line_set_gone(db, v->row[i].n, v->row[i].gone_ms);
        if (rc < 0 || (rc == 1 && recall_all(db, v->row[i].n) < 0))
            return -1;
    }
    return 0;
}

static void outbox_watch_verdict_done(void *arg, int rc)
{
    struct line_verdict *v = arg;
    store_crash_point("outbox_deleted.after");
    for (size_t i = 0; i < v->count && rc == 0 && !v->again; i++) {
        char path[PATH_CAP];
        home_path(v->services, path, "inbox/lines", v->row[i].id, MESSAGE_ID_LEN, "");
        if (v->row[i].deleted)
            (void)unlink(path);
    }
    kick(v->services);
    free(v);
}

static void outbox_watch_judge(struct outbox_mailbox *s)
{
    int64_t now = trusted_now_ms(s->services);
    struct line_verdict *v = mem_new(sizeof *v + s->count * sizeof v->row[0]);
    v->services = s->services;
    v->again = s->no_folder;
    for (size_t i = 0; i < s->count && !s->no_folder; i++) {
        s->vanished += s->away[i];
        if (s->away[i] && s->gone[i] != 0 &&
            (now - s->gone[i] < s->services->c.cancel_grace || s->hold))
            continue;
        if (!s->away[i] && s->gone[i] == 0)
            continue;
        v->row[v->count].n = s->n[i];
        memcpy(v->row[v->count].id, s->id[i], MESSAGE_ID_LEN);
        v->row[v->count].gone_ms = s->away[i] ? now : 0;
        v->row[v->count].deleted = s->away[i] && s->gone[i] != 0;
        if (v->row[v->count++].deleted)
            message_info(s->services, ABOUT_MESSAGE, s->n[i],
                         "its line in Outgoing was deleted: it is withdrawn");
    }
    if (v->count == 0 && !v->again) {
        free(v);
        return;
    }
    store_crash_point("outbox_deleted.before");
    store_do(s->services->store, outbox_watch_verdict_run, outbox_watch_verdict_done, v);
}

static void watch_done(struct job *job)
{
    struct outbox_mailbox *s = (struct outbox_mailbox *)job;
    if (s->services->stopping || s->timer == NULL)
        return;
    if (s->as_before && !s->no_folder) {
        s->running = false;
        return;
    }
    s->as_before = false;
    outbox_watch_judge(s);
    s->total += s->count;
    s->after = s->n[s->count - 1];
    if (s->count == PAGE && !s->no_folder) {
        watch_again(s);
        return;
    }
    /* a Maildir restored without its lines must not take all mail back */
    bool many = s->vanished > MANY && s->vanished * 2 > s->total;
    if (many && !s->hold)
        log_warn("%zu of %zu lines vanished from Outgoing at once: nothing is withdrawn. If you "
                 "deleted them, say so with `restante cancel ID`.",
                 s->vanished, s->total);
    s->hold = many;
    s->running = false;
}

static void watch_again(struct outbox_mailbox *s)
{
    s->count = outbox_mailbox_standing(store_reader(s->services->store), s->after, s->n, s->id,
                                       s->gone, PAGE);
    s->running = s->count > 0;
    if (s->running)
        job_run(s->services->files, &s->job, watch_run, watch_done, true);
}

static void outbox_watch_on_timer(uv_timer_t *t)
{
    struct outbox_mailbox *s = t->data;
    if (s->running)
        return;
    s->running = true;
    s->after = 0;
    s->total = s->vanished = 0;
    watch_again(s);
}

static int outbox_mailbox_start(struct services *sv, struct error *e)
{
    struct outbox_mailbox *s = module_new(sv, &outbox_mailbox_module, sizeof *s);
    uv_timer_t *t = timer_new(sv, s);
    s->services = sv;
    s->timer = t;
    s->hold = true; /* the first round only looks */
    if (maildir_rename(sv->c.home, OUTBOX_FOLDER_ONCE, OUTBOX_FOLDER, e) < 0)
        return -1;
    char flag[2];
    for (unsigned i = 0; outbox_line_keyword(i) != NULL; i++) /* before a line carries one */
        if (maildir_keyword(sv->c.home, OUTBOX_FOLDER, outbox_line_keyword(i), flag, e) < 0)
            log_warn("%s", e->text); /* the text says it too */
    int64_t every = sv->c.cancel_grace / 2;
    every = every < 200 ? 200 : every > OUTBOX_PAUSE_MS ? OUTBOX_PAUSE_MS : every;
    return uv_timer_start(t, outbox_watch_on_timer, (uint64_t)every, (uint64_t)every);
}

static void outbox_mailbox_stop(struct services *sv)
{
    if (outbox_mailbox_of(sv) != NULL)
        timer_free(&outbox_mailbox_of(sv)->timer);
}

static void outbox_mailbox_free(struct services *sv)
{
    if (outbox_mailbox_of(sv) != NULL)
        inodes_free(&outbox_mailbox_of(sv)->stand);
}

const struct module outbox_mailbox_module = {
    .start = outbox_mailbox_start, .stop = outbox_mailbox_stop, .free = outbox_mailbox_free};
