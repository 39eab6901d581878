/* SPDX-License-Identifier: GPL-3.0-or-later */
/* control_invite.c - see control_invite.h. */
#include "daemon/control_invite.h"
#include "base/clock.h"
#include "base/log.h"
#include "daemon/home.h"
#include "flow/invite/invites.h"
#include "flow/peers/standing.h"
#include "store/outgoing.h"
#include "dht/dht.h"
#include "base/file.h"
#include "base/mem.h"
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LOG_AREA "invite"
#define USES_DEFAULT 1
#define LIFE_DEFAULT (7LL * 86400)

struct invite_asked {
    struct service *s;
    struct invite v;
    char (*node)[INVITE_NODE_MAX + 1];
    uint8_t id[INVITE_ID_LEN];
    int revoked;
    control_answer_fn *answer;
    void *ctx;
};

static void asked_end(struct invite_asked *a, json_t *reply)
{
    a->answer(a->ctx, reply);
    wipe(&a->v, sizeof a->v);
    free(a->node);
    free(a);
}

static void invite_refuse(struct invite_asked *a, const char *why)
{
    asked_end(a, json_pack("{s:b,s:s}", "ok", 0, "error", why));
}

static json_t *hex(const uint8_t *p, size_t n)
{
    char out[HASH_HEX + 1];
    hex_encode(p, n, out);
    return json_string(out);
}

/* ---- make */

static void add_node(struct invite_asked *a, size_t *n, const char *node)
{
    for (size_t i = 0; i < *n; i++)
        if (strcmp(a->node[i], node) == 0)
            return;
    if (*n < INVITE_NODES_MAX && invite_node_ok(node))
        (void)strcpy(a->node[(*n)++], node);
}

/* Its own node under the names that it announces, then those it was told of. */
static size_t find_nodes(struct invite_asked *a)
{
    const struct service *s = a->s;
    size_t n = 0;
    for (size_t i = 0; i < s->services.c.endpoint_count && s->config.dht_socket[0] == '\0'; i++) {
        const struct endpoint *ep = &s->services.c.endpoints[i];
        char node[HOST_MAX + 16];
        (void)snprintf(node, sizeof node, strchr(ep->host, ':') != NULL ? "[%s]:%u" : "%s:%u",
                       ep->host, (unsigned)s->config.dht_port);
        if (!endpoint_is_onion(ep))
            add_node(a, &n, node);
    }
    for (size_t i = 0; i < s->config.bootstrap.count; i++)
        add_node(a, &n, s->config.bootstrap.item[i]);
    return n;
}

static void on_made(void *ctx, const struct invite *v, const char *why)
{
    struct invite_asked *a = ctx;
    struct buf line = BUF_INIT(INVITE_LINE_MAX);
    struct invite shorter;
    if (v == NULL) {
        invite_refuse(a, why);
        return;
    }
    shorter = *v;
    while (invite_format(&shorter, &line) < 0 && shorter.nodes > 0)
        shorter.nodes--; /* long names: as many as the line holds */
    if (buf_str(&line) == NULL || line.len == 0) {
        invite_refuse(a, "Out of memory.");
    } else {
        json_t *nodes = json_array();
        for (size_t i = 0; i < shorter.nodes; i++)
            (void)json_array_append_new(nodes, json_string(shorter.node[i]));
        asked_end(a, json_pack("{s:b,s:o,s:s,s:I,s:b,s:o}", "ok", 1, "id",
                               hex(v->id, INVITE_ID_LEN), "line", buf_str(&line), "expiry",
                               (json_int_t)v->expiry_s, "group", (int)v->group, "nodes", nodes));
    }
    wipe(&shorter, sizeof shorter);
    buf_wipe(&line);
}

static int64_t number(const json_t *o, const char *key, int64_t absent)
{
    const json_t *v = json_object_get(o, key);
    return json_is_integer(v) ? json_integer_value(v) : absent;
}

static void invite_make(struct invite_asked *a, const json_t *o)
{
    a->node = calloc(INVITE_NODES_MAX, sizeof *a->node);
    if (a->node == NULL) {
        invite_refuse(a, "Out of memory.");
        return;
    }
    struct invite_wish w = {.group = json_is_true(json_object_get(o, "group")),
                            .uses = number(o, "uses", USES_DEFAULT),
                            .life_s = number(o, "life_s", LIFE_DEFAULT),
                            .node = a->node,
                            .nodes = find_nodes(a)};
    invites_make(&a->s->services, &w, on_made, a);
}

/* ---- list */

static bool add_user(void *ctx, const struct invite_user *u)
{
    const char *why = u->step < INVITE_REFUSED
                          ? NULL
                          : invite_verdict_text((enum invite_verdict)(u->step - INVITE_REFUSED));
    (void)json_array_append_new(ctx, json_pack("{s:s,s:I,s:s,s:s?}", "address", u->address, "at_ms",
                                               (json_int_t)u->at_ms, "state",
                                               why != NULL                 ? "refused"
                                               : u->step == INVITE_TO_NAME ? "naming"
                                                                           : "verified",
                                               "why", why));
    return true;
}

struct invite_listing {
    struct db *db;
    json_t *rows;
};

static bool add_invite(void *ctx, const struct invite_row *v)
{
    struct invite_listing *l = ctx;
    json_t *users = json_array();
    invite_users(l->db, v->id, add_user, users);
    const char *state = v->revoked                             ? "revoked"
                        : v->uses >= v->uses_max               ? "used"
                        : v->expiry_s * 1000 < clock_wall_ms() ? "expired"
                        : v->uses > 0                          ? "open"
                                                               : "pending";
    (void)json_array_append_new(
        l->rows, json_pack("{s:o,s:b,s:I,s:I,s:I,s:I,s:s,s:o}", "id", hex(v->id, INVITE_ID_LEN),
                           "group", (int)v->group, "uses", (json_int_t)v->uses, "uses_max",
                           (json_int_t)v->uses_max, "made_ms", (json_int_t)v->made_ms, "expiry",
                           (json_int_t)v->expiry_s, "state", state, "users", users));
    return true;
}

static const char *mail_state(const struct accepted_invite *a)
{
    if (!a->written || (a->mail != 0 && a->mail < RCV_PULLED))
        return "pending";
    return a->mail == RCV_FAILED || a->mail == RCV_EXPIRED ? "failed"
           : !a->joined                                    ? "pending"
                                                           : "done";
}

static bool add_accepted(void *ctx, const struct accepted_invite *a)
{
    (void)json_array_append_new(
        ctx, json_pack("{s:s,s:o,s:b,s:I,s:I,s:s,s:s,s:b}", "address", a->address, "fingerprint",
                       hex(a->invite.fpr, FPR_LEN), "group", (int)a->invite.group, "at_ms",
                       (json_int_t)a->at_ms, "expiry", (json_int_t)a->invite.expiry_s, "state",
                       mail_state(a), "mail",
                       a->mail == 0 ? (a->written ? "over" : "to be written")
                                    : rcv_state_name((enum rcv_state)a->mail),
                       "joined", (int)a->joined));
    return true;
}

static json_t *list(struct service *s)
{
    struct invite_listing l = {.db = store_reader(s->services.store), .rows = json_array()};
    json_t *accepted = json_array();
    invite_each(l.db, add_invite, &l);
    accepted_each(l.db, add_accepted, accepted);
    return json_pack("{s:b,s:b,s:o,s:o}", "ok", 1, "connected",
                     dht_link_state(s->services.dht) == DHT_CONNECTED, "invites", l.rows,
                     "accepted", accepted);
}

/* ---- revoke */

static int revoke_run(struct db *db, void *arg)
{
    struct invite_asked *a = arg;
    a->revoked = invite_revoke(db, a->id);
    return a->revoked < 0 ? -1 : 0;
}

static void revoke_done(void *arg, int rc)
{
    struct invite_asked *a = arg;
    struct error e;
    if (rc != 0)
        invite_refuse(a, store_refused(&e, "that an invitation is revoked"));
    else if (a->revoked == 0)
        invite_refuse(a, "This invitation is revoked already.");
    else
        asked_end(a, json_pack("{s:b,s:o}", "ok", 1, "id", hex(a->id, INVITE_ID_LEN)));
}

static void take_back(struct invite_asked *a, const char *id)
{
    if (id == NULL || strlen(id) < 4 || strlen(id) > INVITE_ID_HEX) {
        invite_refuse(
            a, "Name the invitation by at least 4 digits of its id (`restante invite list`).");
        return;
    }
    int rc = invite_find(store_reader(a->s->services.store), id, a->id);
    if (rc != 0)
        invite_refuse(a, rc == 1 ? "There is no such invitation; see `restante invite list`."
                                 : "Several invitations begin like this: give more digits.");
    else
        store_do(a->s->services.store, revoke_run, revoke_done, a);
}

/* ---- accept */

/* restante-dht begins at them at once, if it is not connected to anybody. */
static void begin_at(struct service *s, const struct invite *v)
{
    bool any = false;
    for (size_t i = 0; i < v->nodes && s->dht_process != NULL; i++)
        any |= dht_process_add_node(s->dht_process, v->node[i]);
    if (any && dht_link_state(s->services.dht) != DHT_CONNECTED)
        dht_process_renew(s->dht_process);
}

static void on_accepted(void *ctx, bool ok, const char *why)
{
    struct invite_asked *a = ctx;
    if (!ok) {
        invite_refuse(a, why);
        return;
    }
    begin_at(a->s, &a->v);
    json_t *nodes = json_array();
    for (size_t i = 0; i < a->v.nodes; i++)
        (void)json_array_append_new(nodes, json_string(a->v.node[i]));
    asked_end(a, json_pack("{s:b,s:s,s:o,s:b,s:b,s:o}", "ok", 1, "id", a->v.address, "fingerprint",
                           hex(a->v.fpr, FPR_LEN), "group", (int)a->v.group, "connected",
                           dht_link_state(a->s->services.dht) == DHT_CONNECTED, "nodes", nodes));
}

static void invite_take_line(struct invite_asked *a, const char *line, const char *text)
{
    struct error e;
    if (line == NULL)
        invite_refuse(a, "The request names no invitation.");
    else if (invite_parse(line, strlen(line), &a->v, &e) < 0)
        invite_refuse(a, e.text);
    else
        invites_accept(&a->s->services, &a->v, text, on_accepted, a);
}

void control_invite(struct service *s, const json_t *o, control_answer_fn *answer, void *ctx)
{
    const char *action = json_string_value(json_object_get(o, "action"));
    struct invite_asked *a = mem_new(sizeof *a);
    *a = (struct invite_asked){.s = s, .answer = answer, .ctx = ctx};
    if (action == NULL || strcmp(action, "list") == 0)
        asked_end(a, list(s));
    else if (standing_of(&s->services)->stop_reason[0] != '\0')
        invite_refuse(a, standing_of(&s->services)->stop_reason);
    else if (strcmp(action, "make") == 0)
        invite_make(a, o);
    else if (strcmp(action, "revoke") == 0)
        take_back(a, json_string_value(json_object_get(o, "id")));
    else if (strcmp(action, "accept") == 0)
        invite_take_line(a, json_string_value(json_object_get(o, "line")),
                         json_string_value(json_object_get(o, "text")));
    else
        invite_refuse(a, "That is nothing one can do with an invitation.");
}

json_t *control_invite_counts(struct service *s)
{
    struct invite_counts c;
    invite_count(store_reader(s->services.store), clock_wall_ms(), &c);
    return json_pack("{s:I,s:I,s:I}", "open", (json_int_t)c.open, "pending", (json_int_t)c.pending,
                     "to_name", (json_int_t)c.to_name);
}

struct invite_looking {
    const char *address;
    bool pending;
};

static bool look_at(void *ctx, const struct accepted_invite *a)
{
    struct invite_looking *l = ctx;
    if (strcmp(a->address, l->address) != 0)
        return true;
    l->pending = strcmp(mail_state(a), "pending") == 0;
    return false;
}

bool control_invite_pending(struct service *s, const char *address)
{
    struct invite_looking l = {.address = address};
    accepted_each(store_reader(s->services.store), look_at, &l);
    return l.pending;
}

/* ---- at the start */

void invite_nodes_take(struct service *s)
{
    char node[INVITE_NODES_MAX][INVITE_NODE_MAX + 1];
    struct config_list *b = &s->config.bootstrap;
    size_t n = invite_nodes(store_reader(s->services.store), node, INVITE_NODES_MAX);
    for (size_t i = 0; i < n && b->count < CONFIG_LIST_MAX; i++) {
        bool known = strlen(node[i]) >= sizeof b->item[0];
        for (size_t k = 0; k < b->count; k++)
            known |= strcmp(b->item[k], node[i]) == 0;
        if (!known)
            (void)strcpy(b->item[b->count++], node[i]);
    }
}

static void on_waiting(void *ctx, json_t *reply)
{
    struct service *s = ctx;
    char path[PATH_CAP];
    struct error e;
    const char *why = json_string_value(json_object_get(reply, "error"));
    if (why != NULL)
        log_error("the invitation that waited for this start is not accepted: %s", why);
    else if (config_path(&s->config, ACCEPT_FILE, path, &e) == 0)
        (void)unlink(path);
    json_decref(reply);
}

void invite_waiting_take(struct service *s)
{
    struct buf b = BUF_INIT(INVITE_LINE_MAX + INVITE_TEXT_MAX + 2);
    struct error e;
    char path[PATH_CAP];
    if (config_path(&s->config, ACCEPT_FILE, path, &e) < 0 || access(path, F_OK) < 0)
        return;
    if (home_read_secret(s->config.home, ACCEPT_FILE, &b, &e) < 0 || buf_str(&b) == NULL) {
        log_error("an invitation that waits in the home cannot be read: %s", e.text);
    } else {
        char *line = (char *)b.data, *text = strchr(line, '\n');
        if (text != NULL)
            *text++ = '\0';
        json_t *o = json_pack("{s:s,s:s,s:s?}", "action", "accept", "line", line, "text",
                              text == NULL || text[0] == '\0' ? NULL : text);
        if (o != NULL)
            control_invite(s, o, on_waiting, s);
        json_decref(o);
    }
    buf_wipe(&b);
}
