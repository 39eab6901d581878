/* SPDX-License-Identifier: GPL-3.0-or-later */
/* msglists.c - the own message list: read from the rows when something was committed, and if it
 * says something new, signed, encrypted to the other members, and served (P-12.2). */
#include "base/clock.h"
#include "base/log.h"
#include "flow/group/replicas.h"
#include "store/check.h"
#include "pgp/pgp.h"
#include "net/http_server.h"
#include "base/jobs.h"
#include "base/mem.h"
#include "flow/core/job.h"
#include "flow/core/step.h"
#include <stdlib.h>
#include <string.h>

#define LOG_AREA "msglist"
#define PENDING_MAX (4 * 1024 * 1024) /* octets of notifications in a list */
#define RENEW_MS (86400LL * 1000)     /* long before MSGLIST_LIFE_MAX */
#define RESTORE_MS 60000              /* not longer */
#define LIFE_S (MSGLIST_LIFE_MAX - 3600)

struct publishing {
    struct job job;
    struct services *services;
    struct msglist list;
    struct buf entries, out;
    struct bytes key[GROUP_MEMBERS_MAX];
    struct pgp_pub to[GROUP_MEMBERS_MAX];
    uint8_t fpr[GROUP_MEMBERS_MAX][FPR_LEN];
    size_t count;
    uint8_t said[HASH_LEN], (*locks)[HASH_LEN];
    int rc;
    struct error why;
};

static void publishing_free(struct publishing *p)
{
    msglist_free(&p->list);
    buf_free(&p->entries);
    buf_free(&p->out);
    free(p->locks);
    for (size_t i = 0; i < p->count; i++)
        bytes_free(&p->key[i]);
    free(p);
}

static bool add_reader(void *ctx, const struct group_fellow *m)
{
    struct publishing *p = ctx;
    if (p->count < GROUP_MEMBERS_MAX &&
        bytes_set(&p->key[p->count], m->pubkey.p, m->pubkey.n) == 0) {
        p->to[p->count] = (struct pgp_pub){p->key[p->count].p, p->key[p->count].n};
        memcpy(p->fpr[p->count++], m->fpr, FPR_LEN);
    }
    return true;
}

static void add_ref(struct sha256 *s, const struct blob_ref *b, int64_t expiry)
{
    sha256_add(s, b->hash, HASH_LEN);
    sha256_add(s, &expiry, sizeof expiry);
}

static int by_octets(const void *a, const void *b)
{
    return memcmp(a, b, HASH_LEN);
}

static int sort_locks(struct publishing *p)
{
    const struct msglist *l = &p->list;
    p->locks = calloc(l->pending_count + 1, sizeof *p->locks);
    if (p->locks == NULL)
        return -1;
    for (size_t i = 0; i < l->pending_count; i++)
        memcpy(p->locks[i], l->pending[i].lock, HASH_LEN);
    qsort(p->locks, l->pending_count, sizeof *p->locks, by_octets);
    return 0;
}

/* Are there notifications that the published list does not name? That one was answered is no reason
 * for another list: members keep what they were given, and look before they put it again. With a
 * thousand receivers each list has megabytes. */
static bool more_pending(const struct publishing *p, const struct replication *r)
{
    for (size_t i = 0; i < p->list.pending_count; i++)
        if (r->lock_count == 0 ||
            bsearch(p->locks[i], r->locks, r->lock_count, sizeof *r->locks, by_octets) == NULL)
            return true;
    return false;
}

/* What the list says and to whom, without counter, expiry and notifications. */
static void digest(struct publishing *p)
{
    const struct msglist *l = &p->list;
    struct sha256 *s = sha256_new();
    size_t counts[] = {p->count, l->blob_count, l->removal_count, l->held_count};
    sha256_add(s, counts, sizeof counts);
    sha256_add(s, l->group, strlen(l->group));
    sha256_add(s, p->fpr, p->count * FPR_LEN);
    for (size_t i = 0; i < l->blob_count; i++)
        add_ref(s, &l->blobs[i].ref, l->blobs[i].expiry);
    for (size_t i = 0; i < l->removal_count; i++)
        sha256_add(s, l->removals[i].hash, HASH_LEN);
    for (size_t i = 0; i < l->held_count; i++)
        add_ref(s, &l->held[i].ref, l->held[i].expiry);
    sha256_end(&s, p->said);
}

static int counter_run(struct db *db, void *arg)
{
    struct publishing *p = arg;
    return meta_set(db, "msglist", &p->list.counter, sizeof p->list.counter);
}

static void counter_done(void *arg, int rc)
{
    struct publishing *p = arg;
    struct replication *r = replication_of(p->services);
    store_crash_point("msglist.after");
    r->publishing = false;
    if (rc == 0 && !p->services->stopping) {
        http_server_set_msglist(p->services->server, p->out.data, p->out.len);
        memcpy(r->said, p->said, HASH_LEN);
        free(r->locks);
        r->locks = p->locks;
        r->lock_count = p->list.pending_count;
        p->locks = NULL;
        r->published = true;
        r->published_ms = clock_mono_ms();
        log_debug("list %llu: %zu own, %zu removed, %zu held, %zu waiting",
                  (unsigned long long)p->list.counter, p->list.blob_count, p->list.removal_count,
                  p->list.held_count, p->list.pending_count);
    }
    r->version = -1; /* look again: rows may have changed meanwhile */
    publishing_free(p);
}

static void msglist_sign_run(struct job *job, void *thread_ctx)
{
    struct publishing *p = (struct publishing *)job;
    struct buf payload = BUF_INIT(MSGLIST_MAX), sig = BUF_INIT(SIGNATURE_MAX),
               record = BUF_INIT(MSGLIST_MAX);
    char key[MSGLIST_KEY_MAX + 1];
    msglist_key(key, p->services->c.address);
    struct record_place at = {p->services->c.network, key};
    p->rc = -1;
    if (msglist_encode(&p->list, &at, &payload) < 0) {
        (void)error_set(&p->why, "It cannot be written.");
    } else if (pgp_sign(thread_ctx, payload.data, payload.len, &sig, &p->why) == 0) {
        struct span body = {payload.data, payload.len}, s = {sig.data, sig.len};
        if (record_wrap_max(&body, &s, MSGLIST_MAX, &record) < 0)
            (void)error_set(&p->why, "It is too large.");
        else
            p->rc = pgp_encrypt_all(p->to, p->count, record.data, record.len, &p->out, &p->why);
    }
    buf_wipe(&payload);
    buf_wipe(&record);
    buf_free(&sig);
}

static void msglist_sign_done(struct job *job)
{
    struct publishing *p = (struct publishing *)job;
    store_crash_point("msglist.before");
    if (p->rc != 0) {
        log_warn("the message list cannot be made: %s", p->why.text);
        replication_of(p->services)->publishing = false;
        publishing_free(p);
        return;
    }
    store_do(p->services->store, counter_run, counter_done, p);
}

static void nobody_reads(struct services *sv)
{
    struct replication *r = replication_of(sv);
    if (r->published)
        http_server_set_msglist(sv->server, NULL, 0);
    r->published = false;
}

static int msglist_prepare(struct publishing *p)
{
    struct services *sv = p->services;
    struct db *db = store_reader(sv->store);
    struct group_row g;
    uint64_t last = 0;
    int64_t now = clock_wall_ms();
    if (group_get_accepted(db, &g) < 0)
        return -1;
    group_fellows(db, sv->c.address, add_reader, p);
    int rc = p->count == 0 || msglist_read(db, now / 1000, sv->c.expiry_grace / 1000, &p->list,
                                           &p->entries) < 0
                 ? -1
                 : 0;
    (void)strcpy(p->list.group, g.name);
    group_row_free(&g);
    (void)strcpy(p->list.owner, sv->c.address);
    (void)meta_get(db, "msglist", &last, sizeof last);
    p->list.counter = last + 1 > (uint64_t)now ? last + 1 : (uint64_t)now;
    p->list.expiry = now / 1000 + LIFE_S;
    return rc;
}

/* A home that was restored from a backup first hears what the members hold for it, and tries once
 * to take it back (P-10.23). */
static bool restoring(const struct services *sv, bool heard)
{
    struct db *db = store_reader(sv->store);
    return restored_since(db, clock_wall_ms() - RESTORE_MS) &&
           !(heard && !restored_untried(db, sv->c.address));
}

void msglists_turn(struct services *sv, bool heard)
{
    struct replication *r = replication_of(sv);
    int64_t version = store_version(store_reader(sv->store));
    bool old = r->published && clock_mono_ms() - r->published_ms > RENEW_MS;
    if (r->publishing || (version == r->version && !old))
        return;
    if (!may_go(sv) || restoring(sv, heard)) /* another peer speaks for this address; or not yet */
        return;
    struct publishing *p = mem_new(sizeof *p);
    r->version = version;
    p->services = sv;
    p->entries = (struct buf)BUF_INIT(PENDING_MAX);
    p->out = (struct buf)BUF_INIT(MSGLIST_MAX);
    if (msglist_prepare(p) < 0 || sort_locks(p) < 0) {
        nobody_reads(sv);
        publishing_free(p);
        return;
    }
    digest(p);
    if (r->published && !old && memcmp(p->said, r->said, HASH_LEN) == 0 && !more_pending(p, r)) {
        publishing_free(p);
        return;
    }
    r->publishing = true;
    job_run(sv->pgp, &p->job, msglist_sign_run, msglist_sign_done, true);
}
