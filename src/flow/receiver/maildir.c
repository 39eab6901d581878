/* SPDX-License-Identifier: GPL-3.0-or-later */
/* maildir.c - see maildir.h. Names: Maildir++ (".Sent" beside cur, new, tmp); "name:2,flags". */
#include "flow/receiver/maildir.h"
#include "base/clock.h"
#include "flow/flow.h"
#include "flow/sender/header.h"
#include "flow/receiver/inodes.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define HEAD_READ (64 * 1024) /* a Message-ID further down is not looked for */

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

static bool carries(int dir, const char *name, const char *msgid, int64_t since_ms)
{
    struct stat st;
    if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
        (int64_t)st.st_ctim.tv_sec * 1000 < since_ms)
        return false;
    int fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return false;
    uint8_t *p = malloc(HEAD_READ);
    ssize_t n = p == NULL ? -1 : pread(fd, p, HEAD_READ, 0);
    struct buf value = BUF_INIT(1024);
    bool yes = n > 0 && header_value(p, (size_t)n, "message-id", 1000, &value) == 0 &&
               value.len == strlen(msgid) && memcmp(value.data, msgid, value.len) == 0;
    buf_free(&value);
    free(p);
    (void)close(fd);
    return yes;
}

/* "<seconds>.O<id>.restante,...": the daemon's own copies, as sent.c names them. */
static bool is_own_copy(const char *name)
{
    const char *at = name + strspn(name, "0123456789");
    return at[0] == '.' && at[1] == 'O' &&
           strspn(at + 2, "0123456789abcdef") == (size_t)2 * MESSAGE_ID_LEN &&
           strncmp(at + 2 + 2 * MESSAGE_ID_LEN, ".restante,", 10) == 0;
}

bool maildir_has_message(const char *home, const char *folder, const char *msgid, int64_t since_ms)
{
    static const char *const part[] = {"new", "cur"};
    bool found = false;
    for (size_t i = 0; i < 2 && !found; i++) {
        char dir[PATH_CAP];
        if (snprintf(dir, sizeof dir, "%s/Maildir/%s/%s", home, folder, part[i]) >= (int)sizeof dir)
            return false;
        DIR *d = opendir(dir);
        if (d == NULL)
            continue;
        for (struct dirent *at; !found && (at = readdir(d)) != NULL;)
            if (at->d_name[0] != '.' && !is_own_copy(at->d_name))
                found = carries(dirfd(d), at->d_name, msgid, since_ms);
        (void)closedir(d);
    }
    return found;
}

struct maildir {
    struct inodes trash; /* Trash and Junk */
};

void maildir_trash_read(struct flow *f)
{
    struct inodes *s = &f->maildir->trash;
    s->count = 0;
    inodes_read(s, f->c.home, ".Trash");
    inodes_read(s, f->c.home, ".Junk");
    inodes_sort(s);
}

bool maildir_trash_has(const struct flow *f, ino_t inode)
{
    return inodes_has(&f->maildir->trash, inode);
}

int maildir_start(struct flow *f, struct error *e)
{
    char dir[PATH_CAP];
    f->maildir = calloc(1, sizeof *f->maildir);
    return f->maildir == NULL ? error_set(e, "Out of memory.")
                              : maildir_make(f->c.home, "", dir, e);
}

void maildir_free(struct flow *f)
{
    if (f->maildir != NULL)
        inodes_free(&f->maildir->trash);
    free(f->maildir);
    f->maildir = NULL;
}
