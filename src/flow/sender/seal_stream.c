/* SPDX-License-Identifier: GPL-3.0-or-later */
/* seal_stream.c - see seal_stream.h. */
#include "flow/sender/seal_stream.h"
#include "flow/core/stream_worker.h"
#include "base/jobs.h"
#include "flow/core/path.h"
#include "base/file.h"
#include "base/mem.h"
#include "flow/core/message_log.h"
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LOG_AREA "seal"

struct seal_stream {
    struct job job;
    struct services *services;
    struct growing *grows; /* NULL: the job has ended */
    uint8_t id[MESSAGE_ID_LEN];
    int fd;
    uint64_t octets; /* there at the start */
    struct seal_keys keys;
    struct sealed_file body;
    bool dropped;
    seal_stream_fn *fn; /* who waits for it */
    void *ctx;
    int rc;
    struct error why;
};

struct seal_streams {
    struct seal_stream *one; /* there is one thread for it */
};

static struct seal_streams *streams_of(const struct services *sv)
{
    return module_state(sv, &seal_stream_module);
}

static void discard(struct seal_stream *x)
{
    if (streams_of(x->services)->one == x)
        streams_of(x->services)->one = NULL;
    if (x->fd >= 0)
        (void)close(x->fd);
    seal_keys_free(&x->keys);
    sealed_file_free(&x->body);
    free(x);
}

/* Nobody takes it. */
static void remove_blob(const struct seal_stream *x)
{
    char path[PATH_CAP];
    home_path(x->services, path, "outbox", x->body.hash, HASH_LEN, ".sealed");
    if (x->rc == 0)
        (void)unlink(path);
}

static void seal_stream_give(struct seal_stream *x)
{
    char path[PATH_CAP];
    home_path(x->services, path, "outbox", x->body.hash, HASH_LEN, ".sealed");
    /* who came so late for it that fsck took it for a leftover seals again */
    bool good = x->rc == 0 && file_exists(path);
    x->fn(x->ctx, good ? &x->body : NULL, good ? &x->keys : NULL);
    if (good && x->body.pkesk != NULL) /* refused */
        remove_blob(x);
    discard(x);
}

static void seal_stream_run(struct job *job, void *thread_ctx)
{
    struct seal_stream *x = (struct seal_stream *)job;
    x->rc = seal_file(x->services, thread_ctx, x->id, &x->keys, x->fd, x->octets, x->grows,
                      &x->body, &x->why);
}

static void seal_stream_done(struct job *job)
{
    struct seal_stream *x = (struct seal_stream *)job;
    stream_worker_leave(x->services);
    x->grows = NULL;
    store_crash_point("seal_stream.after");
    if (x->rc < 0 && !x->dropped)
        id_info(x->id, NULL, "not sealed while it came: %s", x->why.text);
    if (x->dropped) {
        remove_blob(x);
        discard(x);
    } else if (x->fn != NULL) {
        seal_stream_give(x);
    } else if (x->rc < 0) {
        discard(x);
    }
}

static struct seal_stream *seal_stream_find(const struct services *sv,
                                            const uint8_t id[MESSAGE_ID_LEN])
{
    const struct seal_streams *all = streams_of(sv);
    return all != NULL && all->one != NULL && memcmp(all->one->id, id, MESSAGE_ID_LEN) == 0
               ? all->one
               : NULL;
}

static void seal_stream_discard(struct seal_stream *x)
{
    streams_of(x->services)->one = NULL;
    if (x->grows != NULL) {
        x->dropped = true;
        growing_abort(x->grows);
    } else {
        remove_blob(x);
        discard(x);
    }
}

/* Those that the step will seal to first: the others' keys are not known yet. */
static int seal_stream_gather_keys(struct seal_stream *x, const struct recipients *to)
{
    struct db *db = store_reader(x->services->store);
    if (seal_keys_init(&x->keys, to->count) < 0)
        return error_set(&x->why, "Out of memory.");
    for (size_t i = 0; i < to->count; i++)
        if (to->item[i].known && !to->item[i].own &&
            seal_keys_add(&x->keys, db, to->item[i].address, &x->why) < 0)
            return -1;
    if (x->keys.count == 0)
        return error_set(&x->why, "No recipient's key is known yet.");
    return sealed_file_init(&x->body, x->keys.count);
}

bool seal_stream_start(struct services *sv, const uint8_t id[MESSAGE_ID_LEN],
                       const struct recipients *to, uint64_t octets)
{
    char path[PATH_CAP];
    struct seal_streams *all = streams_of(sv);
    if (all == NULL || stream_worker_busy(sv))
        return false;
    if (all->one != NULL) /* ended long ago, and nobody asked for it */
        seal_stream_discard(all->one);
    struct seal_stream *x = mem_new(sizeof *x);
    x->services = sv;
    x->octets = octets;
    memcpy(x->id, id, MESSAGE_ID_LEN);
    home_path(sv, path, "spool", id, MESSAGE_ID_LEN, "");
    x->fd = open(path, O_RDONLY | O_CLOEXEC);
    if (x->fd >= 0 && seal_stream_gather_keys(x, to) == 0)
        x->grows = stream_worker_take(sv);
    if (x->grows == NULL) {
        discard(x);
        return false;
    }
    all->one = x;
    growing_to(x->grows, octets);
    stream_worker_run(sv, &x->job, seal_stream_run, seal_stream_done);
    return true;
}

void seal_stream_more(struct services *sv, const uint8_t id[MESSAGE_ID_LEN], uint64_t octets)
{
    struct seal_stream *x = seal_stream_find(sv, id);
    if (x != NULL && x->grows != NULL)
        growing_to(x->grows, octets);
}

void seal_stream_end(struct services *sv, const uint8_t id[MESSAGE_ID_LEN])
{
    struct seal_stream *x = seal_stream_find(sv, id);
    if (x != NULL && x->grows != NULL)
        growing_end(x->grows);
}

void seal_stream_drop(struct services *sv, const uint8_t id[MESSAGE_ID_LEN])
{
    struct seal_stream *x = seal_stream_find(sv, id);
    if (x != NULL)
        seal_stream_discard(x);
}

bool seal_stream_claim(struct services *sv, const uint8_t id[MESSAGE_ID_LEN], seal_stream_fn *fn,
                       void *ctx)
{
    struct seal_stream *x = seal_stream_find(sv, id);
    if (x == NULL)
        return false;
    x->fn = fn;
    x->ctx = ctx;
    if (x->grows == NULL)
        seal_stream_give(x);
    return true;
}

static int streams_start(struct services *sv, struct error *e)
{
    (void)module_new(sv, &seal_stream_module, sizeof(struct seal_streams));
    return 0;
}

static void streams_free(struct services *sv)
{
    const struct seal_streams *all = streams_of(sv);
    if (all != NULL && all->one != NULL && all->one->grows == NULL)
        discard(all->one);
}

const struct module seal_stream_module = {.start = streams_start, .free = streams_free};
