/* SPDX-License-Identifier: GPL-3.0-or-later */
/* home_draft.c - see home.h: a home is built under another name and appears whole or not at all. */
#include "daemon/home.h"
#include "base/crypt.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define DRAFT_MARK ".new-"
#define DRAFT_TAIL 6 /* octets that mkdtemp chooses */

static int sync_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
    if (type != FTW_F && type != FTW_DP)
        return type == FTW_SL ? 0 : -1;
    int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return -1;
    int rc = fsync(fd);
    (void)close(fd);
    return rc;
}

/* Opens and locks a draft's folder; -1 when somebody else holds it or it is not ours. */
static int lock_dir(const char *dir)
{
    struct stat st;
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return -1;
    if (fstat(fd, &st) == 0 && st.st_uid == geteuid() && flock(fd, LOCK_EX | LOCK_NB) == 0)
        return fd;
    (void)close(fd);
    return -1;
}

/* An init that was killed leaves a draft with a secret key in it: nobody holds its lock. */
static void clear_leftovers(const char *target)
{
    char parent[PATH_CAP], path[PATH_CAP];
    const char *slash = strrchr(target, '/');
    if (slash == NULL)
        return;
    size_t plen = slash == target ? 1 : (size_t)(slash - target), nlen = strlen(slash + 1);
    memcpy(parent, target, plen);
    parent[plen] = '\0';
    DIR *d = opendir(parent);
    if (d == NULL)
        return;
    for (const struct dirent *f = readdir(d); f != NULL; f = readdir(d)) {
        if (strncmp(f->d_name, slash + 1, nlen) != 0 ||
            strncmp(f->d_name + nlen, DRAFT_MARK, strlen(DRAFT_MARK)) != 0 ||
            strlen(f->d_name) != nlen + strlen(DRAFT_MARK) + DRAFT_TAIL)
            continue;
        if (path_join(path, plen == 1 ? "" : parent, f->d_name, NULL) < 0)
            continue;
        int fd = lock_dir(path);
        if (fd < 0)
            continue;
        dir_remove_tree(path);
        (void)close(fd);
    }
    (void)closedir(d);
}

int home_target_ok(const char *target, struct error *e)
{
    struct stat st;
    if (home_path_ok(target, e) < 0)
        return -1;
    if (lstat(target, &st) < 0)
        return errno == ENOENT ? 0
                               : error_set(e, "Cannot look at %s: %s.", target, strerror(errno));
    DIR *d = S_ISDIR(st.st_mode) ? opendir(target) : NULL;
    bool empty = d != NULL;
    if (d != NULL) {
        for (const struct dirent *f = readdir(d); f != NULL; f = readdir(d))
            if (strcmp(f->d_name, ".") != 0 && strcmp(f->d_name, "..") != 0)
                empty = false;
        (void)closedir(d);
    }
    if (empty)
        return 0;
    char config[PATH_CAP];
    if (path_join(config, target, "config", NULL) == 0 && file_exists(config))
        return error_set(e,
                         "%s already is a Restante home; `restante --home %s account` prints "
                         "its settings. Nothing was changed.",
                         target, target);
    return error_set(e,
                     "%s exists and is not empty; choose another folder with --home DIR. "
                     "Nothing was changed.",
                     target);
}

int home_draft_begin(struct home_draft *d, const char *target, struct error *e)
{
    d->lock_fd = -1;
    if (home_target_ok(target, e) < 0)
        return -1;
    clear_leftovers(target);
    (void)snprintf(d->target, sizeof d->target, "%s", target);
    (void)snprintf(d->dir, sizeof d->dir, "%s" DRAFT_MARK "XXXXXX", target);
    if (mkdtemp(d->dir) == NULL)
        return error_set(e, "Cannot make a folder beside %s: %s.", target, strerror(errno));
    d->lock_fd = lock_dir(d->dir);
    if (d->lock_fd < 0) {
        (void)error_set(e, "Cannot lock %s: %s.", d->dir, strerror(errno));
        dir_remove_tree(d->dir);
        return -1;
    }
    if (home_probe(d->dir, e) < 0 || home_make_folders(d->dir, e) < 0) {
        home_draft_abandon(d);
        return -1;
    }
    return 0;
}

int home_draft_commit(struct home_draft *d, struct error *e)
{
    char parent[PATH_CAP];
    if (home_format_set(d->dir, e) < 0)
        return -1;
    if (nftw(d->dir, sync_one, 16, FTW_DEPTH | FTW_PHYS) != 0)
        return error_set(e, "Cannot sync the files in %s: %s.", d->dir, strerror(errno));
    if (rename(d->dir, d->target) < 0)
        return error_set(e, "Cannot rename %s to %s: %s.", d->dir, d->target, strerror(errno));
    (void)close(d->lock_fd);
    d->lock_fd = -1;
    size_t n = (size_t)(strrchr(d->target, '/') - d->target);
    memcpy(parent, d->target, n);
    parent[n] = '\0';
    return dir_sync(n == 0 ? "/" : parent, e);
}

void home_draft_abandon(struct home_draft *d)
{
    if (d->lock_fd < 0)
        return;
    dir_remove_tree(d->dir);
    (void)close(d->lock_fd);
    d->lock_fd = -1;
}

/* ---- what the file system must be able to do ---- */

static int probe_file(const char *path, ino_t *ino, struct error *e)
{
    struct stat st = {0};
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return error_set(e, "Cannot make a file in the home: %s: %s.", path, strerror(errno));
    int rc = fstat(fd, &st);
    (void)close(fd);
    *ino = st.st_ino;
    return rc < 0 ? error_set(e, "Cannot look at %s: %s.", path, strerror(errno)) : 0;
}

static int probe_steps(const char *dir, const char *a, const char *b, const char *c,
                       struct error *e)
{
    static const char advice[] = "choose a home on ext4, XFS, Btrfs or tmpfs";
    ino_t ino_a = 0, ino_b = 0;
    struct stat st;
    if (probe_file(a, &ino_a, e) < 0 || probe_file(b, &ino_b, e) < 0)
        return -1;
    if (link(a, c) < 0)
        return error_set(e, "The file system of %s has no hard links (%s), which stubs need: %s.",
                         dir, strerror(errno), advice);
    if (lstat(c, &st) < 0 || st.st_nlink != 2 || st.st_ino != ino_a)
        return error_set(e,
                         "The file system of %s does not count hard links, which stubs need: "
                         "%s.",
                         dir, advice);
    if (renameat2(AT_FDCWD, a, AT_FDCWD, b, RENAME_EXCHANGE) < 0)
        return error_set(e,
                         "The file system of %s cannot exchange two files (%s), which opening "
                         "a stub needs: %s.",
                         dir, strerror(errno), advice);
    if (lstat(a, &st) < 0 || st.st_ino != ino_b)
        return error_set(e, "The file system of %s does not exchange files truly: %s.", dir,
                         advice);
    return 0;
}

int home_probe(const char *dir, struct error *e)
{
    char a[PATH_CAP], b[PATH_CAP], c[PATH_CAP], tag[17], name[32];
    uint8_t r[8];
    char *const paths[] = {a, b, c};
    random_bytes(r, sizeof r);
    hex_encode(r, sizeof r, tag);
    for (size_t i = 0; i < 3; i++) {
        (void)snprintf(name, sizeof name, ".probe-%s-%c", tag, (char)('a' + i));
        if (path_join(paths[i], dir, name, e) < 0)
            return -1;
    }
    int rc = probe_steps(dir, a, b, c, e);
    for (size_t i = 0; i < 3; i++)
        (void)unlink(paths[i]);
    return rc;
}
