/* SPDX-License-Identifier: GPL-3.0-or-later */
/* group_join.c - a member accepts a group that names it, or leaves it (P-11.4). */
#include "base/clock.h"
#include "base/mem.h"
#include "flow/group/group_work.h"
#include <stdlib.h>
#include <string.h>

struct group_joining {
    struct services *services;
    bool leave;
    uint8_t master_fpr[FPR_LEN];
    struct contact master;
    int rc;
    groups_done_fn *done;
    void *ctx;
};

static int join_run(struct db *db, void *arg)
{
    struct group_joining *j = arg;
    store_crash_point("group.accept.before");
    if (j->leave)
        return group_leave(db, j->master_fpr);
    j->rc = group_accept(db, j->master_fpr);
    if (j->rc != 0)
        return j->rc < 0 ? -1 : 0;
    return group_set_key(db, &j->master, false);
}

static void join_done(void *arg, int rc)
{
    struct group_joining *j = arg;
    store_crash_point("group.accept.after");
    static const char *const why[] = {
        NULL, "That group does not name this peer any more.",
        "This peer is in a group already; leave it first (`restante group leave`)."};
    if (rc == 0)
        groups_renew_identity(j->services);
    if (rc != 0)
        j->done(j->ctx, false, store_refused(NULL, "the group"));
    else
        j->done(j->ctx, j->rc == 0, why[j->rc]);
    if (rc == 0)
        event_raise(j->services, EVENT_GROUP_CHANGED);
    contact_free(&j->master);
    free(j);
}

struct choosing {
    const char *wanted;
    struct group_row g;
    int count;
    bool accepted;
};

static bool choose(void *ctx, const struct group_row *g)
{
    struct choosing *c = ctx;
    char hex[2 * FPR_LEN + 1];
    hex_encode(g->master_fpr, FPR_LEN, hex);
    if (g->role == ROLE_NONE || g->expiry_s * 1000 < clock_wall_ms() ||
        (c->wanted != NULL && strcmp(c->wanted, g->master) != 0 &&
         strncmp(c->wanted, hex, strlen(c->wanted)) != 0))
        return true;
    c->accepted = c->accepted || g->accepted;
    if (c->count++ == 0) {
        memcpy(c->g.master_fpr, g->master_fpr, FPR_LEN);
        (void)strcpy(c->g.master, g->master);
        (void)bytes_set(&c->g.master_key, g->master_key.p, g->master_key.n);
    }
    return true;
}

/* The sentence why this choice cannot be accepted, or NULL. */
static const char *group_join_refuse(struct services *sv, const struct choosing *c, struct error *e)
{
    struct contact pinned;
    if (c->count == 0)
        return c->wanted == NULL ? "No group names this peer yet; its master must add it first."
                                 : "No such group names this peer; see `restante group list`.";
    if (c->accepted && c->count == 1)
        return "This group is accepted already.";
    if (c->count > 1)
        return "Several masters name this peer. Say which: `restante group list` shows their "
               "fingerprints; compare them with the people.";
    if (contact_get(store_reader(sv->store), c->g.master, &pinned) < 0)
        return NULL;
    bool other = memcmp(pinned.fpr, c->g.master_fpr, FPR_LEN) != 0;
    contact_free(&pinned);
    if (!other)
        return NULL;
    (void)error_set(e,
                    "The key of this group's master is not the one this peer has pinned for %s. "
                    "Ask its owner whether the key was changed; the group is not accepted.",
                    c->g.master);
    return e->text;
}

void groups_accept(struct services *sv, const char *master, groups_done_fn *done, void *ctx)
{
    struct choosing c = {.wanted = master};
    struct error e;
    group_list(store_reader(sv->store), choose, &c);
    const char *why = group_join_refuse(sv, &c, &e);
    struct group_joining *j = why != NULL ? NULL : mem_new(sizeof *j);
    if (j == NULL) {
        group_row_free(&c.g);
        done(ctx, false, why);
        return;
    }
    *j = (struct group_joining){.services = sv, .done = done, .ctx = ctx};
    memcpy(j->master_fpr, c.g.master_fpr, FPR_LEN);
    memcpy(j->master.fpr, c.g.master_fpr, FPR_LEN);
    (void)strcpy(j->master.address, c.g.master);
    j->master.pubkey = c.g.master_key;
    j->master.shards = 1;
    j->master.trust = TRUST_VOUCHED;
    store_do(sv->store, join_run, join_done, j);
}

void groups_leave(struct services *sv, groups_done_fn *done, void *ctx)
{
    struct group_row g;
    struct group_record r;
    struct error e;
    if (group_get_accepted(store_reader(sv->store), &g) < 0) {
        done(ctx, false, "This peer is in no group.");
        return;
    }
    bool others = g.role == ROLE_MASTER && (group_read(sv, &g, &r, &e) < 0 || r.count > 1);
    if (others) {
        done(ctx, false, "The master leaves last: remove the other members first.");
    } else {
        struct group_joining *j = mem_new(sizeof *j);
        *j = (struct group_joining){.services = sv, .leave = true, .done = done, .ctx = ctx};
        memcpy(j->master_fpr, g.master_fpr, FPR_LEN);
        store_do(sv->store, join_run, join_done, j);
    }
    group_row_free(&g);
}
