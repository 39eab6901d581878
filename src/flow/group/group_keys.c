/* SPDX-License-Identifier: GPL-3.0-or-later */
/* group_keys.c - the keys of the accepted group's members: the descriptor has their fingerprints,
 * their identity records have the keys, and tell who has accepted (P-11.6). */
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "flow/group/group_work.h"
#include "flow/peers/identity.h"
#include <stdlib.h>
#include <string.h>

#define LOG_AREA "group"
#define FINDING_MAX 8 /* look-ups at once; the others come with the next look */

#define YOUNG_MS (10 * 60 * 1000) /* a list */
#define SOON_MS 5000

struct key_asking {
    struct services *services;
    struct contact c;
    uint8_t master_fpr[FPR_LEN];
    bool joined, had_key, had_joined;
    bool keep; /* known for long: put its identity again */
};

static int key_run(struct db *db, void *arg)
{
    struct key_asking *a = arg;
    store_crash_point("group.key.before");
    return group_set_key(db, &a->c, a->joined);
}

static void key_done(void *arg, int rc)
{
    struct key_asking *a = arg;
    store_crash_point("group.key.after");
    if (rc == 0 && a->c.pubkey.p != NULL && !a->had_key)
        log_info("the key of %s, a member of this group, is known", a->c.address);
    if (rc == 0 && a->joined && !a->had_joined)
        log_info("%s is in this group", a->c.address);
    groups_of(a->services)->finding--;
    contact_free(&a->c);
    free(a);
}

static void group_keys_on_identity(void *ctx, const struct verified_identity *v, const char *why)
{
    struct key_asking *a = ctx;
    a->c.checked_ms = clock_wall_ms();
    if (v != NULL && bytes_set(&a->c.pubkey, v->pubkey.p, v->pubkey.n) == 0) {
        a->c.ocb = v->r.ocb;
        a->c.shards = v->r.shards;
        a->c.seq = v->r.seq;
        a->joined = v->r.has_master && memcmp(v->r.master_fpr, a->master_fpr, FPR_LEN) == 0;
    } else {
        log_debug("%s: %s", a->c.address, why);
        a->joined = a->had_joined;
    }
    store_do(a->services->store, key_run, key_done, a);
}

struct expecting {
    const char *own;
    bool open;
};

static bool is_open(void *ctx, const struct group_fellow *m)
{
    struct expecting *x = ctx;
    x->open = !m->joined && strcmp(m->address, x->own) != 0;
    return !x->open;
}

bool groups_expect(struct services *sv, const struct group_row *g)
{
    struct expecting x = {.own = sv->c.address};
    int64_t age =
        clock_wall_ms() - (int64_t)g->seq; /* a sequence number is a time, or a little more */
    if (age < YOUNG_MS)
        group_members(store_reader(sv->store), g->master_fpr, is_open, &x);
    return x.open;
}

int64_t groups_soon(const struct services *sv)
{
    return sv->c.poll < SOON_MS ? sv->c.poll : SOON_MS;
}

struct due {
    struct services *services;
    const struct group_row *g;
    struct key_asking *found[FINDING_MAX];
    size_t count, room;
    int64_t open_age; /* who is not known or did not accept is looked for so often, ms */
};

static bool group_keys_collect(void *ctx, const struct group_fellow *m)
{
    struct due *d = ctx;
    int64_t now = clock_wall_ms(), age = now - m->checked_ms;
    bool open = m->pubkey.p == NULL || !m->joined; /* every look, until both are known */
    if (strcmp(m->address, d->services->c.address) == 0 ||
        (age >= 0 && age < (open ? d->open_age : d->services->c.reput)))
        return true;
    if (d->count == d->room)
        return false;
    struct key_asking *a = mem_new(sizeof *a);
    a->services = d->services;
    a->had_key = m->pubkey.p != NULL;
    a->had_joined = m->joined;
    a->keep = !open;
    a->c.trust = TRUST_VOUCHED;
    a->c.shards = 1;
    (void)strcpy(a->c.address, m->address);
    memcpy(a->c.fpr, m->fpr, FPR_LEN);
    memcpy(a->master_fpr, d->g->master_fpr, FPR_LEN);
    d->found[d->count++] = a;
    return true;
}

void groups_keys(struct services *sv, const struct group_row *g, int64_t period)
{
    struct due d = {.services = sv, .g = g, .open_age = period / 2};
    d.room = groups_of(sv)->finding > 0 ? 0 : FINDING_MAX;
    if (d.room == 0)
        return;
    group_members(store_reader(sv->store), g->master_fpr, group_keys_collect, &d);
    for (size_t i = 0; i < d.count; i++) {
        groups_of(sv)->finding++;
        (d.found[i]->keep ? identity_keep : identity_find)(
            sv, d.found[i]->c.address, d.found[i]->c.fpr, group_keys_on_identity, d.found[i]);
    }
}
