/* SPDX-License-Identifier: GPL-3.0-or-later */
/* control_policy.c - see control_policy.h. */
#include "daemon/control_policy.h"
#include "base/mem.h"
#include "flow/receiver/opening.h"
#include "flow/receiver/policy.h"
#include "flow/core/step.h"
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define RULES_MAX 1000
#define LOOK_MS 250
#define MANY 2000 /* then it is looked less often */
#define MANY_LOOK_MS 2000
#define OFFLINE_MAX 100000

/* ---- show */

struct policy_listing {
    struct service *s;
    json_t *clients, *contacts, *arrival;
};

static int64_t last_seen(const struct service *s, const char *name)
{
    for (size_t i = 0; i < CLIENTS_SEEN; i++)
        if (strcasecmp(s->seen[i].name, name) == 0)
            return s->seen[i].at_ms;
    return 0;
}

static void add_client(struct policy_listing *l, const char *name, enum policy p)
{
    (void)json_array_append_new(
        l->clients, json_pack("{s:s,s:s,s:b,s:b,s:I}", "name", name, "policy",
                              policy_name(p == POLICY_NONE ? POLICY_ON_OPEN : p), "set",
                              p != POLICY_NONE, "ahead", (int)policy_fetches_ahead(name), "seen_ms",
                              (json_int_t)last_seen(l->s, name)));
}

static bool add_rule(void *ctx, enum policy_kind kind, const char *name, int64_t value)
{
    struct policy_listing *l = ctx;
    if (kind == POLICY_CLIENT)
        add_client(l, name, (enum policy)value);
    else if (kind == POLICY_CONTACT)
        (void)json_array_append_new(l->contacts, json_pack("{s:s,s:s}", "address", name, "policy",
                                                           policy_name((enum policy)value)));
    else
        (void)json_array_append_new(
            l->arrival, json_pack("{s:s,s:I}", "who", name, "octets", (json_int_t)value));
    return true;
}

static json_t *show(struct service *s)
{
    struct policy_listing l = {s, json_array(), json_array(), json_array()};
    struct db *db = store_reader(s->services.store);
    policy_each(db, add_rule, &l);
    for (size_t i = 0; i < CLIENTS_SEEN; i++)
        if (s->seen[i].name[0] != '\0' &&
            policy_get(db, POLICY_CLIENT, s->seen[i].name) == POLICY_NONE)
            add_client(&l, s->seen[i].name, POLICY_NONE);
    return json_pack("{s:b,s:o,s:o,s:o,s:s}", "ok", 1, "clients", l.clients, "contacts", l.contacts,
                     "arrival", l.arrival, "strangers", s->config.strangers);
}

/* ---- set */

struct setting {
    struct service *s;
    enum policy_kind kind;
    char name[ADDRESS_MAX + 1];
    bool forget, full;
    int64_t value;
    control_answer_fn *answer;
    void *ctx;
};

static void policy_refuse(struct setting *x, const char *why)
{
    x->answer(x->ctx, json_pack("{s:b,s:s}", "ok", 0, "error", why));
    free(x);
}

static bool count_rule(void *ctx, enum policy_kind kind, const char *name, int64_t value)
{
    (*(size_t *)ctx)++;
    return true;
}

static int set_run(struct db *db, void *arg)
{
    struct setting *x = arg;
    size_t count = 0;
    if (x->forget)
        return policy_forget(db, x->kind, x->name) < 0 ? -1 : 0;
    policy_each(db, count_rule, &count);
    x->full = count >= RULES_MAX;
    return x->full ? 0 : policy_set(db, x->kind, x->name, x->value);
}

static void set_done(void *arg, int rc)
{
    struct setting *x = arg;
    struct error e;
    if (rc != 0 || x->full) {
        policy_refuse(x, rc != 0 ? store_refused(&e, "the rule for %.254s", x->name)
                                 : "There are too many rules already: take one back first.");
        return;
    }
    x->answer(x->ctx, show(x->s));
    free(x);
}

/* NULL, or why not. */
static const char *policy_check(struct setting *x, const char *kind, const char *name,
                                const json_t *value)
{
    const char *word = json_string_value(value);
    char client[CLIENT_NAME_MAX + 1];
    if (kind == NULL || name == NULL)
        return "The request names no rule.";
    if (strcmp(kind, "client") == 0) {
        x->kind = POLICY_CLIENT;
        if (policy_client_name(name, client) < 0)
            return "A client is named by 1 to 40 printable ASCII characters, as `restante policy` "
                   "shows it.";
        (void)strcpy(x->name, client);
    } else if (strcmp(kind, "arrival") == 0 && (strcmp(name, POLICY_ARRIVAL_ALL) == 0 ||
                                                strcmp(name, POLICY_ARRIVAL_CONTACTS) == 0)) {
        x->kind = POLICY_ARRIVAL;
        (void)strcpy(x->name, name);
    } else if (strcmp(kind, "contact") == 0 || strcmp(kind, "arrival") == 0) {
        x->kind = kind[0] == 'c' ? POLICY_CONTACT : POLICY_ARRIVAL;
        if (address_parse(name, x->name) < 0)
            return "An address is name@group.";
    } else {
        return "A rule is for a client, a contact or an arrival.";
    }
    x->forget = json_is_null(value);
    if (x->forget)
        return NULL;
    if (x->kind == POLICY_ARRIVAL) {
        x->value = json_integer_value(value);
        return json_is_integer(value) && x->value >= 0 ? NULL : "A size is a number of bytes.";
    }
    x->value = word == NULL ? POLICY_NONE : (int64_t)policy_of_name(word);
    return x->value != POLICY_NONE ? NULL
                                   : "A policy is on-open, refuse-background, pull-all or default.";
}

void control_policy(struct service *s, const json_t *o, control_answer_fn *answer, void *ctx)
{
    const json_t *rule = json_object_get(o, "rule");
    if (rule == NULL) {
        answer(ctx, show(s));
        return;
    }
    struct setting *x = mem_new(sizeof *x);
    *x = (struct setting){.s = s, .answer = answer, .ctx = ctx};
    const char *why =
        policy_check(x, json_string_value(rule), json_string_value(json_object_get(o, "name")),
                     json_object_get(o, "value"));
    if (why != NULL)
        policy_refuse(x, why);
    else
        store_do(s->services.store, set_run, set_done, x);
}

/* ---- offline */

struct offline {
    struct service *s;
    uv_timer_t *timer;
    bool held, gone; /* the store works for it; the asker is gone */
    int64_t *n;      /* what was wanted at the start and has not ended */
    size_t count, of;
    int64_t octets_here; /* of those that ended */
    control_progress_fn *progress;
    control_answer_fn *answer;
    void *ctx;
};

static void offline_free(struct offline *o)
{
    if (o->timer != NULL)
        uv_close((uv_handle_t *)o->timer, (uv_close_cb)free);
    free(o->n);
    free(o);
}

struct sums {
    int64_t octets, here;
    size_t failing;
};

/* What has ended is counted once and looked at no more. */
static void add_up(struct offline *o, struct sums *t)
{
    size_t left = 0;
    *t = (struct sums){0};
    for (size_t i = 0; i < o->count; i++) {
        struct policy_progress p;
        policy_progress(store_reader(o->s->services.store), o->n[i], &p);
        if (p.ended) {
            o->octets_here += p.octets;
            continue;
        }
        int64_t part = openings_progress(&o->s->services, p.nid);
        t->octets += p.octets;
        t->here += part < 0 ? 0 : part;
        t->failing += p.failing;
        o->n[left++] = o->n[i];
    }
    o->count = left;
    t->octets += o->octets_here;
    t->here += o->octets_here;
}

static void offline_on_look(uv_timer_t *timer)
{
    struct offline *o = timer->data;
    struct sums t;
    add_up(o, &t);
    json_t *counts =
        json_pack("{s:I,s:I,s:I,s:I}", "done", (json_int_t)t.here, "size", (json_int_t)t.octets,
                  "messages", (json_int_t)(o->of - o->count), "of", (json_int_t)o->of);
    if (t.failing < o->count && !o->s->stopping) {
        o->progress(o->ctx, json_pack("{s:o}", "progress", counts));
        (void)uv_timer_start(timer, offline_on_look, o->count > MANY ? MANY_LOOK_MS : LOOK_MS, 0);
        return;
    }
    (void)json_object_set_new(counts, "ok", json_true());
    o->answer(o->ctx, counts);
    offline_free(o);
}

static int want_run(struct db *db, void *arg)
{
    return policy_want_all(db);
}

static void want_done(void *arg, int rc)
{
    struct offline *o = arg;
    struct error e;
    o->held = false;
    if (rc == 0)
        kick(&o->s->services);
    if (o->gone) {
        offline_free(o);
        return;
    }
    if (rc == 0)
        o->of = o->count = policy_wanted(store_reader(o->s->services.store), 0, o->n, OFFLINE_MAX);
    if (rc != 0) {
        o->answer(o->ctx, json_pack("{s:b,s:s}", "ok", 0, "error",
                                    store_refused(&e, "that all mail is to be fetched")));
        offline_free(o);
        return;
    }
    o->timer = mem_new(sizeof *o->timer);
    (void)uv_timer_init(o->s->loop, o->timer);
    o->timer->data = o;
    (void)uv_timer_start(o->timer, offline_on_look, 0, 0);
}

struct offline *control_offline(struct service *s, control_progress_fn *progress,
                                control_answer_fn *answer, void *ctx)
{
    struct offline *o = mem_new(sizeof *o);
    o->n = calloc(OFFLINE_MAX, sizeof *o->n);
    if (o->n == NULL) {
        free(o);
        answer(ctx, json_pack("{s:b,s:s}", "ok", 0, "error", "Out of memory."));
        return NULL;
    }
    o->s = s;
    o->progress = progress;
    o->answer = answer;
    o->ctx = ctx;
    o->held = true;
    store_do(s->services.store, want_run, want_done, o);
    return o;
}

void control_offline_cancel(struct offline *o)
{
    o->gone = true;
    if (!o->held)
        offline_free(o);
}
