/* SPDX-License-Identifier: GPL-3.0-or-later */
/* backup_file.c - a backup as a file: made under another name, locked on the way when there is a
 * passphrase, and read into a home that appears whole or not at all (backup.h). */
#include "base/buf.h"
#include "base/clock.h"
#include "cli/backup.h"
#include "daemon/config.h"
#include "daemon/home.h"
#include "pgp/passphrase.h"
#include "pgp/pgp.h"
#include "store/snapshot.h"
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* What goes when the program is interrupted; set before the files come into being. */
static char cleanup[2][PATH_CAP];

static void on_end(int sig)
{
    for (size_t i = 0; i < 2; i++)
        if (cleanup[i][0] != '\0')
            (void)unlink(cleanup[i]);
    (void)signal(sig, SIG_DFL);
    (void)raise(sig);
}

static void watch_ends(bool on)
{
    static const int ends[] = {SIGINT, SIGTERM, SIGHUP};
    struct sigaction sa = {.sa_handler = on ? on_end : SIG_DFL};
    (void)sigemptyset(&sa.sa_mask);
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++)
        (void)sigaction(ends[i], &sa, NULL);
}

/* One end of a pipe with OpenPGP at work behind it. */
struct crypt {
    pthread_t thread;
    const char *passphrase;
    bool lock;
    int in_fd, out_fd; /* the pipe's end is closed by the thread */
    int rc;
    struct error e;
};

static void *crypt_main(void *arg)
{
    struct crypt *c = arg;
    c->rc = c->lock ? passphrase_lock(c->passphrase, c->in_fd, c->out_fd, &c->e)
                    : passphrase_unlock(c->passphrase, c->in_fd, c->out_fd, &c->e);
    (void)close(c->lock ? c->in_fd : c->out_fd);
    return NULL;
}

/* Starts it; returns the end that the archive is written to or read from, or -1 and e. */
static int crypt_start(struct crypt *c, const char *passphrase, bool lock, int file_fd,
                       struct error *e)
{
    int fds[2];
    if (pipe2(fds, O_CLOEXEC) < 0)
        return error_set(e, "Cannot make a pipe: %s.", strerror(errno));
    *c = (struct crypt){.passphrase = passphrase,
                        .lock = lock,
                        .in_fd = lock ? fds[0] : file_fd,
                        .out_fd = lock ? file_fd : fds[1]};
    int why = pthread_create(&c->thread, NULL, crypt_main, c);
    if (why == 0)
        return lock ? fds[1] : fds[0];
    (void)close(fds[0]);
    (void)close(fds[1]);
    return error_set(e, "Cannot start a thread: %s.", strerror(why));
}

static int write_locked(const char *home, const char *snapshot, const char *address,
                        struct backup_choice choice, const char *passphrase, int fd,
                        size_t *files_r, struct error *e)
{
    struct crypt c = {0};
    int to = crypt_start(&c, passphrase, true, fd, e);
    if (to < 0)
        return -1;
    int rc = backup_pack(home, snapshot, address, choice, to, files_r, e);
    (void)close(to);
    (void)pthread_join(c.thread, NULL);
    if (c.rc < 0 && rc == 0)
        *e = c.e;
    return rc < 0 || c.rc < 0 ? -1 : 0;
}

/* Gives the finished file its name, which nobody else may have taken meanwhile. */
static int give_name(const char *from, const char *to, struct error *e)
{
    if (renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) == 0)
        return 0;
    if (errno == EINVAL && !file_exists(to) && rename(from, to) == 0) /* a FAT stick */
        return 0;
    return error_set(e, "Cannot name the backup %s: %s.", to, strerror(errno));
}

static int sync_parent(const char *path, struct error *e)
{
    char dir[PATH_CAP];
    (void)snprintf(dir, sizeof dir, "%s", path);
    char *slash = strrchr(dir, '/');
    if (slash == NULL)
        return dir_sync(".", e);
    *(slash == dir ? slash + 1 : slash) = '\0';
    return dir_sync(dir, e);
}

static int write_file(const char *home, const char *address, const char *to,
                      struct backup_choice choice, const char *passphrase, size_t *files_r,
                      struct error *e)
{
    const char *snapshot = cleanup[0], *part = cleanup[1];
    char db[PATH_CAP];
    if (path_join(db, home, "state.db", e) < 0 || snapshot_take(db, snapshot, e) < 0)
        return -1;
    int fd = open(part, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return error_set(e, "Cannot make the file %s: %s.", part, strerror(errno));
    int rc = passphrase == NULL
                 ? backup_pack(home, snapshot, address, choice, fd, files_r, e)
                 : write_locked(home, snapshot, address, choice, passphrase, fd, files_r, e);
    if (rc == 0 && fsync(fd) < 0)
        rc = error_set(e, "The backup cannot be written to the disk: %s.", strerror(errno));
    if (close(fd) < 0 && rc == 0)
        rc = error_set(e, "The backup cannot be written to the disk: %s.", strerror(errno));
    if (rc == 0)
        rc = give_name(part, to, e);
    return rc < 0 ? -1 : sync_parent(to, e);
}

int backup_write(const char *home, const char *address, const char *to, struct backup_choice choice,
                 const char *passphrase, size_t *files_r, struct error *e)
{
    char stamp[PATH_CAP];
    if (file_exists(to))
        return error_set(e, "%s is there already; choose another name. Nothing was changed.", to);
    if (path_join(cleanup[0], home, "run/backup.db", e) < 0 ||
        snprintf(cleanup[1], PATH_CAP, "%s.part", to) >= PATH_CAP ||
        path_join(stamp, home, BACKUP_STAMP, e) < 0)
        return -1;
    watch_ends(true);
    (void)unlink(cleanup[0]); /* of one that was killed */
    int rc = write_file(home, address, to, choice, passphrase, files_r, e);
    (void)unlink(cleanup[0]);
    if (rc < 0)
        (void)unlink(cleanup[1]);
    watch_ends(false);
    return rc < 0 ? -1 : file_write(stamp, "", 0, e);
}

int backup_is_locked(const char *from, struct error *e)
{
    static const unsigned char xz[] = {0xfd, '7', 'z', 'X', 'Z', 0};
    unsigned char head[sizeof xz];
    int fd = open(from, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, head, sizeof head);
    int why = errno;
    if (fd >= 0)
        (void)close(fd);
    if (n < 0)
        return error_set(e, "Cannot read %s: %s.", from, strerror(why));
    if (n < (ssize_t)sizeof head)
        return error_set(e, "%s is too short to be a backup.", from);
    return memcmp(head, xz, sizeof xz) == 0 ? 0 : 1;
}

static int unpack(const char *from, const char *passphrase, const char *dir,
                  struct backup_about *about_r, struct error *e)
{
    struct crypt c = {.rc = 0};
    int file = open(from, O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return error_set(e, "Cannot read %s: %s.", from, strerror(errno));
    int fd = passphrase == NULL ? file : crypt_start(&c, passphrase, false, file, e);
    int rc = fd < 0 ? -1 : backup_unpack(fd, dir, about_r, e);
    if (passphrase != NULL && fd >= 0) {
        (void)close(fd); /* a writer that goes on ends now */
        (void)pthread_join(c.thread, NULL);
        bool cut = rc < 0 && c.rc < 0 && about_r->address[0] != '\0';
        if (c.rc < 0 && !cut)
            *e = c.e;
        rc = rc < 0 || c.rc < 0 ? -1 : 0;
    }
    (void)close(file);
    return rc;
}

/* Key, configuration and database, as the daemon will take them. */
static int check_home(const char *dir, const struct backup_about *about, struct error *e)
{
    struct config c;
    struct pgp *p = NULL;
    uint8_t fpr[PGP_FPR_LEN];
    char db[PATH_CAP];
    struct buf secret = BUF_INIT(HOME_SECRET_MAX), public = BUF_INIT(PUBKEY_MAX);
    int rc = home_format_check(dir, e);
    if (rc == 0)
        rc = config_load(&c, dir, e);
    if (rc == 0 && strcmp(c.address, about->address) != 0)
        rc = error_set(e, "The backup says that it is of %s, its configuration %s.", about->address,
                       c.address);
    if (rc == 0)
        rc = home_read_secret(dir, "secret/key.pgp", &secret, e);
    if (rc == 0)
        rc = pgp_new(&p, e);
    if (rc == 0)
        rc = pgp_load_secret(p, secret.data, secret.len, e);
    if (rc == 0)
        rc = pgp_public(p, &public, e);
    struct pgp_pub pub = {public.data, public.len};
    if (rc == 0)
        rc = pgp_check_pub(&pub, c.address, fpr, e);
    if (rc == 0)
        rc = path_join(db, dir, "state.db", e);
    if (rc == 0)
        rc = snapshot_check(db, e);
    if (rc == 0)
        rc = snapshot_restored(db, clock_wall_ms(), e);
    pgp_free(&p);
    buf_wipe(&secret);
    buf_free(&public);
    return rc;
}

int backup_read(const char *from, const char *passphrase, const char *target,
                struct backup_about *about_r, struct error *e)
{
    struct home_draft d;
    char *absolute = realpath(from, NULL); /* unpacking changes the working folder */
    if (absolute == NULL)
        return error_set(e, "Cannot read %s: %s.", from, strerror(errno));
    int rc = home_draft_begin(&d, target, e);
    if (rc == 0)
        rc = unpack(absolute, passphrase, d.dir, about_r, e);
    if (rc == 0)
        rc = check_home(d.dir, about_r, e);
    if (chdir("/") < 0 && rc == 0)
        rc = error_set(e, "Cannot leave %s: %s.", d.dir, strerror(errno));
    if (rc == 0)
        rc = home_draft_commit(&d, e);
    home_draft_abandon(&d);
    free(absolute);
    return rc;
}
