/* SPDX-License-Identifier: GPL-3.0-or-later */
/* fsck_files.c - files that no row names: what a crash left between writing and committing, and
 * what rows that are older than the files do not know any more; see fsck.h. */
#include "base/clock.h"
#include "base/log.h"
#include "flow/recovery/fsck.h"
#include "store/check.h"
#include "store/outbox.h"
#include "flow/core/path.h"
#include "base/file.h"
#include "flow/core/trusted_clock.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LOG_AREA "fsck"
#define YOUNG_S 900           /* a running step has written within this time */
#define TMP_S (36 * 3600)     /* the age at which a mail client's leftovers go */
#define LOST_NAME 240         /* octets of a file's name */
#define LOST_S (30LL * 86400) /* so long what was put aside stays */

enum file_verdict { NEEDED, REMOVE, ASIDE, ADOPT };

/* What is to become of a file. name: up to the first '.'; suffix: the rest. */
typedef enum file_verdict verdict_fn(struct db *db, const char *name, const char *suffix);

/* What file_write was writing when it was killed has one suffix more. */
static bool one_of(const char *suffix, const char *const *list)
{
    while (*list != NULL && strcmp(*list, suffix) != 0)
        list++;
    return *list != NULL;
}

static enum file_verdict spool(struct db *db, const char *name, const char *suffix)
{
    uint8_t id[MESSAGE_ID_LEN];
    if (hex_decode(name, id, sizeof id) < 0)
        return REMOVE;
    if (*suffix != '\0') /* to oneself: until it is delivered */
        return strcmp(suffix, ".own") == 0 && out_needs_spool(db, id) ? NEEDED : REMOVE;
    /* without a row: the client has no 250 for it, unless the rows are older than the files */
    return out_needs_spool(db, id) ? NEEDED : out_known(db, id) ? REMOVE : ASIDE;
}

static enum file_verdict outbox(struct db *db, const char *name, const char *suffix)
{
    struct out_blob b = {0};
    uint8_t hash[HASH_LEN];
    if (hex_decode(name, hash, sizeof hash) < 0)
        return REMOVE;
    if (blob_find(db, hash, &b) < 0)
        return *suffix == '\0' ? ADOPT : REMOVE;
    bytes_free(&b.chunks);
    if (b.state == BLOB_MISSING && strcmp(suffix, ".part") == 0)
        return NEEDED;
    return b.state != BLOB_GONE &&
                   one_of(suffix, (const char *const[]){"", ".sealed", ".chunks", ".fetched", NULL})
               ? NEEDED
               : REMOVE;
}

static enum file_verdict replica(struct db *db, const char *name, const char *suffix)
{
    uint8_t hash[HASH_LEN];
    if (!one_of(suffix, (const char *const[]){"", ".chunks", ".part", NULL}) ||
        hex_decode(name, hash, sizeof hash) < 0)
        return REMOVE;
    return replica_needed(db, hash) ? NEEDED : *suffix == '\0' ? ASIDE : REMOVE;
}

static enum in_state fsck_files_state_of(struct db *db, const char *name)
{
    uint8_t nid[HASH_LEN];
    struct incoming in;
    int64_t n = hex_decode(name, nid, sizeof nid) < 0 ? 0 : in_find(db, nid);
    if (n == 0 || in_get(db, n, &in) < 0)
        return (enum in_state)0;
    incoming_free(&in);
    return in.expiry_noticed ? (enum in_state)0 : in.state;
}

static enum file_verdict stub(struct db *db, const char *name, const char *suffix)
{
    enum in_state s = fsck_files_state_of(db, name);
    if (strcmp(suffix, ".notice") == 0)
        return s == IN_EXPIRED ? NEEDED : REMOVE;
    return *suffix == '\0' && (s == IN_NOTICED || s == IN_STUB || s == IN_PULLED ||
                               s == IN_ANSWER || s == IN_EXPIRED)
               ? NEEDED
               : REMOVE;
}

static enum file_verdict part(struct db *db, const char *name, const char *suffix)
{
    enum in_state s = fsck_files_state_of(db, name);
    return (*suffix == '\0' && s == IN_STUB) || (strcmp(suffix, ".head") == 0 && s == IN_NOTICED)
               ? NEEDED
               : REMOVE;
}

/* Before the decision it is pulled again; after the delivery it stands in the Maildir. */
static enum file_verdict full(struct db *db, const char *name, const char *suffix)
{
    uint8_t nid[HASH_LEN];
    if (*suffix != '\0' || hex_decode(name, nid, sizeof nid) < 0)
        return REMOVE;
    return fsck_files_state_of(db, name) == IN_PULLED ? NEEDED
           : in_find(db, nid) != 0                    ? REMOVE
                                                      : ASIDE;
}

static enum file_verdict line_file(struct db *db, const char *name, const char *suffix)
{
    uint8_t id[MESSAGE_ID_LEN];
    return (*suffix == '\0' || strcmp(suffix, ".new") == 0) &&
                   hex_decode(name, id, sizeof id) == 0 && outbox_line_needed(db, id)
               ? NEEDED
               : REMOVE;
}

static enum file_verdict move_file(struct db *db, const char *name, const char *suffix)
{
    uint8_t nid[HASH_LEN];
    return (*suffix == '\0' || strcmp(suffix, ".offer") == 0) &&
                   hex_decode(name, nid, sizeof nid) == 0 && in_find(db, nid) != 0
               ? NEEDED
               : REMOVE;
}

static enum file_verdict never(struct db *db, const char *name, const char *suffix)
{
    return REMOVE;
}

static enum file_verdict temporary(struct db *db, const char *name, const char *suffix)
{
    return *name != '\0' && file_is_temporary(suffix - strlen(name)) ? REMOVE
                                                                     : NEEDED; /* one text */
}

static int fsck_files_look_dir(struct fsck *x, const char *sub, verdict_fn *verdict, int64_t age_s,
                               struct error *e)
{
    char dir[PATH_CAP];
    if (path_join(dir, x->services->c.home, sub, e) < 0)
        return -1;
    DIR *d = opendir(dir);
    if (d == NULL)
        return errno == ENOENT ? 0 : error_set(e, "Cannot read %s: %s.", dir, strerror(errno));
    for (struct dirent *at; (at = readdir(d)) != NULL;) {
        static const enum fsck_kind kind[] = {
            [REMOVE] = FSCK_REMOVE, [ASIDE] = FSCK_ASIDE, [ADOPT] = FSCK_ADOPT};
        char name[256];
        struct stat st;
        if (at->d_name[0] == '.' || fstatat(dirfd(d), at->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
            S_ISDIR(st.st_mode) || st.st_mtime > x->now_s - age_s)
            continue;
        size_t n = strcspn(at->d_name, ".");
        (void)snprintf(name, sizeof name, "%.*s", (int)n, at->d_name);
        enum file_verdict v = verdict(x->db, name, at->d_name + n);
        if (v != NEEDED)
            (void)fsck_add(x, kind[v], 0, "%s/%s", sub, at->d_name);
    }
    (void)closedir(d);
    return 0;
}

static int look_maildir(struct fsck *x, struct error *e)
{
    char root[PATH_CAP];
    if (path_join(root, x->services->c.home, "Maildir", e) < 0)
        return -1;
    DIR *d = opendir(root);
    int rc = fsck_files_look_dir(x, "Maildir/tmp", never, x->running ? TMP_S : 0, e);
    for (struct dirent *at; rc == 0 && d != NULL && (at = readdir(d)) != NULL;) {
        char sub[300];
        if (at->d_name[0] != '.' || at->d_name[1] == '\0' || strcmp(at->d_name, "..") == 0)
            continue;
        (void)snprintf(sub, sizeof sub, "Maildir/%s/tmp", at->d_name);
        rc = fsck_files_look_dir(x, sub, never, TMP_S, e);
    }
    if (d != NULL)
        (void)closedir(d);
    return rc;
}

int fsck_orphans(struct fsck *x, struct error *e)
{
    static const struct {
        const char *sub;
        verdict_fn *verdict;
    } dirs[] = {{"spool", spool},           {"outbox", outbox},     {"replica", replica},
                {"inbox/stubs", stub},      {"inbox/parts", part},  {"inbox/lines", line_file},
                {"inbox/moves", move_file}, {"inbox/full", full},   {"secret", temporary},
                {"tls", temporary},         {"dovecot", temporary}, {"dht", temporary}};
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < sizeof dirs / sizeof dirs[0]; i++)
        rc = fsck_files_look_dir(x, dirs[i].sub, dirs[i].verdict, x->running ? YOUNG_S : 0, e);
    return rc == 0 ? look_maildir(x, e) : -1;
}

/* ---- repairs */

void fsck_publish(struct services *sv)
{
    static const char suffix[] = ".sealed";
    char dir[PATH_CAP], name[HASH_HEX + 1];
    struct error e;
    DIR *d = path_join(dir, sv->c.home, "outbox", &e) < 0 ? NULL : opendir(dir);
    if (d == NULL)
        return;
    for (struct dirent *at; (at = readdir(d)) != NULL;) {
        struct out_blob b = {0};
        uint8_t hash[HASH_LEN];
        (void)snprintf(name, sizeof name, "%.*s", HASH_HEX, at->d_name);
        if (strlen(at->d_name) != HASH_HEX + sizeof suffix - 1 ||
            strcmp(at->d_name + HASH_HEX, suffix) != 0 || hex_decode(name, hash, HASH_LEN) < 0 ||
            blob_find(store_reader(sv->store), hash, &b) < 0)
            continue;
        bytes_free(&b.chunks);
        if (b.state == BLOB_PUBLISHED)
            (void)renameat(dirfd(d), at->d_name, dirfd(d), name);
    }
    (void)closedir(d);
}

static void put_aside(struct fsck *x, struct fsck_fault *f)
{
    char from[PATH_CAP], to[PATH_CAP], dir[PATH_CAP], name[sizeof f->what];
    struct error e;
    (void)snprintf(name, sizeof name, "%s", f->what);
    for (char *c = name; *c != '\0'; c++)
        if (*c == '/')
            *c = '.';
    const char *last = strlen(name) > LOST_NAME ? name + strlen(name) - LOST_NAME : name;
    if (path_join(from, x->services->c.home, f->what, &e) < 0 ||
        path_join(dir, x->services->c.home, "lost", &e) < 0 || path_join(to, dir, last, &e) < 0 ||
        dir_make(dir, &e) < 0)
        return;
    f->repaired = rename(from, to) == 0 && dir_sync(dir, &e) == 0;
    if (f->repaired)
        log_warn("no row names %s: it is now lost/%s", f->what, last);
}

int fsck_read_blob(const char *path, struct blob_ref *ref, struct buf *chunks)
{
    uint8_t h[HASH_LEN], *piece = malloc(CHUNK_LEN);
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    struct sha256 *all = sha256_new(), *list = sha256_new();
    ssize_t n = -1;
    ref->size = 0;
    while (fd >= 0 && piece != NULL && (n = pread(fd, piece, CHUNK_LEN, (off_t)ref->size)) > 0) {
        sha256(piece, (size_t)n, h);
        sha256_add(all, piece, (size_t)n);
        sha256_add(list, h, HASH_LEN);
        if (chunks != NULL && buf_append(chunks, h, HASH_LEN) < 0)
            n = -1;
        ref->size += n > 0 ? (uint64_t)n : 0;
        if (n < (ssize_t)CHUNK_LEN)
            break;
    }
    sha256_end(&all, h);
    sha256_end(&list, ref->chunks_hash);
    if (fd >= 0)
        (void)close(fd);
    free(piece);
    return n >= 0 && ref->size > 0 && memcmp(h, ref->hash, HASH_LEN) == 0 ? 0 : -1;
}

void fsck_measure(struct fsck *x, struct fsck_fault *f)
{
    char path[PATH_CAP], list[PATH_CAP];
    struct stat st;
    struct error e;
    struct buf chunks = BUF_INIT((size_t)CHUNKS_MAX * HASH_LEN);
    if (path_join(path, x->services->c.home, f->what, &e) < 0 ||
        hex_decode(strrchr(f->what, '/') + 1, f->ref.hash, HASH_LEN) < 0)
        return;
    home_path(x->services, list, "replica", f->ref.hash, HASH_LEN, ".chunks");
    if (stat(path, &st) < 0 || fsck_read_blob(path, &f->ref, &chunks) < 0) {
        f->kind = FSCK_ASIDE;
    } else {
        f->expiry_s = st.st_mtime + NS_LIFE_MAX; /* nothing that names it lives longer */
        if (f->expiry_s > x->now_s + NS_LIFE_MAX)
            f->expiry_s = x->now_s + NS_LIFE_MAX;
        if (f->expiry_s <= x->now_s)
            f->kind = FSCK_REMOVE;
        else if (file_write(list, chunks.data, chunks.len, &e) < 0)
            log_warn("%s", e.text);
        else
            f->n = 1;
    }
    buf_free(&chunks);
}

/* The row holds it now. */
static void adopt_file(struct fsck *x, struct fsck_fault *f)
{
    char from[PATH_CAP], to[PATH_CAP], dir[PATH_CAP];
    struct error e;
    home_path(x->services, from, "outbox", f->ref.hash, HASH_LEN, "");
    home_path(x->services, to, "replica", f->ref.hash, HASH_LEN, "");
    f->repaired = path_join(dir, x->services->c.home, "replica", &e) == 0 &&
                  rename(from, to) == 0 && dir_sync(dir, &e) == 0;
    if (f->repaired)
        log_warn("no row names the blob %s any more: it is offered for as long as a notification "
                 "could live",
                 f->what);
}

/* Of a replica nobody has the list but its file; of one that is damaged, it is fetched again. */
static void write_replica_chunks(struct fsck *x, struct fsck_fault *f)
{
    char path[PATH_CAP], list[PATH_CAP];
    struct replica r;
    struct error e;
    struct buf chunks = BUF_INIT((size_t)CHUNKS_MAX * HASH_LEN);
    if (replica_get(x->db, f->n, &r) < 0)
        return;
    struct blob_ref ref = r.ref;
    home_path(x->services, path, "replica", ref.hash, HASH_LEN, "");
    home_path(x->services, list, "replica", ref.hash, HASH_LEN, ".chunks");
    if (fsck_read_blob(path, &ref, &chunks) < 0 ||
        memcmp(ref.chunks_hash, r.ref.chunks_hash, HASH_LEN) != 0)
        f->kind = FSCK_REPLICA;
    else
        f->repaired = file_write(list, chunks.data, chunks.len, &e) == 0;
    buf_free(&chunks);
}

static void write_chunks(struct fsck *x, struct fsck_fault *f)
{
    struct out_blob b = {0};
    char path[PATH_CAP];
    struct error e;
    if (blob_get(x->db, f->n, &b) < 0)
        return;
    home_path(x->services, path, "outbox", b.hash, HASH_LEN, ".chunks");
    f->repaired = b.state == BLOB_GONE || file_write(path, b.chunks.p, b.chunks.n, &e) == 0;
    bytes_free(&b.chunks);
}

void fsck_repair_file(struct fsck *x, struct fsck_fault *f)
{
    char path[PATH_CAP];
    struct error e;
    if (f->kind == FSCK_REMOVE)
        f->repaired =
            path_join(path, x->services->c.home, f->what, &e) == 0 && file_remove(path, &e) == 0;
    else if (f->kind == FSCK_ASIDE || f->kind == FSCK_STRAY)
        put_aside(x, f);
    else if (f->kind == FSCK_ADOPT && f->n != 0)
        adopt_file(x, f);
    else if (f->kind == FSCK_CHUNKS && f->replica)
        write_replica_chunks(x, f);
    else if (f->kind == FSCK_CHUNKS)
        write_chunks(x, f);
}

void fsck_forget_lost(struct services *sv)
{
    char dir[PATH_CAP];
    struct error e;
    struct stat st;
    DIR *d = path_join(dir, sv->c.home, "lost", &e) < 0 ? NULL : opendir(dir);
    if (d == NULL)
        return;
    int64_t now = trusted_now_ms(sv) / 1000;
    for (struct dirent *at; (at = readdir(d)) != NULL;)
        if (at->d_name[0] != '.' && fstatat(dirfd(d), at->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
            st.st_ctime < now - LOST_S)
            (void)unlinkat(dirfd(d), at->d_name, 0);
    (void)closedir(d);
}
