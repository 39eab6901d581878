/* SPDX-License-Identifier: GPL-3.0-or-later */
/* outbox_mailbox.c - the step that makes a line show what the store says; see outbox_mailbox.h. Two
 * things must never be mixed up: that the daemon replaces or removes a line, and that the user
 * deletes one. The daemon keeps a link of its own to each line that stands, inbox/lines/<id>: a
 * count of one means that the user's copies are gone. A line is replaced by linking the new file
 * (<id>.new) into the mailbox, removing the old one's copies, and renaming the new link over the
 * old; wherever a crash falls, the two links tell what was done. */
#include "flow/sender/outbox_mailbox.h"
#include "base/clock.h"
#include "flow/mail/maildir.h"
#include "flow/core/step.h"
#include "base/jobs.h"
#include "flow/core/job.h"
#include "flow/core/path.h"
#include "base/file.h"
#include "base/mem.h"
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

QUEUE(outbox_line);

struct outbox_writing {
    struct job job;
    struct work *w;
    struct out_message m;
    struct outbox_line line;
    struct buf text;
    unsigned states; /* in the text, for outbox_line_keyword */
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

static int forget_file(struct outbox_writing *l, const char *path)
{
    const char *home = l->w->services->c.home;
    if (maildir_remove(home, OUTBOX_FOLDER, path, &l->why) < 0)
        return -1;
    return file_remove(path, &l->why);
}

/* What a crash left. */
static int recover(struct outbox_writing *l)
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
    (void)snprintf(out, PATH_CAP, "%s/Maildir/%s/restante-lines", home, OUTBOX_FOLDER);
}

bool outbox_mailbox_marked(const char *home)
{
    char path[PATH_CAP];
    marker_path(home, path);
    return file_exists(path);
}

static int outbox_set_marker(const char *home, struct error *e)
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
static void outbox_line_flags(struct outbox_writing *l, char out[32])
{
    size_t n = 0;
    out[n++] = 'S';
    for (unsigned i = 0; outbox_line_keyword(i) != NULL && n < 31; i++) {
        char flag[2];
        if ((l->states & 1u << i) != 0 &&
            maildir_keyword(l->w->services->c.home, OUTBOX_FOLDER, outbox_line_keyword(i), flag,
                            &l->why) == 0)
            out[n++] = flag[0];
    }
    out[n] = '\0';
    qsort(out, n, 1, by_letter);
}

static int add_new(struct outbox_writing *l)
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
    outbox_line_flags(l, flags);
    if (maildir_add(l->w->services->c.home, OUTBOX_FOLDER, l->next, name, flags, &l->why) < 0)
        return -1;
    return outbox_set_marker(l->w->services->c.home, &l->why);
}

static int outbox_replace_line(struct outbox_writing *l)
{
    int removed = 1;
    if (!outbox_mailbox_marked(l->w->services->c.home)) {
        if (forget_file(l, l->now) < 0)
            return -1;
        l->line.state = LINE_NONE;
    }
    if (l->line.state == LINE_STANDS &&
        (links_of(l->now) <= 1 || !maildir_stands(l->w->services->c.home, OUTBOX_FOLDER, l->now))) {
        l->gone = true;
        return 0;
    }
    if (add_new(l) < 0)
        return -1;
    store_crash_point("outbox_line.added");
    if (l->line.state == LINE_STANDS)
        removed = maildir_remove(l->w->services->c.home, OUTBOX_FOLDER, l->now, &l->why);
    store_crash_point("outbox_line.replaced");
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

static void outbox_line_run(struct job *job, void *thread_ctx)
{
    struct outbox_writing *l = (struct outbox_writing *)job;
    l->state = l->line.state;
    l->rc = recover(l);
    if (l->rc == 0 && l->line.pending) {
        l->rc = outbox_replace_line(l);
    } else if (l->rc == 0) {
        l->rc = forget_file(l, l->now);
        l->state = LINE_NONE;
    }
}

static void outbox_line_end(struct outbox_writing *l, const char *why)
{
    work_over(l->w, why);
    out_message_free(&l->m);
    buf_free(&l->text);
    free(l);
}

static int outbox_line_commit(struct db *db, void *arg)
{
    struct outbox_writing *l = arg;
    if (l->gone)
        return queue_delay(db, &queue_outbox_line, l->m.n, clock_wall_ms() + OUTBOX_PAUSE_MS, NULL);
    return outbox_line_set(db, &l->line, l->state, clock_wall_ms() + OUTBOX_PAUSE_MS);
}

static void outbox_line_committed(void *arg, int rc)
{
    store_crash_point("outbox_line.after");
    outbox_line_end(arg, rc != 0 ? store_refused(NULL, "a line of Outgoing") : NULL);
}

static void outbox_line_done(struct job *job)
{
    struct outbox_writing *l = (struct outbox_writing *)job;
    store_crash_point("outbox_line.before");
    if (l->rc < 0)
        outbox_line_end(l, l->why.text);
    else
        store_do(l->w->services->store, outbox_line_commit, outbox_line_committed, l);
}

static void outbox_line_start(struct work *w)
{
    struct services *sv = w->services;
    struct db *db = store_reader(sv->store);
    struct outbox_writing *l = mem_new(sizeof *l);
    if (outbox_line_get(db, w->n, &l->line) < 0 || out_get(db, w->n, &l->m) < 0) {
        free(l);
        work_retry(w, store_unread(NULL, "Its row"));
        return;
    }
    l->w = w;
    l->text = (struct buf)BUF_INIT(128 * 1024);
    home_path(sv, l->now, "inbox/lines", l->m.id, MESSAGE_ID_LEN, "");
    home_path(sv, l->next, "inbox/lines", l->m.id, MESSAGE_ID_LEN, ".new");
    (void)path_join(l->dir, sv->c.home, "inbox/lines", &l->why);
    if (l->line.pending && outbox_line_text(sv, &l->m, &l->text, &l->states) < 0)
        outbox_line_end(l, "A line of Outgoing cannot be written.");
    else
        job_run(sv->files, &l->job, outbox_line_run, outbox_line_done, true);
}

const struct step step_outbox_line = {
    .queue = &queue_outbox_line,
    .parallel = 8,
    .rank = STEP_LAST,
    .start = outbox_line_start,
};
