/* SPDX-License-Identifier: GPL-3.0-or-later */
/* lines.c - see lines.h. Two things must never be mixed up: that the daemon replaces or removes a
 * line, and that the user deletes one. The daemon keeps a link of its own to each line that stands,
 * inbox/lines/<id>: a count of one means that the user's copies are gone. A line is replaced by
 * linking the new file (<id>.new) into the mailbox, removing the old one's copies, and renaming the
 * new link over the old; wherever a crash falls, the two links tell what was done. */
#include "flow/sender/lines.h"
#include "base/clock.h"
#include "base/log.h"
#include "flow/receiver/inodes.h"
#include "flow/receiver/maildir.h"
#include "flow/steps.h"
#include "flow/timer.h"
#include "flow/sender/withdraw.h"
#include "store/cancel.h"
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LOG_AREA "lines"
#define PAUSE_MS 2000 /* between two changes of one line */

/* ---- the step: the line shows what the store says */

struct lining {
    struct job job;
    struct work *w;
    struct out_message m;
    struct line line;
    struct buf text;
    unsigned states; /* in the text, for line_keyword */
    char now[PATH_CAP], next[PATH_CAP], dir[PATH_CAP];
    enum line_state state; /* what results */
    bool gone;             /* the user's copies are gone: watching decides */
    int rc;
    struct error why;
};

static unsigned links_of(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 ? (unsigned)st.st_nlink : 0;
}

static int forget_file(struct lining *l, const char *path)
{
    const char *home = l->w->flow->c.home;
    if (maildir_remove(home, LINES_FOLDER, path, &l->why) < 0)
        return -1;
    return file_remove(path, &l->why);
}

/* What a crash left. */
static int recover(struct lining *l)
{
    if (l->line.state == LINE_NONE && forget_file(l, l->now) < 0)
        return -1;
    unsigned next = links_of(l->next);
    if (next > 1 && l->line.state == LINE_STANDS && links_of(l->now) <= 1) {
        if (rename(l->next, l->now) < 0)
            return error_set(&l->why, "Cannot name %s.", l->now);
        return dir_sync(l->dir, &l->why);
    }
    return next > 0 ? forget_file(l, l->next) : 0;
}

/* Stands in the mailbox beside the lines: a mailbox without it was deleted as a whole, and perhaps
 * made again by a client, which is no deletion of single lines. */
static void marker_path(const char *home, char out[PATH_CAP])
{
    (void)snprintf(out, PATH_CAP, "%s/Maildir/%s/restante-lines", home, LINES_FOLDER);
}

static bool marked(const char *home)
{
    char path[PATH_CAP];
    marker_path(home, path);
    return file_exists(path);
}

static int mark(const char *home, struct error *e)
{
    char path[PATH_CAP];
    marker_path(home, path);
    return file_exists(path) ? 0 : file_write(path, "", 0, e);
}

static int by_letter(const void *a, const void *b)
{
    return *(const char *)a - *(const char *)b;
}

/* The states as IMAP keywords; where a mailbox has no room for one, the text still says it. */
static void line_flags(struct lining *l, char out[32])
{
    size_t n = 0;
    out[n++] = 'S';
    for (unsigned i = 0; line_keyword(i) != NULL && n < 31; i++) {
        char flag[2];
        if ((l->states & 1u << i) != 0 &&
            maildir_keyword(l->w->flow->c.home, LINES_FOLDER, line_keyword(i), flag, &l->why) == 0)
            out[n++] = flag[0];
    }
    out[n] = '\0';
    qsort(out, n, 1, by_letter);
}

static int add_new(struct lining *l)
{
    char name[128], hex[2 * MESSAGE_ID_LEN + 1], tag[9], flags[32];
    uint8_t r[4];
    random_bytes(r, sizeof r);
    hex_encode(r, sizeof r, tag);
    hex_encode(l->m.id, MESSAGE_ID_LEN, hex);
    (void)snprintf(name, sizeof name, "%lld.L%s.%s.restante,S=%zu,W=%zu",
                   (long long)(l->m.created_ms / 1000), hex, tag, l->text.len, l->text.len);
    if (file_write(l->next, l->text.data, l->text.len, &l->why) < 0)
        return -1;
    struct timespec t[2] = {{.tv_sec = l->m.created_ms / 1000}, {.tv_sec = l->m.created_ms / 1000}};
    (void)utimensat(AT_FDCWD, l->next, t, 0); /* INTERNALDATE: when it was sent */
    line_flags(l, flags);
    if (maildir_add(l->w->flow->c.home, LINES_FOLDER, l->next, name, flags, &l->why) < 0)
        return -1;
    return mark(l->w->flow->c.home, &l->why);
}

static int replace(struct lining *l)
{
    int removed = 1;
    if (!marked(l->w->flow->c.home)) {
        if (forget_file(l, l->now) < 0)
            return -1;
        l->line.state = LINE_NONE;
    }
    if (l->line.state == LINE_STANDS &&
        (links_of(l->now) <= 1 || !maildir_stands(l->w->flow->c.home, LINES_FOLDER, l->now))) {
        l->gone = true;
        return 0;
    }
    if (add_new(l) < 0)
        return -1;
    store_crash_point("line.added");
    if (l->line.state == LINE_STANDS)
        removed = maildir_remove(l->w->flow->c.home, LINES_FOLDER, l->now, &l->why);
    store_crash_point("line.replaced");
    if (removed < 0)
        return -1;
    if (removed == 0) { /* the user was faster */
        l->gone = true;
        return forget_file(l, l->next);
    }
    if (rename(l->next, l->now) < 0)
        return error_set(&l->why, "Cannot name %s.", l->now);
    l->state = LINE_STANDS;
    return dir_sync(l->dir, &l->why);
}

static void line_run(struct job *job, void *thread_ctx)
{
    struct lining *l = (struct lining *)job;
    l->state = l->line.state;
    l->rc = recover(l);
    if (l->rc == 0 && l->line.pending) {
        l->rc = replace(l);
    } else if (l->rc == 0) {
        l->rc = forget_file(l, l->now);
        l->state = LINE_NONE;
    }
}

static void line_end(struct lining *l, const char *why)
{
    work_over(l->w, why);
    out_message_free(&l->m);
    buf_free(&l->text);
    free(l);
}

static int line_commit(struct db *db, void *arg)
{
    struct lining *l = arg;
    if (l->gone)
        return line_delay(db, l->m.n, clock_wall_ms() + PAUSE_MS);
    return line_set(db, &l->line, l->state, clock_wall_ms() + PAUSE_MS);
}

static void line_committed(void *arg, int rc)
{
    store_crash_point("line.after");
    line_end(arg, rc != 0 ? "The database does not take a line of the Outbox." : NULL);
}

static void line_done(struct job *job)
{
    struct lining *l = (struct lining *)job;
    store_crash_point("line.before");
    if (l->rc < 0)
        line_end(l, l->why.text);
    else
        store_do(l->w->flow->store, line_commit, line_committed, l);
}

void step_line(struct work *w)
{
    struct flow *f = w->flow;
    struct db *db = store_reader(f->store);
    struct lining *l = calloc(1, sizeof *l);
    if (l == NULL || line_get(db, w->n, &l->line) < 0 || out_get(db, w->n, &l->m) < 0) {
        free(l);
        work_retry(w, "A message's row cannot be read.");
        return;
    }
    l->w = w;
    l->text = (struct buf)BUF_INIT(128 * 1024);
    flow_path(f, l->now, "inbox/lines", l->m.id, MESSAGE_ID_LEN, "");
    flow_path(f, l->next, "inbox/lines", l->m.id, MESSAGE_ID_LEN, ".new");
    (void)path_join(l->dir, f->c.home, "inbox/lines", &l->why);
    if (l->line.pending && line_text(f, &l->m, &l->text, &l->states) < 0)
        line_end(l, "A line of the Outbox cannot be written.");
    else
        flow_job(f->files, &l->job, line_run, line_done, true);
}

/* ---- watching: did the user delete one? */

#define PAGE 512
#define MANY 20

struct lines {
    struct job job;
    uv_timer_t *timer;
    struct flow *flow;
    int64_t n[PAGE], gone[PAGE], after;
    uint8_t id[PAGE][MESSAGE_ID_LEN];
    bool away[PAGE], no_folder, hold, running;
    size_t count, total, vanished;
    struct inodes stand;       /* in the mailbox, read once a round */
    struct timespec dirs[2];   /* when its folders changed last, at that reading */
    bool all_stood, as_before; /* every line did, in this round; nothing changed since one */
};

static void watch_again(struct lines *s);

/* The mailbox, once a round. When all lines stood there in the last round and its folders have not
 * changed since, they stand there still. A change within the clock's last tick is no proof. */
static void read_mailbox(struct lines *s)
{
    static const char *const part[] = {"new", "cur"};
    const char *home = s->flow->c.home;
    struct timespec dirs[2] = {{0}, {0}};
    bool settled = true;
    for (size_t i = 0; i < 2; i++) {
        char path[PATH_CAP];
        struct stat st;
        (void)snprintf(path, sizeof path, "%s/Maildir/%s/%s", home, LINES_FOLDER, part[i]);
        if (stat(path, &st) < 0)
            settled = false;
        else
            dirs[i] = st.st_mtim;
        settled = settled && clock_wall_ms() / 1000 - dirs[i].tv_sec > 1;
    }
    s->as_before = s->all_stood && settled && memcmp(dirs, s->dirs, sizeof dirs) == 0;
    if (s->as_before)
        return;
    memcpy(s->dirs, dirs, sizeof dirs);
    inodes_free(&s->stand);
    inodes_read(&s->stand, home, LINES_FOLDER);
    inodes_sort(&s->stand);
    s->all_stood = settled;
}

static void watch_run(struct job *job, void *thread_ctx)
{
    struct lines *s = (struct lines *)job;
    const char *home = s->flow->c.home;
    char path[PATH_CAP];
    struct stat st;
    s->no_folder = !marked(home);
    if (s->after == 0)
        read_mailbox(s);
    for (size_t i = 0; i < s->count && !s->no_folder && !s->as_before; i++) {
        unsigned elsewhere = 0, trash = 0;
        flow_path(s->flow, path, "inbox/lines", s->id[i], MESSAGE_ID_LEN, "");
        s->away[i] = false;
        bool there = stat(path, &st) == 0;
        if (there && st.st_nlink > 1 && inodes_has(&s->stand, st.st_ino))
            continue;
        s->all_stood = false;
        if (!there)
            continue; /* a crash: the step makes it again */
        s->away[i] = st.st_nlink == 1;
        if (st.st_nlink > 1 && !maildir_stands(home, LINES_FOLDER, path)) {
            maildir_count(home, st.st_ino, &elsewhere, &trash);
            s->away[i] = elsewhere == 0;
        }
    }
}

struct verdict {
    struct flow *flow;
    bool again;
    size_t count;
    struct {
        int64_t n, gone_ms;
        bool deleted;
        uint8_t id[MESSAGE_ID_LEN];
    } row[];
};

static int verdict_run(struct db *db, void *arg)
{
    struct verdict *v = arg;
    if (v->again)
        return lines_again(db);
    for (size_t i = 0; i < v->count; i++) {
        int rc = v->row[i].deleted ? line_set_deleted(db, v->row[i].n)
                                   : line_set_gone(db, v->row[i].n, v->row[i].gone_ms);
        if (rc < 0 || (rc == 1 && withdraw_all(db, v->row[i].n) < 0))
            return -1;
    }
    return 0;
}

static void verdict_done(void *arg, int rc)
{
    struct verdict *v = arg;
    store_crash_point("deleted.after");
    for (size_t i = 0; i < v->count && rc == 0 && !v->again; i++) {
        char path[PATH_CAP];
        flow_path(v->flow, path, "inbox/lines", v->row[i].id, MESSAGE_ID_LEN, "");
        if (v->row[i].deleted)
            (void)unlink(path);
    }
    flow_kick(v->flow);
    free(v);
}

static void judge(struct lines *s)
{
    int64_t now = clock_wall_ms();
    struct verdict *v = calloc(1, sizeof *v + s->count * sizeof v->row[0]);
    if (v == NULL)
        return;
    v->flow = s->flow;
    v->again = s->no_folder;
    for (size_t i = 0; i < s->count && !s->no_folder; i++) {
        s->vanished += s->away[i];
        if (s->away[i] && s->gone[i] != 0 &&
            (now - s->gone[i] < s->flow->c.cancel_grace || s->hold))
            continue;
        if (!s->away[i] && s->gone[i] == 0)
            continue;
        v->row[v->count].n = s->n[i];
        memcpy(v->row[v->count].id, s->id[i], MESSAGE_ID_LEN);
        v->row[v->count].gone_ms = s->away[i] ? now : 0;
        v->row[v->count].deleted = s->away[i] && s->gone[i] != 0;
        if (v->row[v->count++].deleted)
            log_info("a line of the Outbox was deleted: the message is taken back");
    }
    if (v->count == 0 && !v->again) {
        free(v);
        return;
    }
    store_crash_point("deleted.before");
    store_do(s->flow->store, verdict_run, verdict_done, v);
}

static void watch_done(struct job *job)
{
    struct lines *s = (struct lines *)job;
    if (s->flow->stopping || s->timer == NULL)
        return;
    if (s->as_before && !s->no_folder) {
        s->running = false;
        return;
    }
    s->as_before = false;
    judge(s);
    s->total += s->count;
    s->after = s->n[s->count - 1];
    if (s->count == PAGE && !s->no_folder) {
        watch_again(s);
        return;
    }
    /* a Maildir restored without its lines must not take all mail back */
    bool many = s->vanished > MANY && s->vanished * 2 > s->total;
    if (many && !s->hold)
        log_warn("%zu of %zu lines vanished from the Outbox at once: nothing is taken back. If you "
                 "deleted them, say so with `restante cancel ID`.",
                 s->vanished, s->total);
    s->hold = many;
    s->running = false;
}

static void watch_again(struct lines *s)
{
    s->count = lines_standing(store_reader(s->flow->store), s->after, s->n, s->id, s->gone, PAGE);
    s->running = s->count > 0;
    if (s->running)
        flow_job(s->flow->files, &s->job, watch_run, watch_done, true);
}

static void on_timer(uv_timer_t *t)
{
    struct lines *s = t->data;
    if (s->running)
        return;
    s->running = true;
    s->after = 0;
    s->total = s->vanished = 0;
    watch_again(s);
}

int lines_start(struct flow *f, struct error *e)
{
    struct lines *s = f->lines = calloc(1, sizeof *s);
    uv_timer_t *t = s == NULL ? NULL : flow_timer_new(f, s);
    if (t == NULL)
        return error_set(e, "Out of memory.");
    s->flow = f;
    s->timer = t;
    s->hold = true; /* the first round only looks */
    char flag[2];
    for (unsigned i = 0; line_keyword(i) != NULL; i++) /* before a line carries one */
        if (maildir_keyword(f->c.home, LINES_FOLDER, line_keyword(i), flag, e) < 0)
            log_warn("%s", e->text); /* the text says it too */
    int64_t every = f->c.cancel_grace / 2;
    every = every < 200 ? 200 : every > PAUSE_MS ? PAUSE_MS : every;
    return uv_timer_start(t, on_timer, (uint64_t)every, (uint64_t)every);
}

void lines_stop(struct flow *f)
{
    if (f->lines != NULL)
        flow_timer_free(&f->lines->timer);
}

void lines_free(struct flow *f)
{
    if (f->lines != NULL)
        inodes_free(&f->lines->stand);
    free(f->lines);
    f->lines = NULL;
}
