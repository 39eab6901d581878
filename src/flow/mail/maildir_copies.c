/* SPDX-License-Identifier: GPL-3.0-or-later */
/* maildir_copies.c - all that stands in the Maildir of one file, known by its inode: it is
 * exchanged, replaced, removed or counted in whatever folders the user put it; see maildir.h. A
 * mail program may rename a copy at any moment. */
#include "base/crypt.h"
#include "flow/mail/maildir.h"
#include "base/file.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Calls fn for every folder's cur and new ("Maildir/.X/cur"), until it does not return 0. */
static int each_dir(const char *home, int (*fn)(const char *dir, const char *folder, void *ctx),
                    void *ctx)
{
    char root[PATH_CAP], dir[PATH_CAP];
    if (snprintf(root, sizeof root, "%s/Maildir", home) >= (int)sizeof root)
        return -1;
    DIR *d = opendir(root);
    if (d == NULL)
        return -1;
    int rc = 0;
    for (struct dirent *at; rc == 0 && (at = readdir(d)) != NULL;) {
        const char *folder = strcmp(at->d_name, ".") == 0 ? "" : at->d_name;
        if (strcmp(folder, "..") == 0 || (*folder != '\0' && *folder != '.'))
            continue;
        for (int i = 0; rc == 0 && i < 2; i++) {
            int n = snprintf(dir, sizeof dir, "%s%s%s/%s", root, *folder ? "/" : "", folder,
                             i == 0 ? "new" : "cur");
            if (n > 0 && n < (int)sizeof dir)
                rc = fn(dir, folder, ctx);
        }
    }
    (void)closedir(d);
    return rc;
}

struct filling {
    const char *home, *full;
    ino_t inode;
    struct timespec times[2];
    unsigned filled;
    bool unread; /* a folder could not be looked into: e says why */
    struct error *e;
};

/* The flag that stands for UNFETCHED_KEYWORD goes from the name. Who gave the file another name
 * meanwhile keeps it; a list then shows the keyword, and nothing else is wrong. */
static void copies_fetched(const char *path, const char *flag)
{
    char without[PATH_CAP];
    const char *flags = strstr(strrchr(path, '/'), ":2,");
    const char *at = flags == NULL || *flag == '\0' ? NULL : strchr(flags + 3, *flag);
    if (at == NULL)
        return;
    (void)snprintf(without, sizeof without, "%.*s%s", (int)(at - path), path, at + 1);
    (void)renameat2(AT_FDCWD, path, AT_FDCWD, without, RENAME_NOREPLACE);
}

/* tmp holds what was swapped out of path and is not the stub: it may be the only copy of somebody's
 * mail, and is never removed. 0, or -1 and it stands in lost/. */
static int put_back(struct filling *x, const char *tmp, const char *path)
{
    char lost[PATH_CAP];
    struct stat st, full;
    if (renameat2(AT_FDCWD, tmp, AT_FDCWD, path, RENAME_EXCHANGE) == 0 && stat(tmp, &st) == 0 &&
        stat(x->full, &full) == 0 && st.st_ino == full.st_ino) {
        (void)unlink(tmp);
        return 0;
    }
    /* what stood at path has gone: what we hold takes the free name, or goes where it is found */
    if (renameat2(AT_FDCWD, tmp, AT_FDCWD, path, RENAME_NOREPLACE) == 0)
        return 0;
    const char *name = strrchr(tmp, '/') + 1;
    int n = snprintf(lost, sizeof lost, "%s/lost/%s", x->home, name);
    if (n > 0 && n < (int)sizeof lost && rename(tmp, lost) == 0)
        return error_set(x->e, "A file that was in the way of a message stands in lost/%s.", name);
    return error_set(x->e, "A file that was in the way of a message stands at %s.", tmp);
}

/* 0 done or the name is gone meanwhile, -1 error. flag: of UNFETCHED_KEYWORD there, or "". */
static int exchange(struct filling *x, const char *path, const char *flag)
{
    char tmp[PATH_CAP], tag[17];
    uint8_t r[8];
    struct stat st;
    random_bytes(r, sizeof r);
    hex_encode(r, sizeof r, tag);
    if (stat(path, &st) < 0 || st.st_ino != x->inode)
        return 0;
    if (snprintf(tmp, sizeof tmp, "%s/Maildir/tmp/%s.fill", x->home, tag) >= (int)sizeof tmp)
        return error_set(x->e, "The path of the Maildir is too long.");
    if (link(x->full, tmp) < 0)
        return error_set(x->e, "Cannot link %s: %s.", tmp, strerror(errno));
    int rc = renameat2(AT_FDCWD, tmp, AT_FDCWD, path, RENAME_EXCHANGE);
    if (rc < 0) { /* tmp is still our own link */
        rc =
            errno == ENOENT ? 0 : error_set(x->e, "Cannot exchange %s: %s.", path, strerror(errno));
    } else if (stat(tmp, &st) < 0) {
        return error_set(x->e, "Cannot look at %s: %s.", tmp, strerror(errno));
    } else if (st.st_ino != x->inode) { /* somebody put another file there since we looked */
        return put_back(x, tmp, path);
    } else {
        x->filled++;
        copies_fetched(path, flag);
    }
    (void)unlink(tmp);
    return rc;
}

static int fill_dir(const char *dir, const char *folder, void *ctx)
{
    struct filling *x = ctx;
    DIR *d = opendir(dir);
    if (d == NULL && errno != ENOENT && errno != ENOTDIR) { /* copies may stand in others */
        (void)error_set(x->e, "Cannot read %s: %s.", dir, strerror(errno));
        x->unread = true;
    }
    if (d == NULL)
        return 0;
    char flag[2] = "", path[PATH_CAP];
    bool known = false;
    unsigned before = x->filled;
    int rc = 0;
    for (struct dirent *at; rc == 0 && (at = readdir(d)) != NULL;) {
        if (at->d_ino != x->inode)
            continue;
        if (!known && snprintf(path, sizeof path, "%.*s", (int)strlen(dir) - 4, dir) > 0)
            known = true, (void)maildir_keyword_known(path, UNFETCHED_KEYWORD, flag);
        if (path_join(path, dir, at->d_name, x->e) == 0)
            rc = exchange(x, path, flag);
    }
    (void)closedir(d);
    if (rc == 0 && x->filled != before)
        rc = dir_sync(dir, x->e);
    return rc;
}

/* Where it most likely is: as it came, or with no flag or the usual one. */
static int fill_hint(struct filling *x, const char *hint)
{
    static const struct {
        const char *part, *flags;
    } form[] = {{"cur", ":2,"}, {"cur", ":2,S"}, {"new", ":2,"}};
    char path[PATH_CAP], flag[2] = "";
    if (maildir_path(x->home, "", path, x->e) == 0)
        (void)maildir_keyword_known(path, UNFETCHED_KEYWORD, flag);
    for (size_t i = 0; i < 3 && x->filled == 0; i++) {
        int n = snprintf(path, sizeof path, "%s/Maildir/%s/%s%s%s", x->home, form[i].part, hint,
                         i == 2 && *flag == '\0' ? "" : form[i].flags, flag);
        if (n > 0 && n < (int)sizeof path && exchange(x, path, flag) < 0)
            return -1;
        if (x->filled > 0) {
            *strrchr(path, '/') = '\0';
            return dir_sync(path, x->e);
        }
    }
    return 0;
}

int maildir_fill(const char *home, const char *stub, const char *full, const char *hint,
                 struct error *e)
{
    struct stat st;
    struct filling x = {.home = home, .full = full, .e = e};
    if (stat(stub, &st) < 0)
        return errno == ENOENT ? 1 : error_set(e, "Cannot look at %s: %s.", stub, strerror(errno));
    x.inode = st.st_ino;
    x.times[0] = st.st_atim;
    x.times[1] = st.st_mtim;
    if (utimensat(AT_FDCWD, full, x.times, 0) < 0)
        return error_set(e, "Cannot set the time of %s: %s.", full, strerror(errno));
    if (fill_hint(&x, hint) < 0)
        return -1;
    /* a flag may be changed by renaming while a folder is read: look again while copies remain */
    for (int i = 0; i < 50; i++) {
        if (stat(stub, &st) < 0 || st.st_nlink == 1)
            return x.filled > 0 ? 0 : 1;
        if (each_dir(home, fill_dir, &x) < 0)
            return -1;
        if (i > 5)
            (void)usleep(2000);
    }
    return x.unread ? -1 : 2;
}

struct replacing {
    ino_t inode;
    bool found, remove;
    char folder[256]; /* of a copy */
    struct error *e;
};

static bool is_trash(const char *folder)
{
    return strcmp(folder, ".Trash") == 0 || strcmp(folder, ".Junk") == 0;
}

static int replace_dir(const char *dir, const char *folder, void *ctx)
{
    struct replacing *x = ctx;
    DIR *d = opendir(dir);
    if (d == NULL)
        return 0;
    bool removed = false;
    for (struct dirent *at; (at = readdir(d)) != NULL;) {
        char path[PATH_CAP];
        if (at->d_ino != x->inode)
            continue;
        if (x->remove && path_join(path, dir, at->d_name, x->e) == 0)
            removed |= unlink(path) == 0;
        if (!is_trash(folder) && (!x->found || *folder == '\0')) {
            x->found = true;
            (void)snprintf(x->folder, sizeof x->folder, "%s", folder);
        }
    }
    (void)closedir(d);
    return removed ? dir_sync(dir, x->e) : 0;
}

/* Where the notice shall stand. A copy that changes its name while its folder is read is in none:
 * so the link count says when all have been seen (the daemon's own link is one). */
static int find_folder(const char *home, const char *stub, struct replacing *x)
{
    struct stat st;
    for (int i = 0; i < 50; i++) {
        unsigned elsewhere, trash;
        if (each_dir(home, replace_dir, x) < 0)
            return -1;
        maildir_count(home, x->inode, &elsewhere, &trash);
        if (x->found || stat(stub, &st) < 0 || st.st_nlink <= 1 + trash)
            return 0;
        if (i > 5)
            (void)usleep(2000);
    }
    return error_set(x->e, "A copy of the stub cannot be found in the Maildir.");
}

int maildir_replace(const char *home, const char *stub, const char *notice, const char *name,
                    struct error *e)
{
    struct stat st, have;
    struct replacing x = {.e = e};
    if (stat(stub, &st) < 0)
        return errno == ENOENT ? 0 : error_set(e, "Cannot look at %s: %s.", stub, strerror(errno));
    x.inode = st.st_ino;
    if (stat(notice, &have) < 0)
        return error_set(e, "Cannot look at %s: %s.", notice, strerror(errno));
    if (have.st_nlink == 1 && find_folder(home, stub, &x) < 0)
        return -1;
    if (x.found && maildir_add(home, x.folder, notice, name, NULL, e) < 0)
        return -1;
    x.remove = true;
    for (int i = 0; i < 50; i++) {
        if (stat(stub, &st) < 0 || st.st_nlink == 1)
            return 0;
        if (each_dir(home, replace_dir, &x) < 0)
            return -1;
    }
    return error_set(e, "A copy of the stub cannot be found in the Maildir.");
}

struct removing {
    ino_t inode;
    int removed;
};

static int remove_dir(const char *dir, const char *folder, void *ctx)
{
    struct removing *x = ctx;
    DIR *d = opendir(dir);
    if (d == NULL)
        return 0;
    int before = x->removed;
    struct error e;
    for (struct dirent *at; (at = readdir(d)) != NULL;) {
        char path[PATH_CAP];
        struct stat st;
        if (at->d_ino == x->inode && path_join(path, dir, at->d_name, &e) == 0 &&
            stat(path, &st) == 0 && st.st_ino == x->inode && unlink(path) == 0)
            x->removed++;
    }
    (void)closedir(d);
    return x->removed != before ? dir_sync(dir, &e) : 0;
}

int maildir_remove(const char *home, const char *folder, const char *file, struct error *e)
{
    struct stat st;
    char dir[PATH_CAP], cur[PATH_CAP];
    if (stat(file, &st) < 0)
        return errno == ENOENT ? 0 : error_set(e, "Cannot look at %s: %s.", file, strerror(errno));
    struct removing x = {.inode = st.st_ino};
    if (st.st_nlink > 1 && maildir_path(home, folder, dir, e) == 0 &&
        path_join(cur, dir, "cur", e) == 0)
        (void)remove_dir(cur, folder, &x);
    /* a flag may be changed by renaming while a folder is read: look again while copies remain */
    for (int i = 0; i < 50; i++) {
        if (stat(file, &st) < 0 || st.st_nlink == 1)
            return x.removed;
        if (each_dir(home, remove_dir, &x) != 0)
            break;
    }
    return error_set(e, "A copy of %s cannot be removed from the Maildir.", file);
}

struct counting {
    ino_t inode;
    unsigned elsewhere, trash;
};

static int count_dir(const char *dir, const char *folder, void *ctx)
{
    struct counting *c = ctx;
    bool trash = is_trash(folder);
    DIR *d = opendir(dir);
    if (d == NULL)
        return 0;
    for (struct dirent *at; (at = readdir(d)) != NULL;)
        if (at->d_ino == c->inode)
            *(trash ? &c->trash : &c->elsewhere) += 1;
    (void)closedir(d);
    return 0;
}

void maildir_count(const char *home, ino_t inode, unsigned *elsewhere_r, unsigned *trash_r)
{
    struct counting c = {.inode = inode};
    (void)each_dir(home, count_dir, &c);
    *elsewhere_r = c.elsewhere;
    *trash_r = c.trash;
}
