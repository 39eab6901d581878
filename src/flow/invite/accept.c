/* SPDX-License-Identifier: GPL-3.0-or-later */
/* accept.c - an invitation is taken here (P-15.2, P-15.5). */
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "flow/group/group.h"
#include "flow/invite/invite_work.h"
#include "store/groups.h"
#include "flow/core/step.h"
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define LOG_AREA "invite"

static void accept_day(int64_t s, char out[24])
{
    time_t t = (time_t)s;
    struct tm tm;
    if (localtime_r(&t, &tm) == NULL || strftime(out, 24, "%Y-%m-%d %H:%M", &tm) == 0)
        out[0] = '\0';
}

static const char *refuse_group(const struct services *sv, const struct invite *v, struct error *e)
{
    struct group_row g;
    if (strcmp(address_group(v->address), address_group(sv->c.address)) != 0)
        (void)error_set(e,
                        "This is an invitation into the group of addresses that end in @%.120s; "
                        "%.120s is not one of them.",
                        address_group(v->address), sv->c.address);
    else if (group_get_accepted(store_reader(sv->store), &g) < 0)
        return NULL;
    else {
        bool same = memcmp(g.master_fpr, v->fpr, FPR_LEN) == 0;
        group_row_free(&g);
        if (same)
            return NULL;
        (void)error_set(e, "This peer is in a group already; leave it first (`restante group "
                           "leave`), then accept again.");
    }
    return e->text;
}

const char *invites_refuse(const struct services *sv, const struct invite *v, struct error *e)
{
    char until[24];
    if (strcmp(v->address, sv->c.address) == 0)
        (void)error_set(e,
                        "This is an invitation by %.254s, this peer itself: give it to somebody "
                        "else.",
                        v->address);
    else if (v->network != sv->c.network)
        (void)error_set(e,
                        "This invitation is for network %u, and this peer is in network %u, where "
                        "nobody of the other is seen. For a peer there: `restante --home DIR init "
                        "name@group --accept LINE`.",
                        (unsigned)v->network, (unsigned)sv->c.network);
    else if (clock_wall_ms() / 1000 > v->expiry_s + LIFE_SLACK) {
        accept_day(v->expiry_s, until);
        (void)error_set(e, "This invitation expired on %s: ask %.200s for a new one.", until,
                        v->address);
    } else
        return v->group ? refuse_group(sv, v, e) : NULL;
    return e->text;
}

struct accepting {
    struct services *services;
    struct invite v;
    struct bytes text;
    invite_accepted_fn *done;
    void *ctx;
};

static int accept_run(struct db *db, void *arg)
{
    struct accepting *a = arg;
    store_crash_point("invite.accept.before");
    return accepted_add(db, &a->v, &a->text, clock_wall_ms());
}

static void accept_done(void *arg, int rc)
{
    struct accepting *a = arg;
    struct services *sv = a->services;
    store_crash_point("invite.accept.after");
    if (rc == 0)
        log_info("an invitation by %s is accepted", a->v.address);
    a->done(a->ctx, rc == 0, rc == 0 ? NULL : store_refused(NULL, "the invitation"));
    wipe(&a->v, sizeof a->v);
    bytes_free(&a->text);
    free(a);
    if (rc == 0)
        event_raise(sv, EVENT_INVITE_USED);
}

void invites_accept(struct services *sv, const struct invite *v, const char *text,
                    invite_accepted_fn *done, void *ctx)
{
    struct error e;
    const char *why = invites_refuse(sv, v, &e);
    if (why == NULL && text != NULL && strlen(text) > INVITE_TEXT_MAX)
        why = "The text for the first mail may have 2,000 bytes; write more in another mail.";
    struct accepting *a = why != NULL ? NULL : mem_new(sizeof *a);
    if (a == NULL || (text != NULL && bytes_set(&a->text, text, strlen(text)) < 0)) {
        free(a);
        done(ctx, false, why != NULL ? why : "Out of memory.");
        return;
    }
    a->services = sv;
    a->v = *v;
    a->done = done;
    a->ctx = ctx;
    store_do(sv->store, accept_run, accept_done, a);
}

/* ---- the group that the invitation was into */

struct invite_joining {
    struct services *services;
    char address[ADDRESS_MAX + 1];
};

static int joined_run(struct db *db, void *arg)
{
    return accepted_set_joined(db, ((struct invite_joining *)arg)->address);
}

static void joined_done(void *arg, int rc)
{
    struct invite_joining *j = arg;
    invites_of(j->services)->joining = false;
    free(j);
}

static void on_joined(void *ctx, bool ok, const char *why)
{
    struct invite_joining *j = ctx;
    if (ok) {
        log_info("the group of %s, who invited this peer, is accepted", j->address);
        store_do(j->services->store, joined_run, joined_done, j);
        return;
    }
    log_warn("the group of %s, who invited this peer, is not accepted: %s", j->address, why);
    invites_of(j->services)->joining = false;
    free(j);
}

void accept_tend(struct services *sv)
{
    struct accepted_invite a;
    struct group_row g;
    char hex[2 * FPR_LEN + 1];
    if (invites_of(sv)->joining || !may_go(sv) || accepted_to_join(store_reader(sv->store), &a) < 0)
        return;
    struct invite_joining *j = mem_new(sizeof *j);
    j->services = sv;
    (void)strcpy(j->address, a.address);
    invites_of(sv)->joining = true;
    if (group_get_accepted(store_reader(sv->store), &g) == 0 &&
        memcmp(g.master_fpr, a.invite.fpr, FPR_LEN) == 0) { /* before the last kill -9 */
        store_do(sv->store, joined_run, joined_done, j);
        group_row_free(&g);
    } else {
        hex_encode(a.invite.fpr, FPR_LEN, hex);
        groups_accept(sv, hex, on_joined, j);
    }
    accepted_invite_free(&a);
}
