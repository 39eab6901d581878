/* SPDX-License-Identifier: GPL-3.0-or-later */
/* policy.c - `restante policy`: when messages are fetched. */
#include "cli/commands.h"
#include "base/clock.h"
#include "cli/control.h"
#include "cli/lists.h"
#include "cli/progress.h"
#include "cli/table.h"
#include "cli/text.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ANSWER_WAIT_S 60

/* ---- show */

static void client_rows(struct table *t, const json_t *clients)
{
    const json_t *c;
    size_t i;
    json_array_foreach(clients, i, c)
    {
        char rule[80], age[40];
        bool set = json_is_true(json_object_get(c, "set"));
        int64_t seen = json_number(c, "seen_ms", 0);
        (void)snprintf(rule, sizeof rule, "%s%s", json_text(c, "policy", ""),
                       set ? "" : " (default)");
        text_age(clock_wall_ms(), seen, age);
        table_cell(t, "client");
        table_cell(t, json_text(c, "name", ""));
        table_cell(t, rule);
        table_cell(t, seen == 0 ? "" : age);
        if (strcmp(json_text(c, "policy", ""), "on-open") == 0 &&
            json_is_true(json_object_get(c, "ahead")))
            table_note(t, "reads in advance by itself: that is refused, opening a message is not");
    }
}

static void other_rows(struct table *t, const json_t *answer)
{
    const json_t *c;
    size_t i;
    json_array_foreach(json_object_get(answer, "contacts"), i, c)
    {
        table_cell(t, "contact");
        table_cell(t, json_text(c, "address", ""));
        table_cell(t, json_text(c, "policy", ""));
        table_cell(t, "");
    }
    json_array_foreach(json_object_get(answer, "arrival"), i, c)
    {
        char size[16], rule[40];
        int64_t octets = json_number(c, "octets", 0);
        text_size((uint64_t)octets, size);
        (void)snprintf(rule, sizeof rule, "up to %s", size);
        table_cell(t, "arrival");
        table_cell(t, json_text(c, "who", ""));
        table_cell(t, octets == INT64_MAX ? "any" : octets == 0 ? "none" : rule);
        table_cell(t, "");
    }
}

static int print_policy(const json_t *answer)
{
    static const struct table_column columns[] = {
        {"KIND", false, 0}, {"WHO", false, 12}, {"RULE", false, 0}, {"LAST SEEN", true, 0}};
    struct table *t = table_new(columns, 4);
    if (t == NULL)
        return -1;
    client_rows(t, json_object_get(answer, "clients"));
    other_rows(t, answer);
    if (table_rows(t) == 0)
        (void)puts("No mail client has read here yet, and there are no rules.\n");
    int rc = table_print(&t);
    (void)puts("\nWhat no rule names is fetched when it is opened. See `restante policy --help`.");
    (void)printf("%s.\n", text_strangers(json_text(answer, "strangers", "")));
    return rc;
}

/* ---- set */

/* The request; NULL after a message. */
static json_t *rule_of(const char *kind, const char *who, const char *rule)
{
    json_t *value = NULL;
    bool arrival = strcmp(kind, "arrival") == 0;
    if (!arrival && strcmp(kind, "client") != 0 && strcmp(kind, "contact") != 0) {
        (void)cli_usage("policy", "A rule is for a client, a contact or an arrival.");
        return NULL;
    }
    if (strcmp(rule, "default") == 0)
        value = json_null();
    else if (!arrival)
        value = json_string(rule);
    else if (text_octets(rule) >= 0)
        value = json_integer((json_int_t)text_octets(rule));
    if (value == NULL) {
        (void)cli_usage("policy",
                        "\"%.40s\" is not a size: give bytes, perhaps with k, M or G, or "
                        "any, none or default.",
                        rule);
        return NULL;
    }
    return json_pack("{s:s,s:s,s:s,s:o}", "cmd", "policy", "rule", kind, "name", who, "value",
                     value);
}

static int ask_and_print(struct cli *cli, json_t *request, int (*print)(const json_t *answer))
{
    struct error e;
    struct control *c = NULL;
    struct progress p;
    json_t *answer = NULL;
    progress_begin(&p);
    if (cli_home(cli) < 0) {
        json_decref(request);
        return CLI_FAILED;
    }
    if (control_open(cli, &c, &e) == 0)
        answer = control_ask_for(c, request, ANSWER_WAIT_S, progress_show, &p, &e);
    control_close(&c);
    progress_end(&p);
    json_decref(request);
    if (answer == NULL)
        return cli_fail(&e);
    int rc = print(answer);
    json_decref(answer);
    if (rc >= 0)
        return rc;
    (void)error_set(&e, "The answer could not be printed.");
    return cli_fail(&e);
}

static int print_set(const json_t *answer)
{
    (void)puts("Done; it counts from now on.");
    return CLI_OK;
}

/* ---- offline */

static int print_offline(const json_t *answer)
{
    char size[16];
    int64_t here = json_number(answer, "messages", 0), of = json_number(answer, "of", 0);
    text_size((uint64_t)json_number(answer, "done", 0), size);
    if (of == 0)
        (void)puts("Nothing waits elsewhere: every message is here.");
    else if (here == of)
        (void)printf("All %lld messages are here (%s).\n", (long long)of, size);
    else
        (void)printf("%lld of %lld messages are here. The senders of the others cannot be reached "
                     "now; this peer\ngoes on trying. See `restante inbox`.\n",
                     (long long)here, (long long)of);
    return here == of ? CLI_OK : CLI_FAILED;
}

int cmd_policy(struct cli *cli, int argc, char **argv)
{
    const struct cli_option own[] = {CLI_JSON(cli), {0}};
    int first = cli_options(cli, "policy", own, argc, argv);
    if (first < 0)
        return CLI_USAGE;
    if (first == argc)
        return lists_command(cli, argc, argv, "policy", own, ANSWER_WAIT_S, print_policy, NULL);
    if (argc - first == 1 && strcmp(argv[first], "offline") == 0)
        return ask_and_print(cli, json_pack("{s:s,s:b}", "cmd", "policy", "offline", 1),
                             print_offline);
    if (argc - first != 3)
        return cli_usage("policy",
                         "policy takes nothing, or a kind, a name and a rule, or offline.");
    json_t *request = rule_of(argv[first], argv[first + 1], argv[first + 2]);
    return request == NULL ? CLI_USAGE : ask_and_print(cli, request, print_set);
}
