/* SPDX-License-Identifier: GPL-3.0-or-later */
/* invite.c - `restante invite`: a line to give to somebody, the list of those that were given, and
 * taking one back. */
#include "cli/commands.h"
#include "cli/invite.h"
#include "base/clock.h"
#include "cli/control.h"
#include "cli/invite_code.h"
#include "cli/lists.h"
#include "cli/table.h"
#include "cli/text.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define ANSWER_WAIT_S 60

struct invite_command {
    bool group, no_code, code;
    long long uses, life_s;
};

static void day(int64_t s, char out[24])
{
    time_t t = (time_t)s;
    struct tm tm;
    if (localtime_r(&t, &tm) == NULL || strftime(out, 24, "%Y-%m-%d %H:%M", &tm) == 0)
        out[0] = '\0';
}

static int number(const char *text, long long max, long long *v, char **end)
{
    errno = 0;
    *v = strtoll(text, end, 10);
    return errno != 0 || *end == text || *v < 1 || *v > max ? -1 : 0;
}

/* "7d", "12h", "30m". */
static int span(const char *text, long long *s)
{
    char *end;
    if (number(text, 100000, s, &end) < 0 || end[0] == '\0' || end[1] != '\0')
        return -1;
    const char *unit = strchr("mhd", end[0]);
    static const long long of[] = {60, 3600, 86400};
    if (unit == NULL)
        return -1;
    *s *= of[unit - "mhd"];
    return 0;
}

/* ---- the list */

static void invite_row(struct table *t, const json_t *v)
{
    char uses[48], until[24], note[600];
    const json_t *u;
    size_t i;
    (void)snprintf(uses, sizeof uses, "%lld of %lld", (long long)json_number(v, "uses", 0),
                   (long long)json_number(v, "uses_max", 0));
    day(json_number(v, "expiry", 0), until);
    table_cell(t, json_text(v, "id", ""));
    table_cell(t, json_is_true(json_object_get(v, "group")) ? "group" : "contact");
    table_cell(t, json_text(v, "state", ""));
    table_cell(t, uses);
    table_cell(t, until);
    json_array_foreach(json_object_get(v, "users"), i, u)
    {
        const char *state = json_text(u, "state", "");
        (void)snprintf(
            note, sizeof note, "%.254s: %.80s%s%.120s", json_text(u, "address", ""),
            strcmp(state, "naming") == 0 ? "verified; its naming in the group is under way" : state,
            json_text(u, "why", "")[0] == '\0' ? "" : ", ", json_text(u, "why", ""));
        table_note(t, note);
    }
}

static int print_given(const json_t *answer)
{
    static const struct table_column columns[] = {{"INVITATION", false, 0},
                                                  {"KIND", false, 0},
                                                  {"STATE", false, 0},
                                                  {"USED", true, 0},
                                                  {"UNTIL", false, 0}};
    const json_t *list = json_object_get(answer, "invites"), *v;
    size_t i;
    if (json_array_size(list) == 0) {
        (void)puts("No invitation was made here; `restante invite` makes one.");
        return 0;
    }
    struct table *t = table_new(columns, 5);
    if (t == NULL)
        return -1;
    json_array_foreach(list, i, v)
    {
        invite_row(t, v);
    }
    return table_print(&t);
}

static void accepted_note(struct table *t, const json_t *a, bool connected)
{
    const char *mail = json_text(a, "mail", ""), *state = json_text(a, "state", "");
    bool fetched = strcmp(mail, "pulled") == 0 || strcmp(mail, "over") == 0;
    if (strcmp(state, "failed") == 0)
        table_note(t, "the first mail did not reach it: ask for a new invitation");
    else if (!connected && strcmp(state, "pending") == 0)
        table_note(t, "this peer is not connected: if it stays so, the nodes in the invitation are "
                      "stale; ask for a new one");
    else if (strcmp(state, "pending") == 0 && fetched)
        table_note(t, "it has the first mail; its master has yet to name this peer in the group");
    else if (strcmp(mail, "waiting") == 0)
        table_note(t, "its key is not found yet: it may not have been on for long");
    else if (strcmp(state, "pending") == 0)
        table_note(t, "the first mail waits until the other's peer is on; if it is and this stays, "
                      "the invitation was used up, revoked or expired there: ask for a new one");
}

static int print_accepted(const json_t *answer)
{
    static const struct table_column columns[] = {
        {"ACCEPTED FROM", false, 12}, {"KIND", false, 0}, {"STATE", false, 0}, {"AGE", true, 0}};
    const json_t *list = json_object_get(answer, "accepted"), *a;
    size_t i;
    if (json_array_size(list) == 0)
        return 0;
    struct table *t = table_new(columns, 4);
    if (t == NULL)
        return -1;
    (void)puts("");
    json_array_foreach(list, i, a)
    {
        char age[40];
        text_age(clock_wall_ms(), json_number(a, "at_ms", 0), age);
        table_cell(t, json_text(a, "address", ""));
        table_cell(t, json_is_true(json_object_get(a, "group")) ? "group" : "contact");
        table_cell(t, json_text(a, "state", ""));
        table_cell(t, age);
        accepted_note(t, a, json_is_true(json_object_get(answer, "connected")));
    }
    return table_print(&t);
}

static int print_list(const json_t *answer)
{
    return print_given(answer) < 0 ? -1 : print_accepted(answer);
}

/* ---- one is made */

static int print_made(const json_t *answer, const struct invite_command *w)
{
    char until[24];
    const char *line = json_text(answer, "line", "");
    day(json_number(answer, "expiry", 0), until);
    if (w->code || (!w->no_code && isatty(STDOUT_FILENO) == 1))
        invite_code_print(line);
    (void)puts(line); /* the line alone on stdout: what is around it goes to the person */
    (void)fflush(stdout);
    (void)fprintf(stderr,
                  "\nGive this line to %s, by a way that nobody else reads: whoever has it can use "
                  "it.\nThere: `restante accept LINE`. It can be used %lld time%s, until %s;\n"
                  "`restante invite revoke %.8s` takes it back.\n",
                  w->group ? "the new member" : "the other", w->uses, w->uses == 1 ? "" : "s",
                  until, json_text(answer, "id", ""));
    if (json_array_size(json_object_get(answer, "nodes")) == 0)
        (void)fprintf(stderr,
                      "It names no node of the network: the other must be in it already.\n");
    return 0;
}

static int invite_options(struct cli *cli, struct invite_command *w, int argc, char **argv)
{
    const char *uses = NULL, *life = NULL;
    char *end;
    const struct cli_option own[] = {CLI_JSON(cli),
                                     {.name = "group", .flag = &w->group},
                                     {.name = "uses", .value = &uses},
                                     {.name = "expires", .value = &life},
                                     {.name = "no-qr", .flag = &w->no_code},
                                     {.name = "qr", .flag = &w->code},
                                     {0}};
    int first = cli_options(cli, "invite", own, argc, argv);
    if (first < 0)
        return -1;
    if (uses != NULL && (number(uses, 1000, &w->uses, &end) < 0 || *end != '\0'))
        return cli_usage("invite", "--uses takes a number from 1 to 1000."), -1;
    if (life != NULL && span(life, &w->life_s) < 0)
        return cli_usage("invite", "--expires takes a time like 30m, 12h or 7d."), -1;
    return first;
}

static json_t *request(const struct invite_command *w, int count, char **operand)
{
    if (count == 0)
        return json_pack("{s:s,s:s,s:b,s:I,s:I}", "cmd", "invite", "action", "make", "group",
                         (int)w->group, "uses", (json_int_t)w->uses, "life_s",
                         (json_int_t)w->life_s);
    if (count == 1 && strcmp(operand[0], "list") == 0)
        return json_pack("{s:s,s:s}", "cmd", "invite", "action", "list");
    if (count == 2 && strcmp(operand[0], "revoke") == 0)
        return json_pack("{s:s,s:s,s:s}", "cmd", "invite", "action", "revoke", "id", operand[1]);
    return NULL;
}

int invite_offer(struct cli *cli, struct error *e)
{
    struct control *c = NULL;
    struct invite_command w = {.uses = 1, .life_s = 7LL * 86400};
    json_t *answer = NULL, *o = request(&w, 0, NULL);
    if (control_open(cli, &c, e) == 0)
        answer = control_ask_for(c, o, ANSWER_WAIT_S, NULL, NULL, e);
    control_close(&c);
    json_decref(o);
    int rc = answer == NULL ? -1 : print_made(answer, &w);
    json_decref(answer);
    return rc;
}

int cmd_invite(struct cli *cli, int argc, char **argv)
{
    struct error e;
    struct control *c = NULL;
    struct invite_command w = {.uses = 1, .life_s = 7LL * 86400};
    int first = invite_options(cli, &w, argc, argv);
    if (first < 0)
        return CLI_USAGE;
    json_t *answer = NULL, *o = request(&w, argc - first, argv + first);
    if (o == NULL)
        return cli_usage("invite", "invite takes nothing, or list, or revoke ID.");
    if (cli_home(cli) == 0 && control_open(cli, &c, &e) == 0)
        answer = control_ask_for(c, o, ANSWER_WAIT_S, NULL, NULL, &e);
    else if (cli->home[0] == '\0')
        e.text[0] = '\0';
    control_close(&c);
    json_decref(o);
    if (answer == NULL)
        return e.text[0] == '\0' ? CLI_FAILED : cli_fail(&e);
    int rc = 0;
    if (cli->json) {
        rc = cli_json(answer);
    } else if (first == argc) {
        rc = print_made(answer, &w);
    } else if (strcmp(argv[first], "list") == 0) {
        rc = print_list(answer);
    } else {
        (void)puts("Revoked: whoever used it stays a contact, and nobody else can use it.");
    }
    json_decref(answer);
    if (rc == 0)
        return CLI_OK;
    (void)error_set(&e, "The answer could not be printed.");
    return cli_fail(&e);
}
