/* SPDX-License-Identifier: GPL-3.0-or-later */
/* maildir.c - see maildir.h. Names: Maildir++ (".Sent" beside cur, new, tmp); "name:2,flags". */
#include "flow/mail/maildir.h"
#include "base/clock.h"
#include "flow/core/services.h"
#include "flow/mail/header.h"
#include "flow/mail/inodes.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define HEAD_READ (64 * 1024) /* a Message-ID further down is not looked for */
#define SENT_FRESH_MS 1000    /* one look at Sent serves all copies that are due meanwhile */
#define SUBSCRIPTIONS_MAX (1024 * 1024)
#define SENT_BACK_MS 3600000L /* how far back a look at Sent goes, or further if asked */

struct sent_id {
    uint8_t hash[HASH_LEN]; /* of the Message-ID */
    int64_t changed_ms;
};

int maildir_path(const char *home, const char *folder, char dir[PATH_CAP], struct error *e)
{
    if (snprintf(dir, PATH_CAP, "%s/Maildir%s%s", home, *folder ? "/" : "", folder) >= PATH_CAP - 8)
        return error_set(e, "The path of the Maildir is too long.");
    return 0;
}

int maildir_make(const char *home, const char *folder, char dir[PATH_CAP], struct error *e)
{
    char sub[PATH_CAP];
    if (maildir_path(home, folder, dir, e) < 0 || dir_make(dir, e) < 0)
        return -1;
    static const char *const part[] = {"tmp", "new", "cur"};
    for (size_t i = 0; i < 3; i++)
        if (path_join(sub, dir, part[i], e) < 0 || dir_make(sub, e) < 0)
            return -1;
    return 0;
}

/* The subscriptions of a Maildir are a name a line. */
static int unsubscribe(const char *home, const char *name, struct error *e)
{
    char root[PATH_CAP], path[PATH_CAP];
    struct buf old = BUF_INIT(SUBSCRIPTIONS_MAX), new = BUF_INIT(SUBSCRIPTIONS_MAX);
    int rc = maildir_path(home, "", root, e);
    if (rc == 0)
        rc = path_join(path, root, "subscriptions", e);
    if (rc < 0 || !file_exists(path))
        return rc;
    rc = file_read(path, &old, e);
    for (size_t at = 0; rc == 0 && at < old.len;) {
        const char *line = (const char *)old.data + at;
        const char *end = memchr(line, '\n', old.len - at);
        size_t n = end == NULL ? old.len - at : (size_t)(end - line);
        size_t whole = end == NULL ? n : n + 1;
        if (n != strlen(name) || memcmp(line, name, n) != 0)
            rc = buf_append(&new, line, whole) < 0 ? error_set(e, "%s is too long.", path) : 0;
        at += whole;
    }
    if (rc == 0 && new.len != old.len)
        rc = file_write(path, new.data, new.len, e);
    buf_free(&old);
    buf_free(&new);
    return rc;
}

int maildir_rename(const char *home, const char *from, const char *to, struct error *e)
{
    char old[PATH_CAP], new[PATH_CAP];
    if (maildir_path(home, from, old, e) < 0 || maildir_path(home, to, new, e) < 0)
        return -1;
    if (!file_exists(old) || file_exists(new))
        return 0;
    if (rename(old, new) < 0)
        return error_set(e, "Cannot rename %s: %s.", old, strerror(errno));
    return unsubscribe(home, from + 1, e);
}

int maildir_add(const char *home, const char *folder, const char *file, const char *name,
                const char *flags, struct error *e)
{
    char dir[PATH_CAP], sub[PATH_CAP], path[PATH_CAP];
    if (maildir_path(home, folder, dir, e) < 0 ||
        path_join(sub, dir, flags != NULL ? "cur" : "new", e) < 0)
        return -1;
    if (snprintf(path, sizeof path, "%s/%s%s%s", sub, name, flags != NULL ? ":2," : "",
                 flags != NULL ? flags : "") >= (int)sizeof path)
        return error_set(e, "The path of the Maildir is too long.");
    int rc = link(file, path);
    if (rc < 0 && errno == ENOENT) { /* the first in this folder */
        if (maildir_make(home, folder, dir, e) < 0)
            return -1;
        rc = link(file, path);
    }
    if (rc < 0 && errno != EEXIST)
        return error_set(e, "Cannot link %s: %s.", path, strerror(errno));
    return dir_sync(sub, e);
}

bool maildir_stands(const char *home, const char *folder, const char *file)
{
    static const char *const part[] = {"new", "cur"};
    struct stat st;
    bool found = false;
    if (stat(file, &st) < 0)
        return false;
    for (size_t i = 0; i < 2 && !found; i++) {
        char dir[PATH_CAP];
        (void)snprintf(dir, sizeof dir, "%s/Maildir%s%s/%s", home, *folder ? "/" : "", folder,
                       part[i]);
        DIR *d = opendir(dir);
        if (d == NULL)
            continue;
        for (struct dirent *at; !found && (at = readdir(d)) != NULL;)
            found = at->d_ino == st.st_ino;
        (void)closedir(d);
    }
    return found;
}

int maildir_find(const char *home, const char *folder, const char *name, bool remove)
{
    static const char *const part[] = {"new", "cur"};
    size_t len = strlen(name);
    int found = 0;
    for (size_t i = 0; i < 2; i++) {
        char dir[PATH_CAP], path[PATH_CAP];
        struct error e;
        if (snprintf(dir, sizeof dir, "%s/Maildir%s%s/%s", home, *folder ? "/" : "", folder,
                     part[i]) >= (int)sizeof dir)
            return 0;
        DIR *d = opendir(dir);
        if (d == NULL)
            continue;
        for (struct dirent *at; (at = readdir(d)) != NULL;) {
            if (strncmp(at->d_name, name, len) != 0 ||
                (at->d_name[len] != '\0' && at->d_name[len] != ':'))
                continue;
            found = 1;
            if (remove && path_join(path, dir, at->d_name, &e) == 0)
                (void)unlink(path);
        }
        (void)closedir(d);
    }
    return found;
}

/* "<seconds>.O<id>.restante,...": the daemon's own copies, as sent.c names them. */
static bool is_own_copy(const char *name)
{
    const char *at = name + strspn(name, "0123456789");
    return at[0] == '.' && at[1] == 'O' &&
           strspn(at + 2, "0123456789abcdef") == (size_t)2 * MESSAGE_ID_LEN &&
           strncmp(at + 2 + 2 * MESSAGE_ID_LEN, ".restante,", 10) == 0;
}

struct maildir {
    struct inodes trash;  /* Trash and Junk */
    pthread_mutex_t lock; /* of the following: the Message-IDs in Sent that are not ours */
    struct sent_id *ids;
    size_t count, room;
    int64_t read_ms, back_ms; /* when the look at Sent began that found them, and how far it went */
};

static struct maildir *maildir_of(const struct services *sv)
{
    return module_state(sv, &maildir_module);
}

static void maildir_remember_folder(struct maildir *m, int dir, const char *name)
{
    struct stat st;
    if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
        (int64_t)st.st_ctim.tv_sec * 1000 < m->back_ms)
        return;
    if (m->count == m->room) {
        size_t room = m->room == 0 ? 64 : 2 * m->room;
        struct sent_id *ids = reallocarray(m->ids, room, sizeof *ids);
        if (ids == NULL)
            return;
        m->ids = ids;
        m->room = room;
    }
    int fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return;
    uint8_t *p = malloc(HEAD_READ);
    ssize_t n = p == NULL ? -1 : pread(fd, p, HEAD_READ, 0);
    struct buf value = BUF_INIT(1024);
    if (n > 0 && header_value(p, (size_t)n, "message-id", 1000, &value) == 0) {
        struct sent_id *id = &m->ids[m->count++];
        sha256(value.data, value.len, id->hash);
        id->changed_ms = (int64_t)st.st_ctim.tv_sec * 1000;
    }
    buf_free(&value);
    free(p);
    (void)close(fd);
}

static void read_sent(struct maildir *m, const char *home)
{
    static const char *const part[] = {"new", "cur"};
    m->count = 0;
    m->read_ms = clock_wall_ms();
    for (size_t i = 0; i < 2; i++) {
        char dir[PATH_CAP];
        if (snprintf(dir, sizeof dir, "%s/Maildir/" SENT_FOLDER "/%s", home, part[i]) >=
            (int)sizeof dir)
            return;
        DIR *d = opendir(dir);
        if (d == NULL)
            continue;
        for (struct dirent *at; (at = readdir(d)) != NULL;)
            if (at->d_name[0] != '.' && !is_own_copy(at->d_name))
                maildir_remember_folder(m, dirfd(d), at->d_name);
        (void)closedir(d);
    }
}

bool maildir_sent_has(struct services *sv, const char *msgid, int64_t since_ms, int64_t until_ms)
{
    struct maildir *m = maildir_of(sv);
    uint8_t hash[HASH_LEN];
    bool found = false;
    sha256(msgid, strlen(msgid), hash);
    pthread_mutex_lock(&m->lock);
    int64_t now = clock_wall_ms();
    if (m->read_ms < until_ms || since_ms < m->back_ms || now < m->read_ms ||
        now - m->read_ms > SENT_FRESH_MS) {
        m->back_ms = since_ms < now - SENT_BACK_MS ? since_ms : now - SENT_BACK_MS;
        read_sent(m, sv->c.home);
    }
    for (size_t i = 0; i < m->count && !found; i++)
        found = m->ids[i].changed_ms >= since_ms && memcmp(m->ids[i].hash, hash, HASH_LEN) == 0;
    pthread_mutex_unlock(&m->lock);
    return found;
}

void maildir_trash_read(struct services *sv)
{
    struct inodes *s = &maildir_of(sv)->trash;
    s->count = 0;
    inodes_read(s, sv->c.home, ".Trash");
    inodes_read(s, sv->c.home, ".Junk");
    inodes_sort(s);
}

bool maildir_trash_has(const struct services *sv, ino_t inode)
{
    return inodes_has(&maildir_of(sv)->trash, inode);
}

static int maildir_start(struct services *sv, struct error *e)
{
    char dir[PATH_CAP];
    (void)module_new(sv, &maildir_module, sizeof(struct maildir));
    (void)pthread_mutex_init(&maildir_of(sv)->lock, NULL);
    return maildir_make(sv->c.home, "", dir, e);
}

static void maildir_free(struct services *sv)
{
    if (maildir_of(sv) != NULL) {
        inodes_free(&maildir_of(sv)->trash);
        (void)pthread_mutex_destroy(&maildir_of(sv)->lock);
        free(maildir_of(sv)->ids);
    }
}

const struct module maildir_module = {.start = maildir_start, .free = maildir_free};
