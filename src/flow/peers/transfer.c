/* SPDX-License-Identifier: GPL-3.0-or-later */
/* transfer.c - see transfer.h. Order: what the part file holds is verified again; the sender's
 * endpoints are looked up, later those of its group's members; the chunk list is fetched unless the
 * blob is one chunk; then the rest by Range. Each source that fails leaves what was verified. */
#include "flow/peers/transfer.h"
#include "base/texts.h"
#include "base/log.h"
#include "flow/peers/sources.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define LOG_AREA "transfer"
#define FROM_MAX 500      /* octets of names in the log */
#define HASTY_CONNECT_S 4 /* while other sources are left */
#define HASTY_STALL_S 5
#define HASTY_SLOWEST (8 * 1024)

struct transfer {
    struct job job;
    struct flow *flow;
    char sender[ADDRESS_MAX + 1], path[PATH_CAP], url[160];
    struct blob_ref blob;
    transfer_fn *fn;
    transfer_chunks_fn *chunks_fn;
    void *ctx;
    int fd;
    uint64_t octets, before; /* verified and written; when this source was asked */
    struct buf chunks;
    uint8_t *piece; /* the chunk that is being filled */
    size_t piece_len;
    struct sources *sources;
    struct endpoint ep; /* of the source that is asked now */
    bool patient;       /* no other is left */
    bool tampered;
    bool given; /* the chunk list is the caller's */
    char who[ADDRESS_MAX + 1];
    struct buf from;         /* who gave octets that were verified, in this order */
    struct error why, local; /* local: this peer's own disk */
};

static void next_source(struct transfer *t);

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
    if (ok && t->chunks_fn != NULL)
        t->chunks_fn(t->ctx, t->chunks.data, t->chunks.len);
    const char *from = t->from.len > 0 ? buf_str(&t->from) : "";
    t->fn(t->ctx, ok, ok ? from : t->local.text[0] != '\0' ? t->local.text : t->why.text);
    if (t->fd >= 0)
        (void)close(t->fd);
    buf_free(&t->chunks);
    buf_free(&t->from);
    sources_free(t->sources);
    free(t->piece);
    free(t);
}

static bool chunk_good(const struct transfer *t, uint64_t at, const uint8_t *p, size_t n)
{
    uint8_t h[HASH_LEN];
    sha256(p, n, h);
    return memcmp(h, t->chunks.data + at / CHUNK_LEN * HASH_LEN, HASH_LEN) == 0;
}

/* This machine's fault: the log says what; who opens the message is told that it is so. */
static int local_fault(struct transfer *t, const char *why)
{
    log_error("%s: %s", t->path, why);
    return error_set(&t->local, TEXT_NOT_STORED);
}

/* ---- the body */

static int on_body(void *ctx, const uint8_t *p, size_t n)
{
    struct transfer *t = ctx;
    while (n > 0) {
        size_t want = chunk_len(t, t->octets);
        if (want == 0) {
            t->tampered = true;
            return error_set(&t->why, TEXT_PEER_MORE, t->who);
        }
        size_t take = n < want - t->piece_len ? n : want - t->piece_len;
        memcpy(t->piece + t->piece_len, p, take);
        t->piece_len += take;
        p += take;
        n -= take;
        if (t->piece_len < want)
            break;
        if (!chunk_good(t, t->octets, t->piece, want)) {
            t->tampered = true;
            return error_set(&t->why, TEXT_PEER_OTHER, t->who);
        }
        if (pwrite_all(t->fd, t->piece, want, (off_t)t->octets, &t->local) < 0)
            return local_fault(t, t->local.text);
        t->octets += want;
        t->piece_len = 0;
    }
    return 0;
}

/* Why the source could not give it, into t->why. Complete answers that are not what they should be
 * are lies; so is more than was asked for. */
static enum source_fault judge(struct transfer *t, bool ok, int status, const char *why)
{
    if (t->tampered)
        return SOURCE_LIED;
    if (!ok && t->octets == t->blob.size) {
        (void)error_set(&t->why, TEXT_PEER_MORE, t->who);
        return SOURCE_LIED;
    }
    if (!ok && status == 200 && t->octets > 0) {
        (void)error_set(&t->why, TEXT_PEER_RESUME, t->who);
        return SOURCE_LACKS;
    }
    if (ok) {
        (void)error_set(&t->why, TEXT_PEER_LESS, t->who);
        return SOURCE_LIED;
    }
    if (status == 404) {
        (void)error_set(&t->why, TEXT_PEER_LACKS, t->who);
        return SOURCE_LACKS;
    }
    log_info("%s cannot be reached: %s", t->who, why); /* a person is told that it is so */
    (void)error_set(&t->why, TEXT_PEER_AWAY, t->who);
    return status == 0 ? SOURCE_UNREACHABLE : SOURCE_SLOW;
}

static void body_done(void *ctx, bool ok, int status, const char *why)
{
    struct transfer *t = ctx;
    bool whole = t->octets == t->blob.size;
    t->piece_len = 0;
    if (t->octets > t->before)
        (void)buf_printf(&t->from, "%s%s", t->from.len > 0 ? ", " : "", t->who);
    if (!whole || !ok) /* whole, but then came more: what was verified counts */
        sources_fault(t->sources, judge(t, ok, status, why), t->why.text);
    t->tampered = false;
    if (whole || t->local.text[0] != '\0')
        finish(t, whole);
    else
        next_source(t);
}

/* What every request of a transfer has in common. */
static struct http_fetch_config request(struct transfer *t, const char *path)
{
    return (struct http_fetch_config){.endpoint = &t->ep,
                                      .policy = sources_policy(t->sources),
                                      .path = path,
                                      .connect_seconds = t->patient ? 0 : HASTY_CONNECT_S,
                                      .stall_seconds = t->patient ? 0 : HASTY_STALL_S,
                                      .slowest = t->patient ? 0 : HASTY_SLOWEST,
                                      .ctx = t};
}

static void not_asked(struct transfer *t)
{
    sources_fault(t->sources, SOURCE_UNREACHABLE, t->why.text);
    next_source(t);
}

static void fetch_body(struct transfer *t)
{
    struct http_fetch_config c = request(t, t->url);
    c.offset = t->before = t->octets;
    c.max_bytes = t->blob.size - t->octets;
    c.data = on_body;
    c.done = body_done;
    if (http_fetch(t->flow->http, &c, &t->why) == NULL)
        not_asked(t);
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
        (void)local_fault(t, strerror(errno));
}

static void recheck_done(struct job *job)
{
    struct transfer *t = (struct transfer *)job;
    if (t->octets == t->blob.size || t->local.text[0] != '\0')
        finish(t, t->local.text[0] == '\0');
    else
        fetch_body(t);
}

static void rechecked(struct job *job)
{
    struct transfer *t = (struct transfer *)job;
    if (t->octets == t->blob.size || t->local.text[0] != '\0')
        finish(t, t->local.text[0] == '\0');
    else
        next_source(t);
}

static void have_chunks(struct transfer *t)
{
    flow_job(t->flow->files, &t->job, recheck_run, recheck_done, false);
}

/* ---- the chunk list */

static int on_chunks(void *ctx, const uint8_t *p, size_t n)
{
    struct transfer *t = ctx;
    return buf_append(&t->chunks, p, n) < 0 ? error_set(&t->why, TEXT_LIST_LONG) : 0;
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
    if (ok) {
        t->tampered = true;
        (void)error_set(&t->why, TEXT_PEER_OTHER, t->who);
    }
    buf_free(&t->chunks);
    sources_fault(t->sources, judge(t, ok, status, why), t->why.text);
    t->tampered = false;
    next_source(t);
}

static void fetch_chunks(struct transfer *t)
{
    char path[176];
    (void)snprintf(path, sizeof path, "%s/chunks", t->url);
    buf_free(&t->chunks);
    t->chunks.cap = (size_t)chunk_count(&t->blob) * HASH_LEN;
    struct http_fetch_config c = request(t, path);
    c.max_bytes = t->chunks.cap;
    c.data = on_chunks;
    c.done = chunks_done;
    if (http_fetch(t->flow->http, &c, &t->why) == NULL)
        not_asked(t);
}

static void on_source(void *ctx, const struct endpoint *ep, const char *who, bool patient)
{
    struct transfer *t = ctx;
    if (ep == NULL || t->flow->stopping) {
        (void)error_set(&t->why, "%s", who);
        finish(t, false);
        return;
    }
    t->ep = *ep;
    t->patient = patient;
    (void)snprintf(t->who, sizeof t->who, "%s", who);
    if (t->chunks.len > 0)
        have_chunks(t);
    else
        fetch_chunks(t);
}

static void next_source(struct transfer *t)
{
    sources_next(t->sources, on_source, t);
}

static void begin(struct job *job)
{
    struct transfer *t = (struct transfer *)job;
    if (t->local.text[0] != '\0')
        finish(t, false);
    else if (t->given)
        flow_job(t->flow->files, &t->job, recheck_run, rechecked, false);
    else
        next_source(t);
}

static void begin_run(struct job *job, void *thread_ctx)
{
    struct transfer *t = (struct transfer *)job;
    if (t->given && t->local.text[0] == '\0' && !chunks_good(t))
        (void)error_set(&t->local, TEXT_CONTRADICTION);
    if (t->given || t->local.text[0] != '\0' || chunk_count(&t->blob) != 1)
        return;
    /* the only chunk's hash is h itself */
    t->chunks.cap = HASH_LEN;
    (void)buf_append(&t->chunks, t->blob.hash, HASH_LEN);
    if (!chunks_good(t))
        (void)error_set(&t->local, TEXT_CONTRADICTION);
}

/* What can be known before anything is fetched: nobody else's size makes this peer work in vain. */
static int check_room(struct transfer *t)
{
    struct statvfs v;
    struct stat st;
    if (t->fd < 0 || fstat(t->fd, &st) < 0)
        return local_fault(t, strerror(errno));
    if (t->blob.size == 0 || t->blob.size > (uint64_t)CHUNKS_MAX * CHUNK_LEN)
        return error_set(&t->local, TEXT_SIZE);
    uint64_t have = (uint64_t)st.st_size;
    uint64_t left = t->blob.size > have ? t->blob.size - have : 0;
    if (fstatvfs(t->fd, &v) == 0 && v.f_frsize > 0 && left / v.f_frsize > v.f_bavail)
        return error_set(&t->local, TEXT_NO_ROOM, (unsigned long long)(t->blob.size / 1000000));
    t->piece = malloc(t->blob.size < CHUNK_LEN ? (size_t)t->blob.size : CHUNK_LEN);
    return t->piece == NULL ? error_set(&t->local, TEXT_NO_MEMORY) : 0;
}

struct transfer *transfer_start(struct flow *f, const char *sender, const struct bytes *pubkey,
                                const uint8_t fpr[FPR_LEN], const struct blob_ref *blob,
                                const char *path, transfer_fn *fn, void *ctx)
{
    struct transfer *t = calloc(1, sizeof *t);
    char hex[HASH_HEX + 1];
    if (t == NULL)
        abort();
    t->flow = f;
    t->blob = *blob;
    t->from.cap = FROM_MAX;
    t->fn = fn;
    t->ctx = ctx;
    t->sources = sources_new(f, sender, pubkey, fpr, blob->hash);
    (void)strcpy(t->sender, sender);
    (void)snprintf(t->path, sizeof t->path, "%s", path);
    hex_encode(blob->hash, HASH_LEN, hex);
    (void)snprintf(t->url, sizeof t->url, "/outbox/%s", hex);
    t->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    (void)check_room(t);
    flow_job(f->files, &t->job, begin_run, begin, true);
    return t;
}

void transfer_private(struct transfer *t)
{
    sources_vouched(t->sources);
}

void transfer_master(struct transfer *t, const uint8_t master_fpr[FPR_LEN])
{
    sources_master(t->sources, master_fpr);
}

void transfer_want_chunks(struct transfer *t, transfer_chunks_fn *fn)
{
    t->chunks_fn = fn;
}

uint64_t transfer_octets(const struct transfer *t)
{
    return t->octets;
}

void transfer_have_chunks(struct transfer *t, const uint8_t *p, size_t n)
{
    t->given = true;
    t->chunks.cap = n;
    if (buf_append(&t->chunks, p, n) < 0)
        abort();
}

int transfer_place(const struct flow *f, const char *dir, const uint8_t hash[HASH_LEN],
                   const struct bytes *chunks, struct error *e)
{
    char part[PATH_CAP], path[PATH_CAP], list[PATH_CAP], folder[PATH_CAP];
    flow_path(f, part, dir, hash, HASH_LEN, ".part");
    flow_path(f, path, dir, hash, HASH_LEN, "");
    flow_path(f, list, dir, hash, HASH_LEN, ".chunks");
    int fd = open(part, O_RDONLY | O_CLOEXEC);
    int rc = path_join(folder, f->c.home, dir, e);
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
