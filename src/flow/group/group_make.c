/* SPDX-License-Identifier: GPL-3.0-or-later */
/* group_make.c - what is written about the group: the master makes, changes and renews the
 * descriptor, a deputy renews it (P-11.1, P-11.3). A descriptor is committed, with its sequence
 * number, before anybody can see it; group.c puts it. */
#include "base/clock.h"
#include "base/log.h"
#include "flow/group/group_work.h"
#include "flow/peers/lookup.h"
#include "store/groups.h"
#include "pgp/pgp.h"
#include "base/jobs.h"
#include "base/mem.h"
#include "flow/core/job.h"
#include "flow/core/sign.h"
#include "proto/entry.h"
#include <stdlib.h>
#include <string.h>

#define LOG_AREA "group"

enum making_kind { MAKE_CREATE, MAKE_ADD, MAKE_REMOVE, MAKE_RENEW, MAKE_RENEWAL };

struct group_making {
    struct job job;
    struct services *services;
    enum making_kind kind;
    struct group_member change; /* of add and remove */
    struct group_record r;      /* its key points to the flow's, or into base */
    struct group_row base;      /* the accepted row; zero when there is none */
    struct group_row row;       /* what is committed; its pointers are borrowed */
    struct buf signed_, record;
    int rc;
    enum group_news news;
    struct error why;
    groups_done_fn *done;
    void *ctx;
};

static void made(struct group_making *m, bool ok)
{
    struct services *sv = m->services;
    groups_of(sv)->making = false;
    if (m->done != NULL)
        m->done(m->ctx, ok, ok ? NULL : m->why.text);
    else if (!ok)
        log_warn("the group's descriptor is not renewed: %s", m->why.text);
    buf_free(&m->signed_);
    buf_free(&m->record);
    group_row_free(&m->base);
    free(m);
    if (ok)
        event_raise(sv, EVENT_GROUP_CHANGED);
}

static int group_make_commit_run(struct db *db, void *arg)
{
    struct group_making *m = arg;
    struct services *sv = m->services;
    store_crash_point("group.make.before");
    m->news = group_apply(db, &m->row, &m->r, sv->c.address, sv->fpr, true);
    return m->news == GROUP_ERROR ? -1 : 0;
}

static void group_make_commit_done(void *arg, int rc)
{
    struct group_making *m = arg;
    store_crash_point("group.make.after");
    if (rc != 0)
        (void)store_refused(&m->why, "the group's descriptor");
    else if (m->news != GROUP_NEW)
        (void)error_set(&m->why, "The group changed meanwhile; try again.");
    else
        log_info("%s: %zu members, number %llu, made here", m->r.name, m->r.count,
                 (unsigned long long)m->r.seq);
    made(m, rc == 0 && m->news == GROUP_NEW);
}

static int sign_roster(struct group_making *m, struct pgp *pgp, const struct record_place *at)
{
    struct buf payload = BUF_INIT(RECORD_MAX);
    int rc = 0;
    if (group_encode(&m->r, at, &payload) < 0)
        rc = error_set(&m->why, "The descriptor of a group with %zu members is too large.",
                       m->r.count);
    else
        rc = sign_record(pgp, &payload, &m->signed_, &m->why);
    if (rc == 0)
        sha256(payload.data, payload.len, m->row.roster);
    buf_free(&payload);
    return rc == 0 ? buf_append(&m->record, m->signed_.data, m->signed_.len) : rc;
}

static int sign_renewal(struct group_making *m, struct pgp *pgp, const struct record_place *at)
{
    const struct services *sv = m->services;
    struct buf payload = BUF_INIT(RECORD_MAX);
    struct group_renewal r = {.deputy_key = {sv->pubkey.p, sv->pubkey.n},
                              .record = {m->base.signed_.p, m->base.signed_.n},
                              .expiry = m->row.expiry_s};
    (void)strcpy(r.deputy, sv->c.address);
    memcpy(m->row.roster, m->base.roster, HASH_LEN);
    int rc = group_renewal_encode(&r, at, &payload) < 0
                 ? error_set(&m->why, "The renewal would be too large.")
                 : sign_record(pgp, &payload, &m->record, &m->why);
    buf_free(&payload);
    return rc == 0 ? buf_append(&m->signed_, m->base.signed_.p, m->base.signed_.n) : rc;
}

static void group_make_sign_run(struct job *job, void *thread_ctx)
{
    struct group_making *m = (struct group_making *)job;
    struct record_place at = {m->services->c.network, groups_of(m->services)->key};
    m->rc = m->kind == MAKE_RENEWAL ? sign_renewal(m, thread_ctx, &at)
                                    : sign_roster(m, thread_ctx, &at);
    struct entry_binding b;
    sha256(m->record.data, m->record.len, b.value_hash);
    own_bind(m->services, at.key, b.value_hash, &b);
    memcpy(m->row.lock, b.lock, HASH_LEN);
    wipe(&b, sizeof b);
}

static void group_make_sign_done(struct job *job)
{
    struct group_making *m = (struct group_making *)job;
    struct group_row *g = &m->row;
    if (m->rc != 0) {
        made(m, false);
        return;
    }
    const struct group_member *master = group_find_role(&m->r, ROLE_MASTER);
    (void)strcpy(g->name, m->r.name);
    (void)strcpy(g->master, master->address);
    memcpy(g->master_fpr, master->fpr, FPR_LEN);
    g->master_key = (struct bytes){(uint8_t *)m->r.master_key.p, m->r.master_key.n};
    g->signed_ = (struct bytes){m->signed_.data, m->signed_.len};
    g->record = (struct bytes){m->record.data, m->record.len};
    store_do(m->services->store, group_make_commit_run, group_make_commit_done, m);
}

static int change_members(struct group_making *m)
{
    struct group_record *r = &m->r;
    const char *address = m->change.address;
    struct group_member *at = (struct group_member *)group_find(r, address);
    if (m->kind == MAKE_ADD && at == NULL && r->count == GROUP_MEMBERS_MAX)
        return error_set(&m->why, "A group has at most %d members.", GROUP_MEMBERS_MAX);
    if (m->kind == MAKE_REMOVE && at == NULL)
        return error_set(&m->why, "%s is not in this group.", address);
    if (at != NULL && at->role == ROLE_MASTER)
        return error_set(&m->why, "%s is the master of this group.", address);
    if (m->kind == MAKE_ADD)
        *(at != NULL ? at : &r->members[r->count++]) = m->change;
    if (m->kind == MAKE_REMOVE)
        *at = r->members[--r->count];
    return 0;
}

static int group_make_begin(struct group_making *m)
{
    const struct services *sv = m->services;
    int64_t now = clock_wall_ms();
    bool in = group_get_accepted(store_reader(sv->store), &m->base) == 0;
    if (m->kind == MAKE_CREATE && in)
        return error_set(&m->why, "This peer is in the group of %s already.", m->base.master);
    if (m->kind != MAKE_CREATE && !in)
        return error_set(&m->why, "This peer is in no group.");
    if (m->kind == MAKE_CREATE) { /* numbers go on after a group that was left */
        (void)group_get(store_reader(sv->store), sv->fpr, &m->base);
        (void)strcpy(m->r.name, address_group(sv->c.address));
        m->r.count = 1;
        (void)strcpy(m->r.members[0].address, sv->c.address);
        memcpy(m->r.members[0].fpr, sv->fpr, FPR_LEN);
        m->r.members[0].role = ROLE_MASTER;
    } else if (group_read(sv, &m->base, &m->r, &m->why) < 0) {
        return -1;
    }
    enum group_role role = in ? m->base.role : ROLE_MASTER;
    if (m->kind == MAKE_RENEWAL ? role != ROLE_DEPUTY : role != ROLE_MASTER)
        return error_set(&m->why, "Only the master, %s, changes this group.", m->base.master);
    if ((m->kind == MAKE_ADD || m->kind == MAKE_REMOVE) && change_members(m) < 0)
        return -1;
    m->row.expiry_s = (now + sv->c.group_life) / 1000;
    if (m->kind == MAKE_RENEWAL) {
        int64_t last = m->r.expiry + GROUP_RENEW_MAX;
        m->row.expiry_s = m->row.expiry_s < last ? m->row.expiry_s : last;
        m->row.seq = m->base.seq;
        return 0;
    }
    m->r.master_key = (struct span){sv->pubkey.p, sv->pubkey.n};
    m->r.expiry = m->row.expiry_s;
    m->r.seq = m->base.seq + 1 > (uint64_t)now ? m->base.seq + 1 : (uint64_t)now;
    m->row.seq = m->r.seq;
    return 0;
}

static void make(struct services *sv, enum making_kind kind, const struct group_member *change,
                 groups_done_fn *done, void *ctx)
{
    if (sv->stopping || groups_of(sv)->making) {
        if (done != NULL)
            done(ctx, false, "Another change of the group is under way.");
        return;
    }
    struct group_making *m = mem_new(sizeof *m);
    groups_of(sv)->making = true;
    m->services = sv;
    m->kind = kind;
    m->done = done;
    m->ctx = ctx;
    m->signed_ = (struct buf)BUF_INIT(RECORD_MAX);
    m->record = (struct buf)BUF_INIT(RECORD_MAX);
    if (change != NULL)
        m->change = *change;
    if (group_make_begin(m) < 0)
        made(m, false);
    else
        job_run(sv->pgp, &m->job, group_make_sign_run, group_make_sign_done, true);
}

void groups_create(struct services *sv, groups_done_fn *done, void *ctx)
{
    make(sv, MAKE_CREATE, NULL, done, ctx);
}

void groups_renew(struct services *sv, const struct group_row *g)
{
    int64_t left = g->expiry_s * 1000 - clock_wall_ms();
    if (groups_of(sv)->making)
        return;
    if (g->role == ROLE_MASTER && left < sv->c.group_life * 2 / 3)
        make(sv, MAKE_RENEW, NULL, NULL, NULL);
    else if (g->role == ROLE_DEPUTY && left < sv->c.group_life / 3 && left > 0)
        make(sv, MAKE_RENEWAL, NULL, NULL, NULL);
}

/* ---- add and remove */

struct member_adding {
    struct services *services;
    struct group_member m;
    groups_done_fn *done;
    void *ctx;
};

static void group_make_on_key(void *ctx, enum lookup_result result, const char *why)
{
    struct member_adding *a = ctx;
    struct contact c;
    if (result != LOOKUP_FOUND) {
        a->done(a->ctx, false, why);
    } else if (contact_get(store_reader(a->services->store), a->m.address, &c) < 0) {
        a->done(a->ctx, false, store_unread(NULL, "Its key"));
    } else {
        memcpy(a->m.fpr, c.fpr, FPR_LEN);
        contact_free(&c);
        make(a->services, MAKE_ADD, &a->m, a->done, a->ctx);
    }
    free(a);
}

static int take_address(const struct services *sv, const char *text, char out[ADDRESS_MAX + 1],
                        struct error *e)
{
    if (address_parse(text, out) == 0 &&
        strcmp(address_group(out), address_group(sv->c.address)) == 0)
        return 0;
    return error_set(e, "\"%.80s\" is not an address of this group; they end in @%.120s.", text,
                     address_group(sv->c.address));
}

void groups_add(struct services *sv, const char *address, enum group_role role,
                groups_done_fn *done, void *ctx)
{
    struct error e;
    uint8_t fpr[FPR_LEN];
    struct member_adding *a = mem_new(sizeof *a);
    *a = (struct member_adding){.services = sv, .m = {.role = role}, .done = done, .ctx = ctx};
    if (take_address(sv, address, a->m.address, &e) < 0) {
        done(ctx, false, e.text);
        free(a);
    } else if (!group_own_master(store_reader(sv->store), fpr) ||
               memcmp(fpr, sv->fpr, FPR_LEN) != 0) {
        make(sv, MAKE_ADD, &a->m, done, ctx); /* says why not */
        free(a);
    } else {
        (void)lookup_key(sv, a->m.address, group_make_on_key, a);
    }
}

void groups_remove(struct services *sv, const char *address, groups_done_fn *done, void *ctx)
{
    struct error e;
    struct group_member m = {.role = ROLE_NONE};
    if (take_address(sv, address, m.address, &e) < 0)
        done(ctx, false, e.text);
    else
        make(sv, MAKE_REMOVE, &m, done, ctx);
}
