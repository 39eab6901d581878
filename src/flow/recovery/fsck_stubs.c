/* SPDX-License-Identifier: GPL-3.0-or-later */
/* fsck_stubs.c - stubs in the Maildir that no row can fill any more: a person sees a message there
 * that never opens; see fsck.h. The Maildir is read by a worker, since it may hold very much mail;
 * the rows are looked at afterwards. */
#include "flow/recovery/fsck.h"
#include "proto/stub.h"
#include "store/check.h"
#include "base/file.h"
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SEEN_MAX 1000000

/* Is it a stub that was made here? */
static bool is_stub(const struct services *sv, const char *path, uint8_t nid[HASH_LEN])
{
    char magic[sizeof STUB_MAGIC - 1];
    struct stub stub;
    struct error e;
    struct buf file = BUF_INIT(STUB_MAX);
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    bool yes = fd >= 0 && read(fd, magic, sizeof magic) == (ssize_t)sizeof magic &&
               memcmp(magic, STUB_MAGIC, sizeof magic) == 0;
    if (fd >= 0)
        (void)close(fd);
    yes = yes && file_read(path, &file, &e) == 0 &&
          stub_decode(file.data, file.len, sv->stub_key, &stub, &e) == 0;
    if (yes)
        memcpy(nid, stub.id, HASH_LEN);
    buf_free(&file);
    return yes;
}

static void see(struct fsck *x, const char *what, const uint8_t nid[HASH_LEN])
{
    if (x->seen_count == x->seen_room && x->seen_room < SEEN_MAX) {
        size_t room = x->seen_room == 0 ? 32 : x->seen_room * 2;
        struct fsck_seen *grown = realloc(x->seen, room * sizeof *grown);
        if (grown == NULL)
            return;
        x->seen = grown;
        x->seen_room = room;
    }
    if (x->seen_count == x->seen_room)
        return;
    struct fsck_seen *s = &x->seen[x->seen_count++];
    (void)snprintf(s->what, sizeof s->what, "%s", what);
    memcpy(s->nid, nid, HASH_LEN);
}

static void read_dir(struct fsck *x, const char *sub)
{
    char dir[PATH_CAP];
    struct error e;
    DIR *d = path_join(dir, x->services->c.home, sub, &e) < 0 ? NULL : opendir(dir);
    for (struct dirent *at; d != NULL && (at = readdir(d)) != NULL;) {
        char what[PATH_CAP], path[PATH_CAP];
        uint8_t nid[HASH_LEN];
        if (at->d_name[0] != '.' && path_join(what, sub, at->d_name, &e) == 0 &&
            strlen(what) < sizeof x->seen->what && path_join(path, dir, at->d_name, &e) == 0 &&
            is_stub(x->services, path, nid))
            see(x, what, nid);
    }
    if (d != NULL)
        (void)closedir(d);
}

void fsck_stubs_read(struct fsck *x)
{
    char root[PATH_CAP];
    struct error e;
    DIR *d = path_join(root, x->services->c.home, "Maildir", &e) < 0 ? NULL : opendir(root);
    for (struct dirent *at; d != NULL && (at = readdir(d)) != NULL;) {
        static const char *const part[] = {"new", "cur"};
        char sub[320];
        bool inbox = strcmp(at->d_name, ".") == 0;
        if (at->d_name[0] != '.' || strcmp(at->d_name, "..") == 0)
            continue;
        for (size_t i = 0; i < 2; i++) {
            (void)snprintf(sub, sizeof sub, "Maildir/%s%s%s", inbox ? "" : at->d_name,
                           inbox ? "" : "/", part[i]);
            read_dir(x, sub);
        }
    }
    if (d != NULL)
        (void)closedir(d);
}

/* Does a row still fill this stub, or take it away? */
static bool has_row(struct db *db, const uint8_t nid[HASH_LEN])
{
    struct incoming in;
    int64_t n = in_find(db, nid);
    if (n == 0 || in_get(db, n, &in) < 0)
        return false;
    bool yes = in.state <= IN_ANSWER || (in.state == IN_EXPIRED && !in.expiry_noticed);
    incoming_free(&in);
    return yes;
}

void fsck_stubs_judge(struct fsck *x)
{
    for (size_t i = 0; i < x->seen_count; i++) {
        char path[PATH_CAP];
        uint8_t nid[HASH_LEN];
        struct error e;
        const struct fsck_seen *s = &x->seen[i];
        if (!has_row(x->db, s->nid) && path_join(path, x->services->c.home, s->what, &e) == 0 &&
            is_stub(x->services, path, nid))
            (void)fsck_add(x, FSCK_STRAY, 0, "%s", s->what);
    }
}
