/* SPDX-License-Identifier: GPL-3.0-or-later */
/* transfer.c - see transfer.h. Order: what the part file holds is verified again; the sender's
 * endpoints are looked up, later those of its group's members; the chunk list is fetched unless the
 * blob is one chunk; then the rest by Range. Each source that fails leaves what was verified. */
#include "flow/peers/transfer.h"
#include "base/mem.h"
#include "base/texts.h"
#include "flow/peers/part.h"
#include "flow/peers/peer_link.h"
#include "flow/peers/reach.h"
#include "flow/peers/sources.h"
#include "base/jobs.h"
#include "flow/core/job.h"
#include "flow/core/message_log.h"
#include <stdlib.h>
#include <string.h>

#define LOG_AREA "transfer"
#define FROM_MAX 500      /* octets of names in the log */
#define HASTY_CONNECT_S 4 /* while other sources are left */
#define HASTY_STALL_S 5
#define HASTY_SLOWEST (8 * 1024)

struct transfer {
    struct job job;
    struct services *services;
    char sender[ADDRESS_MAX + 1], url[160];
    struct part part;
    transfer_fn *fn;
    transfer_chunks_fn *chunks_fn;
    void *ctx;
    uint64_t before; /* octets of the part when this source was asked */
    struct sources *sources;
    bool patient; /* no other than the source that is asked now is left */
    bool tampered;
    bool given; /* the chunk list is the caller's */
    char who[ADDRESS_MAX + 1];
    struct buf from; /* who gave octets that were verified, in this order */
    struct error why;
};

static void next_source(struct transfer *t);

/* This peer itself, whoever is asked. */
static bool at_fault(const struct transfer *t)
{
    return t->part.local.text[0] != '\0';
}

static void transfer_finish(struct transfer *t, bool ok)
{
    if (ok && t->chunks_fn != NULL)
        t->chunks_fn(t->ctx, t->part.chunks.data, t->part.chunks.len);
    const char *from = t->from.len > 0 ? buf_str(&t->from) : "";
    t->fn(t->ctx, ok, ok ? from : at_fault(t) ? t->part.local.text : t->why.text);
    part_close(&t->part);
    buf_free(&t->from);
    sources_free(t->sources);
    free(t);
}

/* ---- the body */

static int transfer_on_body(void *ctx, const uint8_t *p, size_t n)
{
    struct transfer *t = ctx;
    switch (part_feed(&t->part, p, n)) {
    case PART_FED:
        return 0;
    case PART_MORE:
        t->tampered = true;
        return error_set(&t->why, TEXT_PEER_MORE, t->who);
    case PART_OTHER:
        t->tampered = true;
        return error_set(&t->why, TEXT_PEER_OTHER, t->who);
    case PART_FAULT:
        break;
    }
    return -1;
}

/* Why the source could not give it, into t->why. Complete answers that are not what they should be
 * are lies; so is more than was asked for. */
static enum source_fault transfer_judge_source(struct transfer *t, bool ok, int status,
                                               const char *why)
{
    if (t->tampered)
        return SOURCE_LIED;
    if (!ok && part_whole(&t->part)) {
        (void)error_set(&t->why, TEXT_PEER_MORE, t->who);
        return SOURCE_LIED;
    }
    if (status == HTTP_MISPLACED) {
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
    if (reach_unasked(status, t->who, why, &t->why))
        return SOURCE_UNASKED;
    if (status == 200 || status == 206) {
        id_info(t->part.blob.hash, t->who, "the connection broke: %s", why);
        (void)error_set(&t->why, TEXT_PEER_BROKE, t->who);
        return SOURCE_SLOW;
    }
    id_info(t->part.blob.hash, t->who, "cannot be reached: %s",
            why); /* a person is told that it is so */
    (void)error_set(&t->why, TEXT_PEER_AWAY, t->who);
    return status == 0 ? SOURCE_UNREACHABLE : SOURCE_SLOW;
}

static void body_done(void *ctx, bool ok, int status, const char *why)
{
    struct transfer *t = ctx;
    bool whole = part_whole(&t->part);
    t->part.piece_len = 0;
    if (t->part.octets > t->before)
        (void)buf_printf(&t->from, "%s%s", t->from.len > 0 ? ", " : "", t->who);
    if (whole && ok)
        sources_served(t->sources);
    if (!whole || !ok) /* whole, but then came more: what was verified counts */
        sources_fault(t->sources, transfer_judge_source(t, ok, status, why), t->why.text);
    t->tampered = false;
    if (whole || at_fault(t))
        transfer_finish(t, whole);
    else
        next_source(t);
}

/* What every request of a transfer has in common. */
static struct peer_request transfer_request(struct transfer *t, const char *path)
{
    struct peer_request r = {.http = {.path = path,
                                      .connect_seconds = t->patient ? 0 : HASTY_CONNECT_S,
                                      .stall_seconds = t->patient ? 0 : HASTY_STALL_S,
                                      .slowest = t->patient ? 0 : HASTY_SLOWEST,
                                      .ctx = t}};
    sources_address(t->sources, &r);
    return r;
}

static void not_asked(struct transfer *t)
{
    sources_fault(t->sources, SOURCE_UNREACHABLE, t->why.text);
    next_source(t);
}

static void fetch_body(struct transfer *t)
{
    struct peer_request r = transfer_request(t, t->url);
    r.http.offset = t->before = t->part.octets;
    r.http.max_bytes = t->part.blob.size - t->part.octets;
    r.http.data = transfer_on_body;
    r.http.done = body_done;
    if (peer_link_begin(t->services, &r, &t->why) < 0)
        not_asked(t);
}

/* ---- what is in the part file already, verified again (a crash may have left anything) */

static void recheck_run(struct job *job, void *thread_ctx)
{
    part_recheck(&((struct transfer *)job)->part);
}

static void recheck_done(struct job *job)
{
    struct transfer *t = (struct transfer *)job;
    if (part_whole(&t->part) || at_fault(t))
        transfer_finish(t, !at_fault(t));
    else
        fetch_body(t);
}

static void rechecked(struct job *job)
{
    struct transfer *t = (struct transfer *)job;
    if (part_whole(&t->part) || at_fault(t))
        transfer_finish(t, !at_fault(t));
    else
        next_source(t);
}

static void have_chunks(struct transfer *t)
{
    job_run(t->services->files, &t->job, recheck_run, recheck_done, false);
}

/* ---- the chunk list */

static int transfer_on_chunks(void *ctx, const uint8_t *p, size_t n)
{
    struct transfer *t = ctx;
    return buf_append(&t->part.chunks, p, n) < 0 ? error_set(&t->why, TEXT_LIST_LONG) : 0;
}

static void chunks_done(void *ctx, bool ok, int status, const char *why)
{
    struct transfer *t = ctx;
    if (ok && part_has_list(&t->part)) {
        have_chunks(t);
        return;
    }
    if (ok) {
        t->tampered = true;
        (void)error_set(&t->why, TEXT_PEER_OTHER, t->who);
    }
    buf_free(&t->part.chunks);
    sources_fault(t->sources, transfer_judge_source(t, ok, status, why), t->why.text);
    t->tampered = false;
    next_source(t);
}

static void fetch_chunks(struct transfer *t)
{
    char path[176];
    (void)snprintf(path, sizeof path, "%s/chunks", t->url);
    buf_free(&t->part.chunks);
    t->part.chunks.cap = (size_t)part_chunk_count(&t->part) * HASH_LEN;
    struct peer_request r = transfer_request(t, path);
    r.http.max_bytes = t->part.chunks.cap;
    r.http.data = transfer_on_chunks;
    r.http.done = chunks_done;
    if (peer_link_begin(t->services, &r, &t->why) < 0)
        not_asked(t);
}

static void on_source(void *ctx, bool there, const char *who, bool patient)
{
    struct transfer *t = ctx;
    if (!there || t->services->stopping) {
        (void)error_set(&t->why, "%s", who);
        transfer_finish(t, false);
        return;
    }
    t->patient = patient;
    (void)snprintf(t->who, sizeof t->who, "%s", who);
    if (t->part.chunks.len > 0)
        have_chunks(t);
    else
        fetch_chunks(t);
}

static void next_source(struct transfer *t)
{
    sources_next(t->sources, on_source, t);
}

static void check_list(struct transfer *t)
{
    bool good = t->given                          ? part_has_list(&t->part)
                : part_chunk_count(&t->part) == 1 ? part_make_list(&t->part)
                                                  : true;
    if (!good)
        (void)error_set(&t->part.local, TEXT_CONTRADICTION);
}

/* Back on the loop, whose the chunk list is: the caller may have given it meanwhile. */
static void transfer_open_done(struct job *job)
{
    struct transfer *t = (struct transfer *)job;
    if (!at_fault(t))
        check_list(t);
    if (at_fault(t))
        transfer_finish(t, false);
    else if (t->given)
        job_run(t->services->files, &t->job, recheck_run, rechecked, false);
    else
        next_source(t);
}

static void transfer_open_run(struct job *job, void *thread_ctx)
{
}

struct transfer *transfer_start(struct services *sv, const char *sender, const struct bytes *pubkey,
                                const uint8_t fpr[FPR_LEN], const struct blob_ref *blob,
                                const char *path, transfer_fn *fn, void *ctx)
{
    struct transfer *t = mem_new(sizeof *t);
    char hex[HASH_HEX + 1];
    t->services = sv;
    t->from.cap = FROM_MAX;
    t->fn = fn;
    t->ctx = ctx;
    t->sources = sources_new(sv, sender, pubkey, fpr, blob->hash);
    (void)strcpy(t->sender, sender);
    hex_encode(blob->hash, HASH_LEN, hex);
    (void)snprintf(t->url, sizeof t->url, "/outbox/%s", hex);
    (void)part_open(&t->part, blob, path); /* transfer_open_done says what is wrong */
    job_run(sv->files, &t->job, transfer_open_run, transfer_open_done, true);
    return t;
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
    return t->part.octets;
}

void transfer_have_chunks(struct transfer *t, const uint8_t *p, size_t n)
{
    t->part.chunks.cap = n;
    t->given =
        buf_append(&t->part.chunks, p, n) == 0; /* without memory it is fetched like others */
}

void transfer_stream(struct transfer *t, struct growing *grows)
{
    t->part.grows = grows;
}
