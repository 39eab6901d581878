/* SPDX-License-Identifier: GPL-3.0-or-later */
/* transfer.c - see transfer.h. Order: what the part file holds is verified again; the sender's
 * endpoints are looked up; the chunk list is fetched unless the blob is one chunk; then the rest by
 * Range. */
#include "flow/transfer.h"
#include "base/log.h"
#include "flow/whereabouts.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define LOG_AREA "transfer"

struct transfer {
    struct job job;
    struct flow *flow;
    char sender[ADDRESS_MAX + 1], path[PATH_CAP], url[160];
    struct bytes pubkey;
    uint8_t fpr[FPR_LEN];
    struct blob_ref blob;
    transfer_fn *fn;
    void *ctx;
    int fd;
    uint64_t octets; /* verified and written */
    struct buf chunks;
    uint8_t *piece; /* the chunk that is being filled */
    size_t piece_len;
    struct endpoint ep[ENDPOINTS_MAX];
    size_t ep_count, ep_next;
    bool tampered;
    bool local; /* this peer's disk is the reason: no other endpoint helps */
    struct error why;
};

static void next_endpoint(struct transfer *t);

static uint64_t chunk_count(const struct blob_ref *b)
{
    return (b->size + CHUNK_LEN - 1) / CHUNK_LEN;
}

static size_t chunk_len(const struct transfer *t, uint64_t at)
{
    uint64_t left = t->blob.size - at;
    return left < CHUNK_LEN ? (size_t)left : CHUNK_LEN;
}

static void finish(struct transfer *t, bool ok)
{
    t->fn(t->ctx, ok, ok ? "" : t->why.text);
    if (t->fd >= 0)
        (void)close(t->fd);
    buf_free(&t->chunks);
    bytes_free(&t->pubkey);
    free(t->piece);
    free(t);
}

static bool chunk_good(const struct transfer *t, uint64_t at, const uint8_t *p, size_t n)
{
    uint8_t h[HASH_LEN];
    sha256(p, n, h);
    return memcmp(h, t->chunks.data + at / CHUNK_LEN * HASH_LEN, HASH_LEN) == 0;
}

/* ---- the body */

static int on_body(void *ctx, const uint8_t *p, size_t n)
{
    struct transfer *t = ctx;
    while (n > 0) {
        size_t want = chunk_len(t, t->octets);
        if (want == 0)
            return error_set(&t->why, "The sender sent more than it announced.");
        size_t take = n < want - t->piece_len ? n : want - t->piece_len;
        memcpy(t->piece + t->piece_len, p, take);
        t->piece_len += take;
        p += take;
        n -= take;
        if (t->piece_len < want)
            break;
        if (!chunk_good(t, t->octets, t->piece, want)) {
            t->tampered = true;
            return error_set(&t->why, "A piece of the message is not what its sender announced.");
        }
        if (pwrite_all(t->fd, t->piece, want, (off_t)t->octets, &t->why) < 0) {
            t->local = true;
            return -1;
        }
        t->octets += want;
        t->piece_len = 0;
    }
    return 0;
}

static void body_done(void *ctx, bool ok, int status, const char *why)
{
    struct transfer *t = ctx;
    t->piece_len = 0;
    if (ok && t->octets == t->blob.size) {
        finish(t, true);
        return;
    }
    if (t->local) {
        finish(t, false);
        return;
    }
    if (t->tampered)
        log_warn("%s: %s", t->sender, t->why.text);
    else if (status == 404)
        (void)error_set(&t->why, "%s does not offer this message any more.", t->sender);
    else
        (void)error_set(&t->why, "%s cannot be reached (%s)", t->sender, ok ? "short answer" : why);
    whereabouts_forget(t->sender);
    next_endpoint(t);
}

static void fetch_body(struct transfer *t)
{
    struct http_fetch_config c = {.endpoint = &t->ep[t->ep_next - 1],
                                  .policy = &t->flow->policy,
                                  .path = t->url,
                                  .offset = t->octets,
                                  .max_bytes = t->blob.size - t->octets,
                                  .data = on_body,
                                  .done = body_done,
                                  .ctx = t};
    if (http_fetch(t->flow->http, &c, &t->why) == NULL)
        next_endpoint(t);
}

/* ---- what is in the part file already, verified again (a crash may have left anything) */

static void recheck_run(struct job *job, void *thread_ctx)
{
    struct transfer *t = (struct transfer *)job;
    struct stat st;
    if (fstat(t->fd, &st) < 0)
        return;
    while (t->octets < t->blob.size) {
        size_t n = chunk_len(t, t->octets);
        if ((uint64_t)st.st_size < t->octets + n ||
            pread(t->fd, t->piece, n, (off_t)t->octets) != (ssize_t)n ||
            !chunk_good(t, t->octets, t->piece, n))
            break;
        t->octets += n;
    }
    if (ftruncate(t->fd, (off_t)t->octets) < 0)
        (void)error_set(&t->why, "The part file cannot be cut: %s.", strerror(errno));
}

static void recheck_done(struct job *job)
{
    struct transfer *t = (struct transfer *)job;
    if (t->octets == t->blob.size)
        finish(t, true);
    else
        fetch_body(t);
}

static void have_chunks(struct transfer *t)
{
    flow_job(t->flow->files, &t->job, recheck_run, recheck_done, false);
}

/* ---- the chunk list */

static int on_chunks(void *ctx, const uint8_t *p, size_t n)
{
    struct transfer *t = ctx;
    return buf_append(&t->chunks, p, n) < 0
               ? error_set(&t->why, "The chunk list is longer than announced.")
               : 0;
}

static bool chunks_good(const struct transfer *t)
{
    uint8_t h[HASH_LEN];
    if (t->chunks.len != chunk_count(&t->blob) * HASH_LEN)
        return false;
    sha256(t->chunks.data, t->chunks.len, h);
    return memcmp(h, t->blob.chunks_hash, HASH_LEN) == 0;
}

static void chunks_done(void *ctx, bool ok, int status, const char *why)
{
    struct transfer *t = ctx;
    if (ok && chunks_good(t)) {
        have_chunks(t);
        return;
    }
    if (ok)
        (void)error_set(&t->why, "The list of pieces is not what %s announced.", t->sender);
    else if (status == 404)
        (void)error_set(&t->why, "%s does not offer this message any more.", t->sender);
    else
        (void)error_set(&t->why, "%s cannot be reached (%s)", t->sender, why);
    buf_free(&t->chunks);
    whereabouts_forget(t->sender);
    next_endpoint(t);
}

static void fetch_chunks(struct transfer *t)
{
    char path[176];
    (void)snprintf(path, sizeof path, "%s/chunks", t->url);
    t->chunks.cap = (size_t)chunk_count(&t->blob) * HASH_LEN;
    struct http_fetch_config c = {.endpoint = &t->ep[t->ep_next - 1],
                                  .policy = &t->flow->policy,
                                  .path = path,
                                  .max_bytes = t->chunks.cap,
                                  .data = on_chunks,
                                  .done = chunks_done,
                                  .ctx = t};
    if (http_fetch(t->flow->http, &c, &t->why) == NULL)
        next_endpoint(t);
}

static void next_endpoint(struct transfer *t)
{
    if (t->ep_next == t->ep_count || t->flow->stopping) {
        finish(t, false);
        return;
    }
    t->ep_next++;
    if (t->chunks.len > 0) {
        have_chunks(t);
    } else if (chunk_count(&t->blob) == 1) { /* the only chunk's hash is h itself */
        t->chunks.cap = HASH_LEN;
        (void)buf_append(&t->chunks, t->blob.hash, HASH_LEN);
        if (!chunks_good(t)) {
            (void)error_set(&t->why, "The notification contradicts itself.");
            finish(t, false);
        } else {
            have_chunks(t);
        }
    } else {
        fetch_chunks(t);
    }
}

static void on_where(void *ctx, const struct endpoint *ep, size_t count, const char *why)
{
    struct transfer *t = ctx;
    memcpy(t->ep, ep, count * sizeof *ep);
    t->ep_count = count;
    if (count == 0)
        (void)error_set(&t->why, "%s", why);
    next_endpoint(t);
}

static void refuse_run(struct job *job, void *thread_ctx)
{
}

static void refused(struct job *job)
{
    finish((struct transfer *)job, false);
}

/* What can be known before anything is fetched: nobody else's size makes this peer work in vain. */
static int check_room(struct transfer *t)
{
    struct statvfs v;
    struct stat st;
    if (t->fd < 0 || fstat(t->fd, &st) < 0)
        return error_set(&t->why, "The message cannot be stored here: %s.", strerror(errno));
    if (t->blob.size == 0 || t->blob.size > (uint64_t)CHUNKS_MAX * CHUNK_LEN)
        return error_set(&t->why, "Its announced size is impossible.");
    uint64_t have = (uint64_t)st.st_size;
    uint64_t left = t->blob.size > have ? t->blob.size - have : 0;
    if (fstatvfs(t->fd, &v) == 0 && v.f_frsize > 0 && left / v.f_frsize > v.f_bavail)
        return error_set(&t->why, "There is no room for its %llu MB on this peer's disk.",
                         (unsigned long long)(t->blob.size / 1000000));
    t->piece = malloc(t->blob.size < CHUNK_LEN ? (size_t)t->blob.size : CHUNK_LEN);
    return t->piece == NULL ? error_set(&t->why, "Out of memory.") : 0;
}

struct transfer *transfer_start(struct flow *f, const char *sender, const struct bytes *pubkey,
                                const uint8_t fpr[FPR_LEN], const struct blob_ref *blob,
                                const char *path, transfer_fn *fn, void *ctx)
{
    struct transfer *t = calloc(1, sizeof *t);
    char hex[HASH_HEX + 1];
    if (t == NULL || bytes_set(&t->pubkey, pubkey->p, pubkey->n) < 0)
        abort();
    t->flow = f;
    t->blob = *blob;
    t->fn = fn;
    t->ctx = ctx;
    memcpy(t->fpr, fpr, FPR_LEN);
    (void)strcpy(t->sender, sender);
    (void)snprintf(t->path, sizeof t->path, "%s", path);
    hex_encode(blob->hash, HASH_LEN, hex);
    (void)snprintf(t->url, sizeof t->url, "/outbox/%s", hex);
    t->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (check_room(t) < 0) {
        flow_job(f->files, &t->job, refuse_run, refused, true);
        return t;
    }
    whereabouts_find(f, sender, &t->pubkey, fpr, on_where, t);
    return t;
}

uint64_t transfer_octets(const struct transfer *t)
{
    return t->octets;
}
