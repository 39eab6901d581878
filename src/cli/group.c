/* SPDX-License-Identifier: GPL-3.0-or-later */
/* group.c - `restante group`: the peer group this peer is in, and those that name it. */
#include "cli/commands.h"
#include "cli/control.h"
#include "cli/lists.h"
#include "cli/table.h"
#include "cli/text.h"
#include "proto/limits.h"
#include <stdio.h>
#include <string.h>
#include <time.h>

#define ANSWER_WAIT_S 90 /* adding somebody looks for his key */

struct action {
    const char *name;
    int min, max; /* operands */
    const char *done;
};
static const struct action actions[] = {
    {"create", 0, 0,
     "The group is made; this peer is its master. Add members with `restante group "
     "add`."},
    {"add", 1, 2,
     "Added. The new member sees it at its next look, and joins with `restante group "
     "accept`."},
    {"remove", 1, 1, "Removed."},
    {"show", 0, 0, NULL},
    {"list", 0, 0, NULL},
    {"accept", 0, 1,
     "Accepted. The members' keys are trusted now, and they replicate each other's "
     "outboxes."},
    {"hold", 1, 4 + GROUP_MEMBERS_MAX, NULL},
    {"leave", 0, 0,
     "Left. Nothing is replicated any more; the master can still remove this peer "
     "from its list."},
};

static const struct action *find_action(const char *name)
{
    for (size_t i = 0; i < sizeof actions / sizeof *actions; i++)
        if (strcmp(actions[i].name, name) == 0)
            return &actions[i];
    return NULL;
}

static void day(int64_t s, char out[24])
{
    time_t t = (time_t)s;
    struct tm tm;
    if (localtime_r(&t, &tm) == NULL || strftime(out, 24, "%Y-%m-%d %H:%M", &tm) == 0)
        out[0] = '\0';
}

static bool is_true(const json_t *o, const char *key)
{
    return json_is_true(json_object_get(o, key));
}

static const char *member_state(const json_t *m, const char *own, bool accepted)
{
    if (strcmp(json_text(m, "address", ""), own) == 0)
        return "this peer";
    if (!accepted)
        return "";
    if (is_true(m, "joined"))
        return "joined";
    return is_true(m, "key") ? "not accepted yet" : "key not found yet";
}

static int print_members(const json_t *g, const char *own)
{
    static const struct table_column columns[] = {
        {"ADDRESS", false, 12}, {"ROLE", false, 0}, {"STATE", false, 0}, {"FINGERPRINT", false, 8}};
    const json_t *members = json_object_get(g, "members"), *m;
    size_t i;
    struct table *t = table_new(columns, 4);
    if (t == NULL)
        return -1;
    json_array_foreach(members, i, m)
    {
        table_cell(t, json_text(m, "address", ""));
        table_cell(t, json_text(m, "role", ""));
        table_cell(t, member_state(m, own, is_true(g, "accepted")));
        table_cell(t, json_text(m, "fingerprint", ""));
    }
    return table_print(&t);
}

/* What this peer holds for the others, in a sentence. */
static int print_hold(const json_t *answer)
{
    const json_t *hold = json_object_get(answer, "hold"), *one;
    const char *mode = json_text(hold, "mode", "others");
    struct buf b = BUF_INIT(32 * 1024);
    char size[16];
    size_t i;
    int rc = buf_printf(&b, "This peer holds %s",
                        strcmp(mode, "none") == 0  ? "nothing for the others"
                        : strcmp(mode, "all") == 0 ? "all that the others send"
                                                   : "what the others send, but for what waits "
                                                     "for this peer alone");
    if (json_is_integer(json_object_get(hold, "max"))) {
        text_size((uint64_t)json_number(hold, "max", 0), size);
        rc |= buf_printf(&b, ", up to %s each", size);
    }
    json_array_foreach(json_object_get(hold, "for"), i, one)
    {
        rc |= buf_printf(&b, "%s%s", i == 0 ? ", of " : ", ", json_string_value(one));
    }
    rc |= buf_printf(&b, ".");
    if (rc == 0)
        (void)puts(buf_str(&b));
    buf_free(&b);
    return rc;
}

static int print_show(const json_t *answer)
{
    const json_t *groups = json_object_get(answer, "groups"), *g = json_array_get(groups, 0);
    char until[24];
    struct buf head = BUF_INIT(1024);
    if (g == NULL || !is_true(g, "accepted")) {
        (void)puts(g == NULL ? "This peer is in no group."
                             : "This peer is in no group, but is named by one: see `restante group "
                               "list`.");
        return 0;
    }
    day(json_number(g, "expiry", 0), until);
    (void)text_safe(json_text(g, "name", ""), 200, &head);
    (void)printf("Group %s, valid until %s unless it is renewed.\n\n",
                 buf_str(&head) == NULL ? "" : buf_str(&head), until);
    buf_free(&head);
    int rc = print_members(g, json_text(answer, "address", ""));
    if (rc == 0) {
        (void)putchar('\n');
        rc = print_hold(answer);
    }
    if (rc == 0 && json_array_size(groups) > 1)
        (void)puts("\nAnother key also names this peer in a group of this name: see `restante "
                   "group list`.\nIt is ignored.");
    return rc;
}

static int print_list(const json_t *answer)
{
    static const struct table_column columns[] = {
        {"GROUP", false, 12},   {"MASTER", false, 12}, {"MEMBERS", true, 0},
        {"OWN ROLE", false, 0}, {"STATE", false, 0},   {"MASTER'S FINGERPRINT", false, 8}};
    const json_t *groups = json_object_get(answer, "groups"), *g;
    size_t i;
    char count[24];
    if (json_array_size(groups) == 0) {
        (void)puts("No group names this peer.");
        return 0;
    }
    struct table *t = table_new(columns, 6);
    if (t == NULL)
        return -1;
    json_array_foreach(groups, i, g)
    {
        const char *role = json_text(g, "role", "");
        (void)snprintf(count, sizeof count, "%zu", json_array_size(json_object_get(g, "members")));
        table_cell(t, json_text(g, "name", ""));
        table_cell(t, json_text(g, "master", ""));
        table_cell(t, count);
        table_cell(t, role);
        table_cell(t, is_true(g, "accepted")        ? "accepted"
                      : strcmp(role, "none") == 0   ? "removed"
                      : strcmp(role, "master") == 0 ? "left"
                                                    : "not accepted");
        table_cell(t, json_text(g, "fingerprint", ""));
    }
    return table_print(&t);
}

static int print_answer(struct cli *cli, const struct action *a, const json_t *answer)
{
    if (cli->json)
        return cli_json(answer);
    if (a->done != NULL)
        return puts(a->done) < 0 ? -1 : 0;
    if (strcmp(a->name, "hold") == 0)
        return print_hold(answer);
    return strcmp(a->name, "list") == 0 ? print_list(answer) : print_show(answer);
}

/* hold [others | all | none] [up to SIZE] [for ADDRESS...]; NULL: it is not that. */
static json_t *hold_request(int count, char **operand)
{
    json_t *who = json_array();
    json_t *o = json_pack("{s:s,s:s,s:s,s:o}", "cmd", "group", "action", "hold", "mode", "others",
                          "for", who);
    int i = 0;
    if (strcmp(operand[0], "others") == 0 || strcmp(operand[0], "all") == 0 ||
        strcmp(operand[0], "none") == 0)
        (void)json_object_set_new(o, "mode", json_string(operand[i++]));
    if (i + 2 < count && strcmp(operand[i], "up") == 0 && strcmp(operand[i + 1], "to") == 0 &&
        text_octets(operand[i + 2]) >= 0) {
        (void)json_object_set_new(o, "max", json_integer(text_octets(operand[i + 2])));
        i += 3;
    }
    if (i + 1 < count && strcmp(operand[i], "for") == 0)
        for (i++; i < count; i++)
            (void)json_array_append_new(who, json_string(operand[i]));
    if (i == count)
        return o;
    json_decref(o);
    return NULL;
}

static json_t *request(const struct action *a, int count, char **operand)
{
    if (strcmp(a->name, "hold") == 0)
        return hold_request(count, operand);
    json_t *o = json_pack("{s:s,s:s}", "cmd", "group", "action",
                          strcmp(a->name, "show") == 0 ? "list" : a->name);
    if (count > 0)
        (void)json_object_set_new(o, "who", json_string(operand[0]));
    if (count > 1)
        (void)json_object_set_new(o, "role", json_string(operand[1]));
    return o;
}

int cmd_group(struct cli *cli, int argc, char **argv)
{
    struct error e;
    struct control *c = NULL;
    const struct cli_option own[] = {CLI_JSON(cli), {0}};
    int first = cli_options(cli, "group", own, argc, argv);
    if (first < 0)
        return CLI_USAGE;
    const struct action *a = find_action(first < argc ? argv[first] : "show");
    int count = first < argc ? argc - first - 1 : 0;
    if (a == NULL)
        return cli_usage("group", "group does not know \"%.40s\".", argv[first]);
    if (count < a->min || count > a->max)
        return cli_usage("group", "group %s takes %s.", a->name,
                         a->max > 2    ? "others, all or none, then up to SIZE, then for ADDRESS..."
                         : a->max == 0 ? "no operands"
                         : a->max == 2 ? "an address, and perhaps member or deputy"
                         : a->min == 1 ? "an address"
                                       : "at most the master's address or fingerprint");
    json_t *answer = NULL, *o = request(a, count, argv + first + 1);
    if (o == NULL)
        return cli_usage("group", "hold takes others, all or none, then up to SIZE, then for "
                                  "ADDRESS...");
    if (cli_home(cli) < 0) {
        json_decref(o);
        return CLI_FAILED;
    }
    if (control_open(cli, &c, &e) == 0)
        answer = control_ask_for(c, o, ANSWER_WAIT_S, NULL, NULL, &e);
    json_decref(o);
    control_close(&c);
    if (answer == NULL)
        return cli_fail(&e);
    int rc = print_answer(cli, a, answer);
    json_decref(answer);
    if (rc == 0)
        return CLI_OK;
    (void)error_set(&e, "The answer could not be printed.");
    return cli_fail(&e);
}
