/* SPDX-License-Identifier: GPL-3.0-or-later */
/* home.c - see home.h: finding and checking a home, its folders and secrets. */
#include "daemon/home.h"
#include "base/crypt.h"
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *user_home(void)
{
    const char *s = getenv("HOME");
    if (s != NULL && s[0] == '/')
        return s;
    const struct passwd *pw = getpwuid(geteuid());
    return pw == NULL ? NULL : pw->pw_dir;
}

/* The folder above and the last name of a path; -1 when there is no such pair ("/", "..", "."). */
static int split(const char *path, char parent[PATH_CAP], char name[PATH_CAP])
{
    size_t n = strlen(path);
    if (n == 0 || n >= PATH_CAP)
        return -1;
    while (n > 1 && path[n - 1] == '/')
        n--;
    size_t start = n;
    while (start > 0 && path[start - 1] != '/')
        start--;
    if (start == n)
        return -1;
    memcpy(name, path + start, n - start);
    name[n - start] = '\0';
    if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
        return -1;
    (void)snprintf(parent, PATH_CAP, "%.*s", start == 0 ? 1 : (int)start, start == 0 ? "." : path);
    return 0;
}

static int absolute(const char *path, char out[PATH_CAP], struct error *e)
{
    char parent[PATH_CAP], name[PATH_CAP];
    char *real = realpath(path, NULL);
    if (real == NULL && errno == ENOENT && split(path, parent, name) == 0) {
        char *above = realpath(parent, NULL);
        if (above == NULL)
            return error_set(e, "There can be no home %.160s: the folder above it is missing (%s).",
                             path, strerror(errno));
        int rc = path_join(out, strcmp(above, "/") == 0 ? "" : above, name, e);
        free(above);
        return rc;
    }
    if (real == NULL)
        return error_set(e, "The home %.200s cannot be used: %s.", path, strerror(errno));
    int rc = 0;
    if (strlen(real) < PATH_CAP)
        memcpy(out, real, strlen(real) + 1);
    else
        rc = error_set(e, "The path %.200s... is too long.", real);
    free(real);
    return rc;
}

int home_path_ok(const char *path, struct error *e)
{
    static const char fit[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._+@,=- ";
    if (path[0] != '/' || strspn(path, fit) != strlen(path))
        return error_set(
            e,
            "The path \"%.200s\" does not suit a home: use letters, digits, spaces and "
            ". _ + @ , = - only.",
            path);
    if (strlen(path) > HOME_PATH_MAX)
        return error_set(e,
                         "The path %.160s has more than %d bytes: the sockets below it could not "
                         "be named. Choose a shorter one with --home DIR.",
                         path, HOME_PATH_MAX);
    return 0;
}

int home_find(const char *given, char out[PATH_CAP], struct error *e)
{
    char path[PATH_CAP];
    const char *env = getenv("RESTANTE_HOME");
    if (given == NULL && env != NULL && env[0] != '\0')
        given = env;
    if (given != NULL)
        return absolute(given, out, e);
    const char *user = user_home();
    if (user == NULL)
        return error_set(e, "HOME is not set; say which home is meant with --home DIR.");
    if (path_join(path, user, ".restante", e) < 0)
        return -1;
    return absolute(path, out, e);
}

int home_check(const char *home, struct error *e)
{
    struct stat st;
    char path[PATH_CAP];
    if (home_path_ok(home, e) < 0)
        return -1;
    if (path_join(path, home, "config", e) < 0)
        return -1;
    bool there = stat(home, &st) == 0 && S_ISDIR(st.st_mode);
    if (there && st.st_uid != geteuid())
        return error_set(e, "The home %s belongs to user %lu: become that user first.", home,
                         (unsigned long)st.st_uid);
    if (!there || !file_exists(path))
        return error_set(e,
                         "There is no Restante home at %s; make one with `restante init "
                         "name@group`, or name another with --home DIR.",
                         home);
    if ((st.st_mode & 077) != 0)
        return error_set(e, "The home %s is open to other users (mode %04o): run `chmod 700 %s`.",
                         home, (unsigned)st.st_mode & 07777, home);
    return home_format_check(home, e);
}

int home_make_folders(const char *home, struct error *e)
{
    static const char *const folders[] = {
        "secret",      "tls",         "spool",       "outbox",      "inbox",         "inbox/stubs",
        "inbox/parts", "inbox/full",  "inbox/lines", "inbox/moves", "Maildir",       "Maildir/cur",
        "Maildir/new", "Maildir/tmp", "dovecot",     "dovecot/run", "dovecot/state", "dovecot/tmp",
        "run",         "log",         "dht",         "replica",
    };
    char path[PATH_CAP];
    for (size_t i = 0; i < sizeof folders / sizeof folders[0]; i++)
        if (path_join(path, home, folders[i], e) < 0 || dir_make(path, e) < 0)
            return -1;
    return 0;
}

int home_drop_temporaries(const char *home, struct error *e)
{
    static const char *const folders[] = {"secret", "tls", "dovecot"};
    char path[PATH_CAP];
    for (size_t i = 0; i < sizeof folders / sizeof folders[0]; i++)
        if (path_join(path, home, folders[i], e) < 0 || dir_drop_temporaries(path, NULL, e) < 0)
            return -1;
    return 0;
}

int home_write_secret(const char *home, const char *sub, const void *p, size_t n, struct error *e)
{
    char path[PATH_CAP];
    return path_join(path, home, sub, e) < 0 ? -1 : file_write(path, p, n, e);
}

/* Is what fd names fit to hold a secret of the caller? */
static int check_secret(int fd, const char *path, struct error *e)
{
    struct stat st;
    if (fstat(fd, &st) < 0)
        return error_set(e, "Cannot look at %s: %s.", path, strerror(errno));
    if (!S_ISREG(st.st_mode))
        return error_set(e, "%s is not an ordinary file.", path);
    if (st.st_uid != geteuid())
        return error_set(e, "%s belongs to user %lu, not to the user who runs this.", path,
                         (unsigned long)st.st_uid);
    if ((st.st_mode & 077) != 0)
        return error_set(e,
                         "%s is open to other users (mode %04o): run `chmod 600 %s`, and make a "
                         "new one if somebody may have read it.",
                         path, (unsigned)st.st_mode & 07777, path);
    return 0;
}

static int read_secret(int fd, const char *path, struct buf *out, struct error *e)
{
    if (check_secret(fd, path, e) < 0)
        return -1;
    for (;;) {
        uint8_t piece[4096];
        ssize_t n = read(fd, piece, sizeof piece);
        if (n < 0 && errno == EINTR)
            continue;
        int rc = 0;
        if (n < 0)
            rc = error_set(e, "Cannot read %s: %s.", path, strerror(errno));
        else if (n > 0 && buf_append(out, piece, (size_t)n) < 0)
            rc = error_set(e, "%s is larger than %zu bytes.", path, out->cap);
        wipe(piece, sizeof piece);
        if (rc < 0 || n == 0)
            return rc;
    }
}

int home_read_secret(const char *home, const char *sub, struct buf *out, struct error *e)
{
    char path[PATH_CAP];
    if (path_join(path, home, sub, e) < 0)
        return -1;
    int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0)
        return error_set(e, "Cannot open %s: %s.", path, strerror(errno));
    int rc = read_secret(fd, path, out, e);
    (void)close(fd);
    return rc;
}

void home_new_password(char out[HOME_PASSWORD_LEN + 1])
{
    static const char alphabet[] = "abcdefghijkmnpqrstuvwxyz23456789";
    uint8_t r[HOME_PASSWORD_LEN];
    _Static_assert(sizeof alphabet == 33, "one character per 5 bits");
    random_bytes(r, sizeof r);
    for (size_t i = 0; i < HOME_PASSWORD_LEN; i++)
        out[i] = i % 6 == 5 ? '-' : alphabet[r[i] & 31];
    out[HOME_PASSWORD_LEN] = '\0';
    wipe(r, sizeof r);
}
