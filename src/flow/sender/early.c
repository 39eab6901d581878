/* SPDX-License-Identifier: GPL-3.0-or-later */
/* early.c - see early.h. */
#include "flow/sender/early.h"
#include "base/log.h"
#include "flow/follower.h"
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LOG_AREA "seal"

struct early {
    struct job job;
    struct flow *flow;
    struct growing *grows; /* NULL: the job has ended */
    uint8_t id[MESSAGE_ID_LEN];
    int fd;
    uint64_t octets; /* there at the start */
    struct seal_keys keys;
    struct sealed_file body;
    bool dropped;
    early_fn *fn; /* who waits for it */
    void *ctx;
    int rc;
    struct error why;
};

static void discard(struct early *x)
{
    if (x->flow->early == x)
        x->flow->early = NULL;
    if (x->fd >= 0)
        (void)close(x->fd);
    seal_keys_free(&x->keys);
    sealed_file_free(&x->body);
    free(x);
}

/* Nobody takes it. */
static void remove_blob(const struct early *x)
{
    char path[PATH_CAP];
    flow_path(x->flow, path, "outbox", x->body.hash, HASH_LEN, ".sealed");
    if (x->rc == 0)
        (void)unlink(path);
}

static void hand_over(struct early *x)
{
    char path[PATH_CAP];
    flow_path(x->flow, path, "outbox", x->body.hash, HASH_LEN, ".sealed");
    /* who came so late for it that fsck took it for a leftover seals again */
    bool good = x->rc == 0 && file_exists(path);
    x->fn(x->ctx, good ? &x->body : NULL, good ? &x->keys : NULL);
    if (good && x->body.skp != NULL) /* refused */
        remove_blob(x);
    discard(x);
}

static void early_run(struct job *job, void *thread_ctx)
{
    struct early *x = (struct early *)job;
    x->rc = seal_file(x->flow, thread_ctx, x->id, &x->keys, x->fd, x->octets, x->grows, &x->body,
                      &x->why);
}

static void early_done(struct job *job)
{
    struct early *x = (struct early *)job;
    follower_leave(x->flow);
    x->grows = NULL;
    store_crash_point("early.after");
    if (x->rc < 0 && !x->dropped)
        log_info("a message could not be sealed while it came: %s", x->why.text);
    if (x->dropped) {
        remove_blob(x);
        discard(x);
    } else if (x->fn != NULL) {
        hand_over(x);
    } else if (x->rc < 0) {
        discard(x);
    }
}

static struct early *find(const struct flow *f, const uint8_t id[MESSAGE_ID_LEN])
{
    return f->early != NULL && memcmp(f->early->id, id, MESSAGE_ID_LEN) == 0 ? f->early : NULL;
}

static void drop(struct early *x)
{
    x->flow->early = NULL;
    if (x->grows != NULL) {
        x->dropped = true;
        growing_abort(x->grows);
    } else {
        remove_blob(x);
        discard(x);
    }
}

/* Those that the step will seal to first: the others' keys are not known yet. */
static int gather(struct early *x, const struct receivers *to)
{
    struct db *db = store_reader(x->flow->store);
    if (seal_keys_init(&x->keys, to->count) < 0)
        return error_set(&x->why, "Out of memory.");
    for (size_t i = 0; i < to->count; i++)
        if (to->item[i].known && !to->item[i].own &&
            seal_keys_add(&x->keys, db, to->item[i].address, &x->why) < 0)
            return -1;
    if (x->keys.count == 0)
        return error_set(&x->why, "No receiver's key is known yet.");
    return sealed_file_init(&x->body, x->keys.count);
}

bool early_start(struct flow *f, const uint8_t id[MESSAGE_ID_LEN], const struct receivers *to,
                 uint64_t octets)
{
    char path[PATH_CAP];
    if (f->followed != NULL)
        return false;
    if (f->early != NULL) /* ended long ago, and nobody asked for it */
        drop(f->early);
    struct early *x = calloc(1, sizeof *x);
    if (x == NULL)
        return false;
    x->flow = f;
    x->octets = octets;
    memcpy(x->id, id, MESSAGE_ID_LEN);
    flow_path(f, path, "spool", id, MESSAGE_ID_LEN, "");
    x->fd = open(path, O_RDONLY | O_CLOEXEC);
    if (x->fd >= 0 && gather(x, to) == 0)
        x->grows = follower_take(f);
    if (x->grows == NULL) {
        discard(x);
        return false;
    }
    f->early = x;
    growing_to(x->grows, octets);
    follower_run(f, &x->job, early_run, early_done);
    return true;
}

void early_more(struct flow *f, const uint8_t id[MESSAGE_ID_LEN], uint64_t octets)
{
    struct early *x = find(f, id);
    if (x != NULL && x->grows != NULL)
        growing_to(x->grows, octets);
}

void early_end(struct flow *f, const uint8_t id[MESSAGE_ID_LEN])
{
    struct early *x = find(f, id);
    if (x != NULL && x->grows != NULL)
        growing_end(x->grows);
}

void early_drop(struct flow *f, const uint8_t id[MESSAGE_ID_LEN])
{
    struct early *x = find(f, id);
    if (x != NULL)
        drop(x);
}

bool early_claim(struct flow *f, const uint8_t id[MESSAGE_ID_LEN], early_fn *fn, void *ctx)
{
    struct early *x = find(f, id);
    if (x == NULL)
        return false;
    x->fn = fn;
    x->ctx = ctx;
    if (x->grows == NULL)
        hand_over(x);
    return true;
}

void early_free(struct flow *f)
{
    if (f->early != NULL && f->early->grows == NULL)
        discard(f->early);
}
