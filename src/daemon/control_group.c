/* SPDX-License-Identifier: GPL-3.0-or-later */
/* control_group.c - see control_group.h. Every answer carries the groups as they are committed. */
#include "daemon/control_group.h"
#include "base/mem.h"
#include "flow/group/group.h"
#include "flow/peers/standing.h"
#include "store/groups.h"
#include <stdlib.h>
#include <string.h>

struct group_asked {
    struct service *s;
    control_answer_fn *answer;
    void *ctx;
};

static json_t *fingerprint(const uint8_t fpr[FPR_LEN])
{
    char out[2 * FPR_LEN + 1];
    hex_encode(fpr, FPR_LEN, out);
    return json_string(out);
}

static bool add_member(void *ctx, const struct group_fellow *m)
{
    (void)json_array_append_new(ctx, json_pack("{s:s,s:o,s:s,s:b,s:b}", "address", m->address,
                                               "fingerprint", fingerprint(m->fpr), "role",
                                               group_role_name(m->role), "key", m->pubkey.p != NULL,
                                               "joined", (int)m->joined));
    return true;
}

struct group_listing {
    struct db *db;
    json_t *rows, *lists[GROUPS_MAX];
    uint8_t master_fpr[GROUPS_MAX][FPR_LEN];
    size_t count;
};

static bool add_group(void *ctx, const struct group_row *g)
{
    struct group_listing *l = ctx;
    if (l->count == GROUPS_MAX)
        return false;
    json_t *members = json_array();
    (void)json_array_append_new(
        l->rows,
        json_pack("{s:s,s:s,s:o,s:s,s:b,s:I,s:I,s:o}", "name", g->name, "master", g->master,
                  "fingerprint", fingerprint(g->master_fpr), "role", group_role_name(g->role),
                  "accepted", (int)g->accepted, "seq", (json_int_t)g->seq, "expiry",
                  (json_int_t)g->expiry_s, "members", members));
    memcpy(l->master_fpr[l->count], g->master_fpr, FPR_LEN);
    l->lists[l->count++] = members;
    return true;
}

static json_t *hold_rule(struct db *db)
{
    static const char *const mode[] = {"others", "all", "none"};
    struct hold h;
    hold_get(db, &h);
    json_t *who = json_array();
    for (size_t i = 0; i < h.count; i++)
        (void)json_array_append_new(who, json_string(h.who[i]));
    return json_pack("{s:s,s:o,s:o}", "mode", mode[h.mode], "max",
                     h.max == HOLD_ANY_SIZE ? json_null() : json_integer((json_int_t)h.max), "for",
                     who);
}

static json_t *groups(struct service *s)
{
    struct group_listing l = {.db = store_reader(s->services.store), .rows = json_array()};
    group_list(l.db, add_group, &l);
    for (size_t i = 0; i < l.count; i++)
        group_members(l.db, l.master_fpr[i], add_member, l.lists[i]);
    return json_pack("{s:b,s:s,s:o,s:o}", "ok", 1, "address", s->config.address, "groups", l.rows,
                     "hold", hold_rule(l.db));
}

static void group_refuse(struct group_asked *a, const char *why)
{
    a->answer(a->ctx, json_pack("{s:b,s:s}", "ok", 0, "error", why));
    free(a);
}

static void group_on_done(void *ctx, bool ok, const char *why)
{
    struct group_asked *a = ctx;
    if (!ok) {
        group_refuse(a, why);
        return;
    }
    a->answer(a->ctx, groups(a->s));
    free(a);
}

static void lower(char *s)
{
    for (; *s != '\0'; s++)
        if (*s >= 'A' && *s <= 'Z')
            *s = (char)(*s - 'A' + 'a');
}

static void accept_group(struct group_asked *a, const char *master)
{
    char text[ADDRESS_MAX + 1];
    if (master == NULL || master[0] == '\0') {
        groups_accept(&a->s->services, NULL, group_on_done, a);
    } else if (strlen(master) < 4 || strlen(master) >= sizeof text) {
        group_refuse(a,
                     "A master is named by its address, or at least 4 digits of its fingerprint.");
    } else {
        (void)strcpy(text, master);
        lower(text);
        groups_accept(&a->s->services, text, group_on_done, a);
    }
}

static void group_add(struct group_asked *a, const char *address, const char *role)
{
    if (address == NULL)
        group_refuse(a, "The request names no address.");
    else if (role != NULL && strcmp(role, "member") != 0 && strcmp(role, "deputy") != 0)
        group_refuse(a, "A role is \"member\" or \"deputy\".");
    else
        groups_add(&a->s->services, address,
                   role != NULL && strcmp(role, "deputy") == 0 ? ROLE_DEPUTY : ROLE_MEMBER,
                   group_on_done, a);
}

static void hold(struct group_asked *a, const json_t *o)
{
    const char *mode = json_string_value(json_object_get(o, "mode"));
    const json_t *max = json_object_get(o, "max"), *who = json_object_get(o, "for"), *one;
    struct hold h = {.max = HOLD_ANY_SIZE};
    size_t i;
    bool good = mode != NULL && json_array_size(who) <= GROUP_MEMBERS_MAX &&
                (max == NULL || (json_is_integer(max) && json_integer_value(max) >= 0));
    if (good && strcmp(mode, "all") == 0)
        h.mode = HOLD_ALL;
    else if (good && strcmp(mode, "none") == 0)
        h.mode = HOLD_NONE;
    else
        good = good && strcmp(mode, "others") == 0;
    if (good && max != NULL)
        h.max = json_integer_value(max);
    json_array_foreach(who, i, one)
    {
        good = good && json_is_string(one) &&
               address_parse(json_string_value(one), h.who[h.count]) == 0;
        h.count += good;
    }
    if (good)
        groups_hold(&a->s->services, &h, group_on_done, a);
    else
        group_refuse(a, "That is no rule for what is held: see `restante group --help`.");
}

void control_group(struct service *s, const json_t *o, control_answer_fn *answer, void *ctx)
{
    const char *action = json_string_value(json_object_get(o, "action"));
    const char *who = json_string_value(json_object_get(o, "who"));
    struct group_asked *a = mem_new(sizeof *a);
    *a = (struct group_asked){.s = s, .answer = answer, .ctx = ctx};
    if (action == NULL || strcmp(action, "list") == 0)
        group_on_done(a, true, NULL);
    else if (standing_of(&s->services)->stop_reason[0] != '\0')
        group_refuse(a, standing_of(&s->services)->stop_reason);
    else if (strcmp(action, "create") == 0)
        groups_create(&s->services, group_on_done, a);
    else if (strcmp(action, "add") == 0)
        group_add(a, who, json_string_value(json_object_get(o, "role")));
    else if (strcmp(action, "remove") == 0 && who != NULL)
        groups_remove(&s->services, who, group_on_done, a);
    else if (strcmp(action, "accept") == 0)
        accept_group(a, who);
    else if (strcmp(action, "hold") == 0)
        hold(a, o);
    else if (strcmp(action, "leave") == 0)
        groups_leave(&s->services, group_on_done, a);
    else
        group_refuse(a, "That is nothing one can do with a group.");
}
