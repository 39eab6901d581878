/* SPDX-License-Identifier: GPL-3.0-or-later */
/* orphans.c - at start, before anything runs: files that no row knows are what a crash left between
 * writing and committing; they are removed. */
#include "base/log.h"
#include "flow/sweep.h"
#include "store/incoming.h"
#include "store/lines.h"
#include "store/outgoing.h"
#include "store/replicas.h"
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define LOG_AREA "orphans"

/* Does a row still need this file? name: up to the first '.'; suffix: the rest. */
typedef bool needed_fn(struct db *db, const char *name, const char *suffix);

/* What file_write was writing when it was killed has one suffix more. */
static bool one_of(const char *suffix, const char *const *list)
{
    while (*list != NULL && strcmp(*list, suffix) != 0)
        list++;
    return *list != NULL;
}

static bool spool_needed(struct db *db, const char *name, const char *suffix)
{
    uint8_t id[MESSAGE_ID_LEN];
    return *suffix == '\0' && hex_decode(name, id, sizeof id) == 0 && out_needs_spool(db, id);
}

static bool outbox_needed(struct db *db, const char *name, const char *suffix)
{
    struct out_blob b;
    uint8_t hash[HASH_LEN];
    if (!one_of(suffix, (const char *const[]){"", ".sealed", ".chunks", ".fetched", NULL}) ||
        hex_decode(name, hash, sizeof hash) < 0 || blob_find(db, hash, &b) < 0)
        return false;
    bytes_free(&b.chunks);
    return b.state != BLOB_GONE;
}

static bool replica_file_needed(struct db *db, const char *name, const char *suffix)
{
    uint8_t hash[HASH_LEN];
    return one_of(suffix, (const char *const[]){"", ".chunks", ".part", NULL}) &&
           hex_decode(name, hash, sizeof hash) == 0 && replica_needed(db, hash);
}

static enum in_state state_of(struct db *db, const char *name)
{
    uint8_t nid[HASH_LEN];
    struct incoming in;
    int64_t n = hex_decode(name, nid, sizeof nid) < 0 ? 0 : in_find(db, nid);
    if (n == 0 || in_get(db, n, &in) < 0)
        return (enum in_state)0;
    incoming_free(&in);
    return in.lapsed ? (enum in_state)0 : in.state;
}

static bool stub_needed(struct db *db, const char *name, const char *suffix)
{
    enum in_state s = state_of(db, name);
    if (strcmp(suffix, ".notice") == 0)
        return s == IN_EXPIRED;
    return *suffix == '\0' &&
           (s == IN_NOTICED || s == IN_STUB || s == IN_PULLED || s == IN_ANSWER || s == IN_EXPIRED);
}

static bool part_needed(struct db *db, const char *name, const char *suffix)
{
    enum in_state s = state_of(db, name);
    return (*suffix == '\0' && s == IN_STUB) || (strcmp(suffix, ".head") == 0 && s == IN_NOTICED);
}

static bool full_needed(struct db *db, const char *name, const char *suffix)
{
    return *suffix == '\0' && state_of(db, name) == IN_PULLED;
}

static bool line_file_needed(struct db *db, const char *name, const char *suffix)
{
    uint8_t id[MESSAGE_ID_LEN];
    return (*suffix == '\0' || strcmp(suffix, ".new") == 0) &&
           hex_decode(name, id, sizeof id) == 0 && line_needed(db, id);
}

static bool move_needed(struct db *db, const char *name, const char *suffix)
{
    uint8_t nid[HASH_LEN];
    return (*suffix == '\0' || strcmp(suffix, ".offer") == 0) &&
           hex_decode(name, nid, sizeof nid) == 0 && in_find(db, nid) != 0;
}

static bool never(struct db *db, const char *name, const char *suffix)
{
    return false;
}

static int sweep_dir(struct flow *f, const char *sub, needed_fn *needed, struct error *e)
{
    char dir[PATH_CAP], path[PATH_CAP];
    if (path_join(dir, f->c.home, sub, e) < 0)
        return -1;
    DIR *d = opendir(dir);
    if (d == NULL)
        return errno == ENOENT ? 0 : error_set(e, "Cannot read %s: %s.", dir, strerror(errno));
    unsigned removed = 0;
    for (struct dirent *at; (at = readdir(d)) != NULL;) {
        char name[256];
        if (at->d_name[0] == '.' || path_join(path, dir, at->d_name, e) < 0)
            continue;
        (void)snprintf(name, sizeof name, "%s", at->d_name);
        char *dot = strchr(name, '.');
        const char *suffix = dot == NULL ? "" : at->d_name + (dot - name);
        if (dot != NULL)
            *dot = '\0';
        if (!needed(store_reader(f->store), name, suffix) && unlink(path) == 0)
            removed++;
    }
    (void)closedir(d);
    if (removed > 0)
        log_info("%u files of %s belonged to nothing and were removed", removed, sub);
    return 0;
}

int sweep_orphans(struct flow *f, struct error *e)
{
    if (sweep_dir(f, "spool", spool_needed, e) < 0 ||
        sweep_dir(f, "outbox", outbox_needed, e) < 0 ||
        sweep_dir(f, "replica", replica_file_needed, e) < 0 ||
        sweep_dir(f, "inbox/stubs", stub_needed, e) < 0 ||
        sweep_dir(f, "inbox/parts", part_needed, e) < 0 ||
        sweep_dir(f, "inbox/lines", line_file_needed, e) < 0 ||
        sweep_dir(f, "inbox/moves", move_needed, e) < 0 ||
        sweep_dir(f, "inbox/full", full_needed, e) < 0)
        return -1;
    return sweep_dir(f, "Maildir/tmp", never, e);
}
