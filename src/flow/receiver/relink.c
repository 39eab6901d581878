/* SPDX-License-Identifier: GPL-3.0-or-later */
/* relink.c - a home that was copied without its hard links: each stub in the Maildir is a file of
 * its own then, and the daemon's own link counts one, as if the user had expunged it. Before
 * anything runs, such stubs are found by what stands in them and linked again (P-10.21). */
#include "base/log.h"
#include "flow/receiver/expunge_scan.h"
#include "proto/stub.h"
#include "store/incoming.h"
#include "flow/core/path.h"
#include "base/file.h"
#include "base/mem.h"
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LOG_AREA "relink"
#define PAGE 1024

struct lonely { /* a stub whose own link counts one, or is missing */
    uint8_t nid[HASH_LEN];
    bool missing, linked;
};

struct relink {
    struct services *services;
    struct lonely *stub;
    size_t count, room, found;
    bool repair;
};

static int relink_by_nid(const void *a, const void *b)
{
    return memcmp(((const struct lonely *)a)->nid, ((const struct lonely *)b)->nid, HASH_LEN);
}

static int relink_add(struct relink *r, const uint8_t nid[HASH_LEN])
{
    char path[PATH_CAP];
    struct stat st;
    home_path(r->services, path, "inbox/stubs", nid, HASH_LEN, "");
    bool missing = stat(path, &st) < 0;
    if (!missing && st.st_nlink > 1)
        return 0;
    if (r->count == r->room) {
        size_t room = r->room == 0 ? 64 : r->room * 2;
        struct lonely *grown = realloc(r->stub, room * sizeof *grown);
        if (grown == NULL)
            return -1;
        r->stub = grown;
        r->room = room;
    }
    r->stub[r->count] = (struct lonely){.missing = missing};
    memcpy(r->stub[r->count++].nid, nid, HASH_LEN);
    return 0;
}

static int relink_gather(struct relink *r)
{
    int64_t n[PAGE], gone[PAGE], after = 0;
    uint8_t(*nid)[HASH_LEN] = mem_array(PAGE, sizeof *nid);
    int rc = 0;
    for (size_t got = PAGE; rc == 0 && got == PAGE; after = got > 0 ? n[got - 1] : after) {
        got = in_stubs(store_reader(r->services->store), after, n, nid, gone, NULL, PAGE);
        for (size_t i = 0; rc == 0 && i < got; i++)
            rc = relink_add(r, nid[i]);
    }
    free(nid);
    if (r->count > 0)
        qsort(r->stub, r->count, sizeof *r->stub, relink_by_nid);
    return rc;
}

/* The stub this file is, if it is one that we look for and was made here. */
static struct lonely *stub_in(struct relink *r, const char *path)
{
    char magic[sizeof STUB_MAGIC + 2 * HASH_LEN];
    struct lonely want = {0}, *s = NULL;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    ssize_t n = fd < 0 ? -1 : read(fd, magic, sizeof magic - 1);
    if (fd >= 0)
        (void)close(fd);
    if (n != (ssize_t)sizeof magic - 1 || memcmp(magic, STUB_MAGIC, sizeof STUB_MAGIC - 1) != 0)
        return NULL;
    magic[sizeof magic - 1] = '\0';
    if (hex_decode(magic + sizeof STUB_MAGIC - 1, want.nid, HASH_LEN) == 0)
        s = bsearch(&want, r->stub, r->count, sizeof *r->stub, relink_by_nid);
    if (s == NULL)
        return NULL;
    struct buf file = BUF_INIT(STUB_MAX);
    struct stub stub;
    struct error e;
    if (file_read(path, &file, &e) < 0 ||
        stub_decode(file.data, file.len, r->services->stub_key, &stub, &e) < 0)
        s = NULL;
    buf_free(&file);
    return s;
}

/* The first copy becomes our own link; the further ones become links of the first. */
static void link_copy(struct relink *r, struct lonely *s, const char *path)
{
    char own[PATH_CAP], tmp[PATH_CAP];
    home_path(r->services, own, "inbox/stubs", s->nid, HASH_LEN, "");
    if (!s->linked) {
        home_path(r->services, tmp, "inbox/stubs", s->nid, HASH_LEN, ".link");
        (void)unlink(tmp);
        s->linked = link(path, tmp) == 0 && rename(tmp, own) == 0;
        (void)unlink(tmp);
        return;
    }
    home_path(r->services, tmp, "Maildir/tmp", s->nid, HASH_LEN, ".link");
    (void)unlink(tmp);
    if (link(own, tmp) < 0 || rename(tmp, path) < 0)
        (void)unlink(tmp);
}

static void relink_look_dir(struct relink *r, const char *dir)
{
    DIR *d = opendir(dir);
    if (d == NULL)
        return;
    for (struct dirent *at; (at = readdir(d)) != NULL;) {
        char path[PATH_CAP];
        struct stat st;
        struct error e;
        if (at->d_name[0] == '.' || path_join(path, dir, at->d_name, &e) < 0 ||
            stat(path, &st) < 0 || !S_ISREG(st.st_mode) || st.st_nlink > 1)
            continue;
        struct lonely *s = stub_in(r, path);
        if (s == NULL)
            continue;
        r->found++;
        if (r->repair)
            link_copy(r, s, path);
    }
    (void)closedir(d);
}

static void look_everywhere(struct relink *r)
{
    char root[PATH_CAP], dir[PATH_CAP];
    struct error e;
    DIR *d = path_join(root, r->services->c.home, "Maildir", &e) < 0 ? NULL : opendir(root);
    if (d == NULL)
        return;
    for (struct dirent *at; (at = readdir(d)) != NULL;) {
        bool inbox = strcmp(at->d_name, ".") == 0;
        if (at->d_name[0] != '.' || strcmp(at->d_name, "..") == 0)
            continue;
        for (int i = 0; i < 2; i++) {
            int n = snprintf(dir, sizeof dir, "%s%s%s/%s", root, inbox ? "" : "/",
                             inbox ? "" : at->d_name, i == 0 ? "new" : "cur");
            if (n > 0 && n < (int)sizeof dir)
                relink_look_dir(r, dir);
        }
    }
    (void)closedir(d);
}

int expunge_scan_relink(struct services *sv, bool repair, size_t *found_r, struct error *e)
{
    struct relink r = {.services = sv, .repair = repair};
    int rc = relink_gather(&r);
    if (rc == 0 && r.count > 0)
        look_everywhere(&r);
    if (r.found > 0)
        log_warn("%zu stubs of the Maildir had lost their links%s", r.found,
                 repair ? " and were linked again" : "");
    *found_r = r.found;
    free(r.stub);
    return rc == 0 ? 0 : error_set(e, "Out of memory.");
}
