/* SPDX-License-Identifier: GPL-3.0-or-later */
/* replicate.c - steps of replication: a listed blob is fetched, one that may go is dropped, another
 * member's notification is put into the DHT again (P-12.3 to P-12.6). */
#include "base/clock.h"
#include "flow/group/replicas.h"
#include "flow/core/message_log.h"
#include "flow/core/step.h"
#include "flow/peers/part.h"
#include "flow/peers/transfer.h"
#include "store/replicas.h"
#include "store/groups.h"
#include "base/jobs.h"
#include "dht/dht.h"
#include "flow/core/job.h"
#include "flow/core/path.h"
#include "base/file.h"
#include "base/mem.h"
#include "proto/entry.h"
#include "flow/core/trusted_clock.h"
#include <stdlib.h>
#include <string.h>

#define LOG_AREA "replica"

struct found {
    const char *address;
    struct group_fellow *m;
    bool found;
};

static bool find_fellow(void *ctx, const struct group_fellow *m)
{
    struct found *x = ctx;
    if (strcmp(m->address, x->address) != 0)
        return true;
    *x->m = *m;
    x->m->pubkey = (struct bytes){0};
    x->found = bytes_set(&x->m->pubkey, m->pubkey.p, m->pubkey.n) == 0;
    return false;
}

int fellow_get(const struct services *sv, const char *address, struct group_fellow *m)
{
    if (strcmp(address, sv->c.address) == 0) { /* what is taken back; others are asked */
        *m = (struct group_fellow){0};
        (void)strcpy(m->address, address);
        memcpy(m->fpr, sv->fpr, FPR_LEN);
        return bytes_set(&m->pubkey, sv->pubkey.p, sv->pubkey.n);
    }
    struct found x = {address, m, false};
    group_fellows(store_reader(sv->store), sv->c.address, find_fellow, &x);
    return x.found ? 0 : -1;
}

/* ---- fetching */

struct replicating {
    struct job job;
    struct work *w;
    struct replica r;
    struct group_fellow owner;
    struct bytes chunks;
    char part[PATH_CAP], path[PATH_CAP];
    bool drop;
    bool no_list; /* there was no memory for the chunk list */
    int rc;
    struct error why;
};

static void replicate_end(struct replicating *x, const char *why)
{
    work_over(x->w, why);
    bytes_free(&x->chunks);
    bytes_free(&x->owner.pubkey);
    free(x);
}

static int replicate_held_run(struct db *db, void *arg)
{
    struct replicating *x = arg;
    return x->drop ? replica_set_drop(db, x->r.n) : replica_set_held(db, x->r.n);
}

static void replicate_held_done(void *arg, int rc)
{
    struct replicating *x = arg;
    store_crash_point("replicate.after");
    if (rc == 0 && !x->drop)
        work_info(x->w, "replicated: %llu bytes", (unsigned long long)x->r.ref.size);
    replicate_end(x, rc != 0 ? store_refused(NULL, "a replica") : NULL);
}

static void store_run(struct job *job, void *thread_ctx)
{
    struct replicating *x = (struct replicating *)job;
    x->rc = part_place(x->w->services, "replica", x->r.ref.hash, &x->chunks, &x->why);
}

static void store_done(struct job *job)
{
    struct replicating *x = (struct replicating *)job;
    store_crash_point("replicate.before");
    if (x->rc != 0)
        replicate_end(x, x->why.text);
    else
        store_do(x->w->services->store, replicate_held_run, replicate_held_done, x);
}

static void replicate_on_blob(void *ctx, bool ok, const char *why)
{
    struct replicating *x = ctx;
    struct replica now;
    store_crash_point("replicate.fetched");
    if (x->w->services->stopping) {
        replicate_end(x, NULL);
    } else if (replica_get(store_reader(x->w->services->store), x->r.n, &now) < 0 ||
               now.state != REPLICA_WANTED) { /* removed meanwhile */
        replicate_end(x, NULL);
    } else if (!ok || x->no_list) {
        replicate_end(x, ok ? "There is no memory for the list of its chunks." : why);
    } else {
        job_run(x->w->services->files, &x->job, store_run, store_done, false);
    }
}

static void replicate_on_chunks(void *ctx, const uint8_t *p, size_t n)
{
    struct replicating *x = ctx;
    x->no_list = bytes_set(&x->chunks, p, n) < 0;
}

static void replicate_start(struct work *w)
{
    struct services *sv = w->services;
    struct replicating *x = mem_new(sizeof *x);
    if (replica_get(store_reader(sv->store), w->n, &x->r) < 0) {
        free(x);
        work_retry(w, store_unread(NULL, "Its row"));
        return;
    }
    x->w = w;
    home_path(sv, x->part, "replica", x->r.ref.hash, HASH_LEN, ".part");
    home_path(sv, x->path, "replica", x->r.ref.hash, HASH_LEN, "");
    if (fellow_get(sv, x->r.owner, &x->owner) < 0) { /* it left the group */
        x->drop = true;
        store_do(sv->store, replicate_held_run, replicate_held_done, x);
        return;
    }
    /* a crash came between naming and committing: looked at again, octet by octet */
    if (file_exists(x->path) && !file_exists(x->part))
        (void)rename(x->path, x->part);
    struct transfer *t = transfer_start(sv, x->r.owner, &x->owner.pubkey, x->owner.fpr, &x->r.ref,
                                        x->part, replicate_on_blob, x);
    uint8_t master_fpr[FPR_LEN];
    if (strcmp(x->r.owner, sv->c.address) == 0 &&
        group_own_master(store_reader(sv->store), master_fpr))
        transfer_master(t, master_fpr);
    transfer_want_chunks(t, replicate_on_chunks);
}

QUEUE(replicate);
const struct step step_replicate = {
    .queue = &queue_replicate,
    .parallel = 4,
    .needs_net = true,
    .start = replicate_start,
};

/* ---- dropping */

struct dropping {
    struct job job;
    struct work *w;
    struct replica r;
    bool needed; /* another member lists the same blob */
    int rc;
    struct error why;
};

static void drop_run(struct job *job, void *thread_ctx)
{
    struct dropping *x = (struct dropping *)job;
    static const char *const suffix[] = {"", ".chunks", ".part"};
    char path[PATH_CAP];
    for (size_t i = 0; i < 3 && x->rc == 0 && !x->needed; i++) {
        home_path(x->w->services, path, "replica", x->r.ref.hash, HASH_LEN, suffix[i]);
        x->rc = file_remove(path, &x->why);
    }
}

static int drop_commit(struct db *db, void *arg)
{
    struct dropping *x = arg;
    const struct services *sv = x->w->services;
    return replica_dropped(db, &x->r, sv->c.address, sv->c.quota, trusted_now_ms(sv));
}

static void drop_committed(void *arg, int rc)
{
    struct dropping *x = arg;
    store_crash_point("replica_drop.after");
    work_over(x->w, rc != 0 ? store_refused(NULL, "a dropped replica") : NULL);
    free(x);
}

static void drop_done(struct job *job)
{
    struct dropping *x = (struct dropping *)job;
    store_crash_point("replica_drop.before");
    if (x->rc != 0) {
        work_retry(x->w, x->why.text);
        free(x);
    } else {
        store_do(x->w->services->store, drop_commit, drop_committed, x);
    }
}

static void replica_drop_start(struct work *w)
{
    struct db *db = store_reader(w->services->store);
    unsigned failed = store_failed_reads();
    struct dropping *x = mem_new(sizeof *x);
    bool got = replica_get(db, w->n, &x->r) == 0;
    if (got)
        x->needed = replica_needed_beside(db, x->r.n, x->r.ref.hash);
    if (!got || store_failed_reads() != failed) {
        free(x);
        work_retry(w, store_unread(NULL, "Its row"));
        return;
    }
    x->w = w;
    job_run(w->services->files, &x->job, drop_run, drop_done, true);
}

QUEUE(replica_drop);
const struct step step_replica_drop = {
    .queue = &queue_replica_drop,
    .parallel = 8,
    .start = replica_drop_start,
};

/* ---- another member's notification */

struct reputting {
    struct work *w;
    struct replica_ns r;
    bool gone;
};

static int reput_run(struct db *db, void *arg)
{
    struct reputting *x = arg;
    return x->gone ? replica_ns_delete(db, x->r.n)
                   : replica_ns_delay(db, x->r.n, clock_wall_ms() + x->w->services->c.reput);
}

static void reput_done(void *arg, int rc)
{
    struct reputting *x = arg;
    store_crash_point("reput.after");
    if (rc != 0)
        work_retry(x->w, store_refused(NULL, "a notification's delay"));
    else
        work_end(x->w);
    replica_ns_free(&x->r);
    free(x);
}

static void replicate_on_put(void *ctx, enum dht_result r, const char *why)
{
    struct reputting *x = ctx;
    store_crash_point("reput.before");
    if (r != DHT_OK) {
        work_retry(x->w, why);
        replica_ns_free(&x->r);
        free(x);
    } else {
        store_do(x->w->services->store, reput_run, reput_done, x);
    }
}

static void replicate_on_look(void *ctx, bool ok, enum dht_presence presence)
{
    struct reputting *x = ctx;
    int64_t now = clock_wall_ms() / 1000;
    if (ok &&
        (presence == DHT_DELETED || presence == DHT_PRESENT)) { /* its holders keep it alive */
        x->gone = presence == DHT_DELETED;
        store_crash_point("reput.before");
        store_do(x->w->services->store, reput_run, reput_done, x);
        return;
    }
    int64_t until = x->r.expiry_s < now + DHT_LIFE_MAX ? x->r.expiry_s : now + DHT_LIFE_MAX;
    dht_put(x->w->services->dht, x->r.key, x->r.entry.p, x->r.entry.n, until, x->r.lock,
            replicate_on_put, x);
}

static void member_ns_start(struct work *w)
{
    struct reputting *x = mem_new(sizeof *x);
    if (replica_ns_get(store_reader(w->services->store), w->n, &x->r) < 0) {
        free(x);
        work_retry(w, store_unread(NULL, "Its row"));
        return;
    }
    x->w = w;
    if (x->r.expiry_s <= trusted_now_ms(w->services) / 1000) {
        x->gone = true;
        store_do(w->services->store, reput_run, reput_done, x);
        return;
    }
    uint8_t id[ENTRY_ID_LEN];
    entry_id_at(x->r.key, x->r.lock, x->r.entry.p, x->r.entry.n, id);
    dht_look(w->services->dht, x->r.key, id, replicate_on_look, x);
}

QUEUE(member_ns);
const struct step step_member_ns = {
    .queue = &queue_member_ns,
    .parallel = 8,
    .needs_net = true,
    .start = member_ns_start,
};
