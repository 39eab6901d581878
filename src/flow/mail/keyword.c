/* SPDX-License-Identifier: GPL-3.0-or-later */
/* keyword.c - IMAP keywords of a Maildir as Dovecot keeps them: the file dovecot-keywords of a
 * folder names up to 26, one a line ("0 $Foreign"), and the letters a to z of a file name's flags
 * stand for them. Who changes that file holds dovecot-keywords.lock, and puts the new one in its
 * place. */
#include "base/file.h"
#include "flow/mail/maildir.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define KEYWORDS 26
#define FILE_MAX (64 * 1024)
#define WAIT_MS 3000
#define STALE_S 120 /* who locked it is gone */

/* Its number; -1 when it is not there, and *free_r the first free one. */
static int keyword_look(struct buf *file, const char *name, int *free_r)
{
    bool used[KEYWORDS] = {false};
    int found = -1;
    char *rest = NULL, *text = buf_append(file, "", 1) < 0 ? NULL : (char *)file->data;
    for (char *line = text == NULL ? NULL : strtok_r(text, "\n", &rest); line != NULL;
         line = strtok_r(NULL, "\n", &rest)) {
        char *end = NULL;
        long n = strtol(line, &end, 10);
        if (end == line || *end != ' ' || n < 0 || n >= KEYWORDS)
            continue;
        used[n] = true;
        if (strcasecmp(end + 1, name) == 0)
            found = (int)n;
    }
    for (*free_r = 0; *free_r < KEYWORDS && used[*free_r]; ++*free_r)
        ;
    return found;
}

static int read_names(const char *path, struct buf *b, struct error *e)
{
    *b = (struct buf)BUF_INIT(FILE_MAX);
    return file_exists(path) ? file_read(path, b, e) : 0;
}

static int lock(const char *path, struct error *e)
{
    struct stat st;
    for (int waited = 0; waited < WAIT_MS; waited += 20) {
        int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        if (fd >= 0 || errno != EEXIST)
            return fd >= 0 ? fd : error_set(e, "Cannot make %s: %s.", path, strerror(errno));
        if (stat(path, &st) == 0 && time(NULL) - st.st_mtime > STALE_S)
            (void)unlink(path);
        (void)usleep(20000);
    }
    return error_set(e, "%s is locked.", path);
}

/* Dovecot reads the file again when its time is another, in seconds. */
static int set_newer(int fd, const char *path)
{
    struct stat st;
    struct timespec t[2] = {{.tv_sec = time(NULL)}, {.tv_sec = time(NULL)}};
    if (stat(path, &st) == 0 && st.st_mtime >= t[1].tv_sec)
        t[1].tv_sec = st.st_mtime + 1;
    return futimens(fd, t);
}

/* Under the lock: what stands there now and the new line go into the lock file, which takes the
 * file's place; otherwise it goes. */
static int keyword_add(const char *path, const char *lock_path, int fd, const char *name,
                       struct error *e)
{
    bool ours = true;
    struct buf b, whole = BUF_INIT(FILE_MAX);
    int next, found = -1, rc = read_names(path, &b, e);
    if (rc == 0)
        rc = buf_append(&whole, b.data, b.len);
    if (rc == 0 && whole.len > 0 && whole.data[whole.len - 1] != '\n')
        rc = buf_append(&whole, "\n", 1);
    if (rc == 0 && (found = keyword_look(&b, name, &next)) < 0) {
        if (next == KEYWORDS)
            rc = error_set(e, "%s has no room for another keyword.", path);
        else if (buf_printf(&whole, "%d %s\n", next, name) < 0 ||
                 write_all(fd, whole.data, whole.len, e) < 0 || set_newer(fd, path) < 0 ||
                 fsync(fd) < 0 || rename(lock_path, path) < 0)
            rc = error_set(e, "Cannot write %s: %s.", path, strerror(errno));
        else
            ours = (found = next) < 0; /* its name may be somebody else's by now */
    }
    if (ours)
        (void)unlink(lock_path);
    buf_free(&b);
    buf_free(&whole);
    return rc < 0 ? -1 : found;
}

bool maildir_keyword_known(const char *dir, const char *name, char flag_r[2])
{
    char path[PATH_CAP];
    struct buf b = BUF_INIT(FILE_MAX);
    int next, found = -1;
    if (path_join(path, dir, "dovecot-keywords", NULL) == 0 && read_names(path, &b, NULL) == 0)
        found = keyword_look(&b, name, &next);
    buf_free(&b);
    flag_r[0] = (char)(found < 0 ? '\0' : 'a' + found);
    flag_r[1] = '\0';
    return found >= 0;
}

int maildir_keyword(const char *home, const char *folder, const char *name, char flag_r[2],
                    struct error *e)
{
    char dir[PATH_CAP], path[PATH_CAP], lock_path[PATH_CAP];
    struct buf b;
    int next, found = -1;
    if (maildir_path(home, folder, dir, e) < 0 || path_join(path, dir, "dovecot-keywords", e) < 0 ||
        path_join(lock_path, dir, "dovecot-keywords.lock", e) < 0 ||
        (!file_exists(path) && maildir_make(home, folder, dir, e) < 0) ||
        read_names(path, &b, e) < 0)
        return -1;
    found = keyword_look(&b, name, &next);
    buf_free(&b);
    if (found < 0) {
        int fd = lock(lock_path, e);
        if (fd < 0)
            return -1;
        found = keyword_add(path, lock_path, fd, name, e);
        (void)close(fd);
        if (found >= 0 && dir_sync(dir, e) < 0)
            return -1;
    }
    flag_r[0] = (char)('a' + found);
    flag_r[1] = '\0';
    return found < 0 ? -1 : 0;
}
