/* SPDX-License-Identifier: GPL-3.0-or-later */
/* backup_pack.c - writes a home's archive (backup.h). The database comes from a snapshot, so it is
 * older than every file here: a file that a step has added since is one that a peer killed at that
 * point would find as well. */
#include "base/clock.h"
#include "cli/backup.h"
#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define ROUNDS 5 /* of looking for what was moved while the others were read */

struct pack_names {
    char **item; /* owned */
    size_t count, room;
};

struct packing {
    const char *home;
    struct backup_choice choice;
    struct archive *a;
    struct archive_entry_linkresolver *links;
    struct pack_names found; /* paths below the home, of one walk */
    struct pack_names done;  /* keys of what is in the archive, sorted between the walks */
    size_t sorted, files;
    bool failed; /* no memory, in a walk */
};

static struct packing *walking; /* nftw gives its callback no context */

static int pack_add(struct pack_names *n, const char *text)
{
    if (n->count == n->room) {
        size_t room = n->room == 0 ? 256 : 2 * n->room;
        char **p = realloc(n->item, room * sizeof *p);
        if (p == NULL)
            return -1;
        n->item = p;
        n->room = room;
    }
    n->item[n->count] = strdup(text);
    return n->item[n->count++] == NULL ? -1 : 0;
}

static void forget(struct pack_names *n)
{
    for (size_t i = 0; i < n->count; i++)
        free(n->item[i]);
    free(n->item);
    *n = (struct pack_names){0};
}

static bool below(const char *path, const char *folder)
{
    size_t n = strlen(folder);
    return strncmp(path, folder, n) == 0 && (path[n] == '/' || path[n] == '\0');
}

/* Sockets, logs, what is made anew, what can be computed again, and what half-written files leave.
 * The DHT node's state stays in: a network's first peer has no bootstrap, and its nodes are all it
 * knows. */
static bool leave_out(const struct packing *p, const char *path)
{
    static const char *const folders[] = {
        "run", "log", "dovecot/run", "dovecot/tmp", "inbox/parts", BACKUP_STAMP, "moved",
    };
    const char *slash = strrchr(path, '/'), *name = slash == NULL ? path : slash + 1;
    for (size_t i = 0; i < sizeof folders / sizeof folders[0]; i++)
        if (below(path, folders[i]))
            return true;
    return strncmp(path, "state.db", 8) == 0 || strncmp(name, "dovecot.index", 13) == 0 ||
           strncmp(name, "dovecot.list.index", 18) == 0 || file_is_temporary(name) ||
           (p->choice.no_outbox && strncmp(path, "outbox/", 7) == 0) ||
           (p->choice.no_replicas && strncmp(path, "replica/", 8) == 0);
}

static int on_file(const char *path, const struct stat *st, int type, struct FTW *at)
{
    struct packing *p = walking;
    size_t n = strlen(p->home);
    if (path[n] != '/' || (type != FTW_F && type != FTW_D) ||
        (!S_ISREG(st->st_mode) && !S_ISDIR(st->st_mode)))
        return 0;
    const char *sub = path + n + 1;
    if (leave_out(p, sub))
        return 0;
    if (pack_add(&p->found, sub) < 0) {
        p->failed = true;
        return 1;
    }
    return 0;
}

/* A message keeps what stands before its flags while it moves from new to cur and gets others. */
static void key_of(const char *path, char key[PATH_CAP])
{
    (void)snprintf(key, PATH_CAP, "%s", path);
    char *slash = strrchr(key, '/');
    if (strncmp(key, "Maildir/", 8) != 0 || slash == NULL || slash - key < 4)
        return;
    if (memcmp(slash - 4, "/cur", 4) != 0 && memcmp(slash - 4, "/new", 4) != 0)
        return;
    key[strcspn(key, ":")] = '\0';
    memcpy(slash - 3, "new", 3);
}

static int compare(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* What is the same message stands side by side. */
static int compare_keys(const void *a, const void *b)
{
    char one[PATH_CAP], two[PATH_CAP];
    key_of(*(char *const *)a, one);
    key_of(*(char *const *)b, two);
    return strcmp(one, two);
}

/* Is it in the archive: from an earlier walk, or the one before it in this walk? */
static bool is_done(const struct packing *p, char *key)
{
    return (p->done.count > p->sorted && strcmp(p->done.item[p->done.count - 1], key) == 0) ||
           bsearch(&key, p->done.item, p->sorted, sizeof *p->done.item, compare) != NULL;
}

static int pack_fail(struct archive *a, struct error *e)
{
    return error_set(e, "The backup cannot be written: %s.", archive_error_string(a));
}

static int copy_data(struct archive *a, int fd, int64_t size, struct error *e)
{
    char piece[65536];
    while (size > 0) {
        ssize_t n =
            read(fd, piece, (size_t)(size < (int64_t)sizeof piece ? size : (int64_t)sizeof piece));
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return error_set(e, "A file of the home cannot be read: %s.", strerror(errno));
        if (n == 0)
            return 0; /* it became shorter: the archive has zeros there */
        if (archive_write_data(a, piece, (size_t)n) < 0)
            return pack_fail(a, e);
        size -= n;
    }
    return 0;
}

/* Writes an entry for the open file, or a link to one that is there already. */
static int put_open(struct packing *p, const char *name, int fd, const struct stat *st,
                    struct error *e)
{
    struct archive_entry *entry = archive_entry_new(), *sparse = NULL;
    if (entry == NULL)
        return error_set(e, "There is not enough memory.");
    archive_entry_set_pathname(entry, name);
    archive_entry_copy_stat(entry, st);
    archive_entry_linkify(p->links, &entry, &sparse);
    int rc = archive_write_header(p->a, entry) == ARCHIVE_OK ? 0 : pack_fail(p->a, e);
    if (rc == 0 && S_ISREG(st->st_mode) && archive_entry_hardlink(entry) == NULL)
        rc = copy_data(p->a, fd, st->st_size, e);
    archive_entry_free(entry);
    p->files += rc == 0 && S_ISREG(st->st_mode) ? 1 : 0;
    return rc;
}

/* 0: it is in, or it is gone. */
static int put_file(struct packing *p, const char *path, const char *name, struct error *e)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT)
        return 0;
    if (fd < 0 || fstat(fd, &st) < 0) {
        if (fd >= 0)
            (void)close(fd);
        return error_set(e, "Cannot read %s: %s.", path, strerror(errno));
    }
    int rc = put_open(p, name, fd, &st, e);
    (void)close(fd);
    if (rc == 0) {
        char key[PATH_CAP];
        key_of(name, key);
        if (pack_add(&p->done, key) < 0)
            rc = error_set(e, "There is not enough memory.");
    }
    return rc;
}

/* One walk. Returns how many new files it found, or -1. */
static int walk(struct packing *p, struct error *e)
{
    char path[PATH_CAP], key[PATH_CAP];
    int fresh = 0;
    forget(&p->found);
    walking = p;
    if (nftw(p->home, on_file, 16, FTW_PHYS | FTW_MOUNT) != 0 || p->failed)
        return error_set(e, "The home %s cannot be read: %s.", p->home, strerror(errno));
    qsort(p->found.item, p->found.count, sizeof *p->found.item, compare_keys);
    for (size_t i = 0; i < p->found.count; i++) {
        key_of(p->found.item[i], key);
        if (is_done(p, key))
            continue;
        if (path_join(path, p->home, p->found.item[i], e) < 0 ||
            put_file(p, path, p->found.item[i], e) < 0)
            return -1;
        fresh++;
    }
    qsort(p->done.item, p->done.count, sizeof *p->done.item, compare);
    p->sorted = p->done.count;
    return fresh;
}

static int put_text(struct packing *p, const char *name, const char *text, struct error *e)
{
    struct archive_entry *entry = archive_entry_new();
    if (entry == NULL)
        return error_set(e, "There is not enough memory.");
    archive_entry_set_pathname(entry, name);
    archive_entry_set_filetype(entry, AE_IFREG);
    archive_entry_set_perm(entry, 0600);
    archive_entry_set_size(entry, (int64_t)strlen(text));
    int rc = archive_write_header(p->a, entry) == ARCHIVE_OK &&
                     archive_write_data(p->a, text, strlen(text)) == (ssize_t)strlen(text)
                 ? 0
                 : pack_fail(p->a, e);
    archive_entry_free(entry);
    return rc;
}

static int put_about(struct packing *p, const char *address, struct error *e)
{
    json_t *o = json_pack("{s:i,s:s,s:I}", "format", BACKUP_FORMAT, "address", address, "made_ms",
                          (json_int_t)clock_wall_ms());
    char *text = o == NULL ? NULL : json_dumps(o, JSON_COMPACT);
    json_decref(o);
    int rc = text == NULL ? error_set(e, "There is not enough memory.")
                          : put_text(p, BACKUP_FIRST, text, e);
    free(text);
    return rc;
}

static int put_all(struct packing *p, const char *snapshot, const char *address, struct error *e)
{
    if (put_about(p, address, e) < 0 || put_file(p, snapshot, "state.db", e) < 0)
        return -1;
    int fresh = 1;
    for (int i = 0; i < ROUNDS && fresh > 0; i++)
        fresh = walk(p, e);
    return fresh < 0 ? -1 : put_text(p, BACKUP_LAST, "whole\n", e);
}

int backup_pack(const char *home, const char *snapshot, const char *address,
                struct backup_choice choice, int fd, size_t *files_r, struct error *e)
{
    struct packing p = {.home = home, .choice = choice, .a = archive_write_new()};
    p.links = archive_entry_linkresolver_new();
    int rc = -1;
    if (p.a == NULL || p.links == NULL) {
        (void)error_set(e, "There is not enough memory.");
    } else if (archive_write_set_format_pax_restricted(p.a) != ARCHIVE_OK ||
               archive_write_add_filter_xz(p.a) != ARCHIVE_OK || /* reading it checks each octet */
               archive_write_set_filter_option(p.a, "xz", "compression-level", "0") != ARCHIVE_OK ||
               archive_write_open_fd(p.a, fd) != ARCHIVE_OK) {
        (void)pack_fail(p.a, e);
    } else {
        archive_entry_linkresolver_set_strategy(p.links, archive_format(p.a));
        rc = put_all(&p, snapshot, address, e);
        if (rc == 0 && archive_write_close(p.a) != ARCHIVE_OK)
            rc = pack_fail(p.a, e);
    }
    *files_r = p.files;
    forget(&p.found);
    forget(&p.done);
    archive_entry_linkresolver_free(p.links);
    (void)archive_write_free(p.a);
    return rc;
}
