/* SPDX-License-Identifier: GPL-3.0-or-later */
/* invites.c - see invites.h. */
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "flow/group/group.h"
#include "flow/invite/invite_work.h"
#include "flow/core/timer.h"
#include "store/groups.h"
#include "flow/core/step.h"
#include <stdlib.h>
#include <string.h>

#define LOG_AREA "invite"

/* ---- made here */

struct invite_making {
    struct services *services;
    struct invite v;
    struct invite_row row;
    invite_made_fn *done;
    void *ctx;
};

static int invites_make_run(struct db *db, void *arg)
{
    struct invite_making *m = arg;
    store_crash_point("invite.make.before");
    return invite_add(db, &m->row);
}

static void invites_make_done(void *arg, int rc)
{
    struct invite_making *m = arg;
    store_crash_point("invite.make.after");
    m->done(m->ctx, rc == 0 ? &m->v : NULL, rc == 0 ? NULL : store_refused(NULL, "the invitation"));
    wipe(&m->v, sizeof m->v);
    wipe(&m->row, sizeof m->row);
    free(m);
}

static const char *may_make(const struct services *sv, const struct invite_wish *w)
{
    struct group_row g;
    if (w->uses < 1 || w->uses > INVITE_USES_MAX)
        return "An invitation can be used 1 to 1000 times.";
    if (w->life_s < 60 || w->life_s > INVITE_LIFE_MAX)
        return "An invitation lives for a minute to 90 days.";
    if (!w->group)
        return NULL;
    if (group_get_accepted(store_reader(sv->store), &g) < 0)
        return "This peer is in no group: make one first (`restante group create`).";
    bool master = g.role == ROLE_MASTER;
    group_row_free(&g);
    return master ? NULL : "Only the master of a group invites into it; see `restante group`.";
}

void invites_make(struct services *sv, const struct invite_wish *w, invite_made_fn *done, void *ctx)
{
    const char *why = may_make(sv, w);
    struct invite_making *m = why != NULL ? NULL : mem_new(sizeof *m);
    if (m == NULL) {
        done(ctx, NULL, why);
        return;
    }
    int64_t now = clock_wall_ms();
    *m = (struct invite_making){.services = sv, .done = done, .ctx = ctx};
    m->v = (struct invite){
        .network = sv->c.network, .group = w->group, .expiry_s = now / 1000 + w->life_s};
    (void)strcpy(m->v.address, sv->c.address);
    memcpy(m->v.fpr, sv->fpr, FPR_LEN);
    random_bytes(m->v.id, sizeof m->v.id);
    random_bytes(m->v.secret, sizeof m->v.secret);
    for (size_t i = 0; i < w->nodes && m->v.nodes < INVITE_NODES_MAX; i++)
        (void)strcpy(m->v.node[m->v.nodes++], w->node[i]);
    m->row = (struct invite_row){
        .group = w->group, .uses_max = w->uses, .made_ms = now, .expiry_s = m->v.expiry_s};
    memcpy(m->row.id, m->v.id, INVITE_ID_LEN);
    memcpy(m->row.secret, m->v.secret, INVITE_SECRET_LEN);
    store_do(sv->store, invites_make_run, invites_make_done, m);
}

/* ---- the master names who used an invitation into the group */

struct invited_naming {
    struct services *services;
    char address[ADDRESS_MAX + 1];
};

static int named_run(struct db *db, void *arg)
{
    return invite_set_step(db, ((struct invited_naming *)arg)->address, INVITE_DONE);
}

static void named_done(void *arg, int rc)
{
    struct invited_naming *n = arg;
    struct services *sv = n->services;
    invites_of(sv)->naming = false;
    free(n);
    if (rc == 0)
        event_raise(sv, EVENT_INVITE_USED); /* the next one */
}

static void on_named(void *ctx, bool ok, const char *why)
{
    struct invited_naming *n = ctx;
    struct services *sv = n->services;
    if (ok) {
        log_info("%s, who was invited, is named in this group", n->address);
        store_do(sv->store, named_run, named_done, n);
        return;
    }
    log_warn("%s, who was invited, is not named in this group yet: %s", n->address, why);
    invites_of(sv)->naming = false; /* the timer comes again */
    free(n);
}

static bool find_to_name(void *ctx, const struct invite_user *u)
{
    if (u->step != INVITE_TO_NAME)
        return true;
    (void)strcpy(ctx, u->address);
    return false;
}

static void name_tend(struct services *sv)
{
    char address[ADDRESS_MAX + 1] = "";
    if (invites_of(sv)->naming || !may_go(sv))
        return;
    invite_users(store_reader(sv->store), NULL, find_to_name, address);
    if (address[0] == '\0')
        return;
    struct invited_naming *n = mem_new(sizeof *n);
    n->services = sv;
    (void)strcpy(n->address, address);
    invites_of(sv)->naming = true;
    groups_add(sv, address, ROLE_MEMBER, on_named, n);
}

/* ---- what the rows say */

static void invites_tend(struct services *sv)
{
    if (invites_of(sv) == NULL || sv->stopping)
        return;
    first_mail_tend(sv);
    name_tend(sv);
    accept_tend(sv);
    named_tend(sv);
}

static void invites_on_timer(uv_timer_t *t)
{
    invites_tend(t->data);
}

static int invites_start(struct services *sv, struct error *e)
{
    (void)module_new(sv, &invites_module, sizeof(struct invites));
    invites_of(sv)->timer = timer_new(sv, sv);
    (void)uv_timer_start(invites_of(sv)->timer, invites_on_timer, 0, (uint64_t)sv->c.poll);
    return 0;
}

static void invites_stop(struct services *sv)
{
    if (invites_of(sv) != NULL)
        timer_free(&invites_of(sv)->timer);
}

static void invites_on(struct services *sv, enum event what)
{
    if (what == EVENT_GROUP_READ || what == EVENT_INVITE_USED)
        invites_tend(sv);
}

const struct module invites_module = {
    .key = &invites_key, .on = invites_on, .start = invites_start, .stop = invites_stop};
