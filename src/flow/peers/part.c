/* SPDX-License-Identifier: GPL-3.0-or-later */
/* part.c - see part.h. */
#include "flow/peers/part.h"
#include "base/log.h"
#include "base/texts.h"
#include "flow/core/path.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define LOG_AREA "transfer"

/* This machine's fault: the log says what; who opens the message is told that it is so. */
static void fault(struct part *p, const char *why)
{
    log_error("%s: %s", p->path, why);
    (void)error_set(&p->local, TEXT_NOT_STORED);
}

/* What can be known before anything is fetched: nobody else's size makes this peer work in vain. */
static void check_room(struct part *p)
{
    struct statvfs v;
    struct stat st;
    if (p->fd < 0 || fstat(p->fd, &st) < 0) {
        fault(p, strerror(errno));
        return;
    }
    uint64_t size = p->blob.size, have = (uint64_t)st.st_size;
    uint64_t left = size > have ? size - have : 0;
    if (size == 0 || size > (uint64_t)CHUNKS_MAX * CHUNK_LEN)
        (void)error_set(&p->local, TEXT_SIZE);
    else if (fstatvfs(p->fd, &v) == 0 && v.f_frsize > 0 && left / v.f_frsize > v.f_bavail)
        (void)error_set(&p->local, TEXT_NO_ROOM, (unsigned long long)(size / 1000000));
    else if ((p->piece = malloc(size < CHUNK_LEN ? (size_t)size : CHUNK_LEN)) == NULL)
        (void)error_set(&p->local, TEXT_NO_MEMORY);
}

bool part_open(struct part *p, const struct blob_ref *blob, const char *path)
{
    *p = (struct part){.blob = *blob};
    (void)snprintf(p->path, sizeof p->path, "%s", path);
    p->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    check_room(p);
    return p->local.text[0] == '\0';
}

void part_close(struct part *p)
{
    if (p->fd >= 0)
        (void)close(p->fd);
    p->fd = -1;
    buf_free(&p->chunks);
    free(p->piece);
    p->piece = NULL;
}

bool part_whole(const struct part *p)
{
    return p->octets == p->blob.size;
}

uint64_t part_chunk_count(const struct part *p)
{
    return (p->blob.size + CHUNK_LEN - 1) / CHUNK_LEN;
}

bool part_has_list(const struct part *p)
{
    uint8_t h[HASH_LEN];
    if (p->chunks.len != part_chunk_count(p) * HASH_LEN)
        return false;
    sha256(p->chunks.data, p->chunks.len, h);
    return memcmp(h, p->blob.chunks_hash, HASH_LEN) == 0;
}

bool part_make_list(struct part *p)
{
    p->chunks.cap = HASH_LEN;
    (void)buf_append(&p->chunks, p->blob.hash, HASH_LEN);
    return part_has_list(p);
}

/* Octets of the chunk that begins where the verified ones end. */
static size_t next_len(const struct part *p)
{
    uint64_t left = p->blob.size - p->octets;
    return left < CHUNK_LEN ? (size_t)left : CHUNK_LEN;
}

static bool next_good(const struct part *p, size_t n)
{
    uint8_t h[HASH_LEN];
    sha256(p->piece, n, h);
    return memcmp(h, p->chunks.data + p->octets / CHUNK_LEN * HASH_LEN, HASH_LEN) == 0;
}

static void advance(struct part *p, size_t n)
{
    p->octets += n;
    if (p->grows != NULL)
        growing_to(p->grows, p->octets);
}

void part_recheck(struct part *p)
{
    struct stat st;
    if (fstat(p->fd, &st) < 0)
        return;
    while (!part_whole(p)) {
        size_t n = next_len(p);
        if ((uint64_t)st.st_size < p->octets + n ||
            pread(p->fd, p->piece, n, (off_t)p->octets) != (ssize_t)n || !next_good(p, n))
            break;
        advance(p, n);
    }
    if (ftruncate(p->fd, (off_t)p->octets) < 0)
        fault(p, strerror(errno));
}

enum part_fed part_feed(struct part *p, const uint8_t *data, size_t n)
{
    while (n > 0) {
        size_t want = next_len(p);
        if (want == 0)
            return PART_MORE;
        size_t take = n < want - p->piece_len ? n : want - p->piece_len;
        memcpy(p->piece + p->piece_len, data, take);
        p->piece_len += take;
        data += take;
        n -= take;
        if (p->piece_len < want)
            break;
        if (!next_good(p, want))
            return PART_OTHER;
        if (pwrite_all(p->fd, p->piece, want, (off_t)p->octets, &p->local) < 0) {
            struct error why = p->local;
            fault(p, why.text);
            return PART_FAULT;
        }
        advance(p, want);
        p->piece_len = 0;
    }
    return PART_FED;
}

int part_place(const struct services *sv, const char *dir, const uint8_t hash[HASH_LEN],
               const struct bytes *chunks, struct error *e)
{
    char part[PATH_CAP], path[PATH_CAP], list[PATH_CAP], folder[PATH_CAP];
    home_path(sv, part, dir, hash, HASH_LEN, ".part");
    home_path(sv, path, dir, hash, HASH_LEN, "");
    home_path(sv, list, dir, hash, HASH_LEN, ".chunks");
    int fd = open(part, O_RDONLY | O_CLOEXEC);
    int rc = path_join(folder, sv->c.home, dir, e);
    if (fd < 0 || fsync(fd) < 0)
        rc = error_set(e, "%s cannot be synced: %s.", part, strerror(errno));
    if (fd >= 0)
        (void)close(fd);
    if (rc == 0)
        rc = file_write(list, chunks->p, chunks->n, e);
    if (rc == 0 && rename(part, path) < 0)
        rc = error_set(e, "Cannot name %s: %s.", path, strerror(errno));
    return rc < 0 ? -1 : dir_sync(folder, e);
}
