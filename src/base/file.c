/* SPDX-License-Identifier: GPL-3.0-or-later */
/* file.c - see file.h. */
#include "base/file.h"
#include "base/crypt.h"
#include "base/trouble.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define TAG_LEN 16 /* hex digits of a temporary file's name */

int path_join(char out[PATH_CAP], const char *dir, const char *name, struct error *e)
{
    int n = snprintf(out, PATH_CAP, "%s/%s", dir, name);
    if (n < 0 || n >= PATH_CAP)
        return error_set(e, "The path %.200s/... is too long.", dir);
    return 0;
}

int dir_make(const char *path, struct error *e)
{
    if (mkdir(path, 0700) == 0)
        return 0;
    struct stat st;
    if (errno == EEXIST && stat(path, &st) == 0 && S_ISDIR(st.st_mode))
        return 0;
    return error_set(e, "Cannot make the folder %s: %s.", path, strerror(errno));
}

static int sync_now(const char *path, struct error *e)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return error_set(e, "Cannot open the folder %s: %s.", path, strerror(errno));
    int rc = fsync(fd);
    if (rc < 0)
        (void)error_set(e, "Cannot sync the folder %s: %s.", path, strerror(errno));
    (void)close(fd);
    return rc;
}

/* A folder that is being synced. A change made before a sync begins is on the disk when that has
 * ended: who comes while one runs waits for the next, which is one for all of them. */
struct syncing {
    char path[PATH_CAP];
    unsigned users; /* 0: the place is free */
    bool running;
    uint64_t begun, ended, failed; /* numbers of syncs; the last one that failed */
    struct error why;
};

static struct syncing places[8];
static pthread_mutex_t sync_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t sync_ended = PTHREAD_COND_INITIALIZER;

static struct syncing *place_of(const char *path)
{
    struct syncing *empty = NULL;
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        if (places[i].users > 0 && strcmp(places[i].path, path) == 0)
            return &places[i];
        if (places[i].users == 0)
            empty = &places[i];
    }
    if (empty != NULL && strlen(path) < PATH_CAP) {
        *empty = (struct syncing){0};
        (void)strcpy(empty->path, path);
        return empty;
    }
    return NULL;
}

int dir_sync(const char *path, struct error *e)
{
    pthread_mutex_lock(&sync_lock);
    struct syncing *s = place_of(path);
    if (s == NULL) {
        pthread_mutex_unlock(&sync_lock);
        return sync_now(path, e);
    }
    uint64_t mine = s->begun + 1;
    s->users++;
    while (s->ended < mine) {
        if (s->running) {
            pthread_cond_wait(&sync_ended, &sync_lock);
            continue;
        }
        struct error why = {""};
        uint64_t number = ++s->begun;
        s->running = true;
        pthread_mutex_unlock(&sync_lock);
        int rc = sync_now(path, &why);
        pthread_mutex_lock(&sync_lock);
        s->running = false;
        s->ended = number;
        if (rc < 0) {
            s->failed = number;
            s->why = why;
        }
        pthread_cond_broadcast(&sync_ended);
    }
    int rc = s->failed >= mine ? error_set(e, "%s", s->why.text) : 0;
    s->users--;
    pthread_mutex_unlock(&sync_lock);
    return rc;
}

/* A sentence for what the disk refused, which is remembered too. */
static int refused(struct error *e, const char *doing, const char *path)
{
    int error = errno;
    trouble_write(path, error);
    return error_set(e, "Cannot %s %s: %s.", doing, path, strerror(error));
}

static int write_refused(struct error *e)
{
    int error = errno;
    trouble_write("a file", error);
    return error_set(e, "Cannot write: %s.", strerror(error));
}

int write_all(int fd, const void *p, size_t n, struct error *e)
{
    const char *c = p;
    while (n > 0) {
        ssize_t w = write(fd, c, n);
        if (w < 0 && errno == EINTR)
            continue;
        if (w < 0)
            return write_refused(e);
        c += w;
        n -= (size_t)w;
    }
    return 0;
}

int pwrite_all(int fd, const void *p, size_t n, off_t off, struct error *e)
{
    const char *c = p;
    while (n > 0) {
        ssize_t w = pwrite(fd, c, n, off);
        if (w < 0 && errno == EINTR)
            continue;
        if (w < 0)
            return write_refused(e);
        c += w;
        off += w;
        n -= (size_t)w;
    }
    return 0;
}

int file_write(const char *path, const void *p, size_t n, struct error *e)
{
    char tmp[PATH_CAP], dir[PATH_CAP], tag[TAG_LEN + 1];
    uint8_t r[TAG_LEN / 2];
    random_bytes(r, sizeof r);
    hex_encode(r, sizeof r, tag);
    const char *slash = strrchr(path, '/');
    size_t dlen = slash == NULL ? 1 : (size_t)(slash - path);
    if (dlen >= PATH_CAP || snprintf(tmp, sizeof tmp, "%s.%s", path, tag) >= (int)sizeof tmp)
        return error_set(e, "The path %.200s... is too long.", path);
    memcpy(dir, slash == NULL ? "." : path, dlen);
    dir[dlen] = '\0';
    int fd = open(tmp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return refused(e, "make", tmp);
    int rc = write_all(fd, p, n, e);
    if (rc == 0 && fsync(fd) < 0)
        rc = refused(e, "sync", tmp);
    if (close(fd) < 0 && rc == 0)
        rc = refused(e, "write", tmp);
    if (rc == 0 && rename(tmp, path) < 0)
        rc = refused(e, "name", path);
    if (rc < 0) {
        (void)unlink(tmp);
        return -1;
    }
    return dir_sync(dir, e);
}

bool file_is_temporary(const char *name)
{
    size_t n = strlen(name);
    return n > 1 + TAG_LEN && name[n - TAG_LEN - 1] == '.' &&
           strspn(name + n - TAG_LEN, "0123456789abcdef") == TAG_LEN;
}

int dir_drop_temporaries(const char *dir, const char *prefix, struct error *e)
{
    DIR *d = opendir(dir);
    if (d == NULL)
        return errno == ENOENT ? 0 : error_set(e, "Cannot read %s: %s.", dir, strerror(errno));
    int removed = 0;
    for (struct dirent *at; (at = readdir(d)) != NULL;)
        if (file_is_temporary(at->d_name) &&
            (prefix == NULL || strncmp(at->d_name, prefix, strlen(prefix)) == 0) &&
            unlinkat(dirfd(d), at->d_name, 0) == 0)
            removed++;
    (void)closedir(d);
    return removed;
}

int file_read(const char *path, struct buf *b, struct error *e)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return error_set(e, "Cannot open %s: %s.", path, strerror(errno));
    int rc = 0;
    char piece[16384];
    for (;;) {
        ssize_t n = read(fd, piece, sizeof piece);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            rc = error_set(e, "Cannot read %s: %s.", path, strerror(errno));
        if (n <= 0)
            break;
        if (buf_append(b, piece, (size_t)n) < 0) {
            rc = error_set(e, "%s is larger than %zu bytes.", path, b->cap);
            break;
        }
    }
    wipe(piece, sizeof piece);
    (void)close(fd);
    return rc;
}

bool file_exists(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0;
}

int file_remove(const char *path, struct error *e)
{
    if (unlink(path) == 0 || errno == ENOENT)
        return 0;
    return error_set(e, "Cannot remove %s: %s.", path, strerror(errno));
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
    (void)remove(path); /* what cannot go is reported by the emptied parent's failure */
    return 0;
}

void dir_remove_tree(const char *dir)
{
    (void)nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
}
