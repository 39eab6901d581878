/* SPDX-License-Identifier: GPL-3.0-or-later */
/* hold.c - the user says what this peer holds for the other members (P-12.9). */
#include "flow/group/group.h"
#include "base/mem.h"
#include "store/groups.h"
#include "flow/core/step.h"
#include <stdlib.h>
#include <string.h>

struct hold_setting {
    struct services *services;
    struct hold rule;
    groups_done_fn *done;
    void *ctx;
};

static int hold_run(struct db *db, void *arg)
{
    const struct hold_setting *h = arg;
    return hold_set(db, &h->rule, h->services->c.address, h->services->c.quota);
}

static void hold_done(void *arg, int rc)
{
    struct hold_setting *h = arg;
    kick(h->services);
    h->done(h->ctx, rc == 0, rc == 0 ? NULL : "The rule could not be stored: see the log.");
    free(h);
}

struct name_sought {
    const char *address;
    bool found;
};

static bool is_named(void *ctx, const struct group_fellow *m)
{
    struct name_sought *n = ctx;
    n->found = strcmp(m->address, n->address) == 0;
    return !n->found;
}

static bool is_member(struct services *sv, const char *address)
{
    struct group_row g;
    struct name_sought n = {.address = address};
    if (group_get_accepted(store_reader(sv->store), &g) < 0)
        return false;
    group_members(store_reader(sv->store), g.master_fpr, is_named, &n);
    group_row_free(&g);
    return n.found && strcmp(address, sv->c.address) != 0;
}

void groups_hold(struct services *sv, const struct hold *rule, groups_done_fn *done, void *ctx)
{
    struct error e;
    for (size_t i = 0; i < rule->count; i++) {
        if (is_member(sv, rule->who[i]))
            continue;
        (void)error_set(&e,
                        "%s is no other member of this peer's group: see `restante group show`.",
                        rule->who[i]);
        done(ctx, false, e.text);
        return;
    }
    struct hold_setting *h = mem_new(sizeof *h);
    *h = (struct hold_setting){sv, *rule, done, ctx};
    store_do(sv->store, hold_run, hold_done, h);
}
