/* SPDX-License-Identifier: GPL-3.0-or-later */
/* contacts.c - `restante contacts`: the pinned keys, and what to do when one changed. */
#include "cli/commands.h"
#include "base/clock.h"
#include "cli/control.h"
#include "cli/lists.h"
#include "cli/table.h"
#include "cli/text.h"
#include "cli/verify.h"
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#define ANSWER_WAIT_S 60
#define FINGERPRINT_CAP 41 /* 40 digits, of a version 4 key */

enum { ACCEPT, ADD, FORGET, BLOCK, UNBLOCK, VERBS }; /* what may stand behind `contacts` */

static int print_blocked(const json_t *answer)
{
    const json_t *blocked = json_object_get(answer, "blocked"), *b;
    size_t i;
    if (json_array_size(blocked) > 0)
        (void)puts("\nBlocked, their mail is declined:");
    json_array_foreach(blocked, i, b)
    {
        (void)printf("  %s\n", json_string_value(b)); /* canonical: nothing a terminal minds */
    }
    return 0;
}

static int print_contacts(const json_t *answer)
{
    static const struct table_column columns[] = {{"ADDRESS", false, 12},
                                                  {"TRUST", false, 0},
                                                  {"CHECKED", true, 0},
                                                  {"FINGERPRINT", false, 0}};
    const json_t *contacts = json_object_get(answer, "contacts"), *c;
    size_t i;
    if (json_array_size(contacts) == 0) {
        (void)puts("There are no contacts: a key is remembered when you send to somebody.");
        return print_blocked(answer);
    }
    struct table *t = table_new(columns, 4);
    if (t == NULL)
        return -1;
    json_array_foreach(contacts, i, c)
    {
        char age[40], note[800];
        const char *other = json_text(c, "other", "");
        int64_t checked = json_number(c, "checked_ms", 0);
        text_age(clock_wall_ms(), checked, age);
        table_cell(t, json_text(c, "address", ""));
        table_cell(t, json_text(c, "trust", ""));
        table_cell(t, checked == 0 ? "" : age);
        table_cell(t, json_text(c, "fingerprint", ""));
        if (json_is_true(json_object_get(c, "pending")))
            table_note(
                t, "pending: its invitation is accepted; the other's peer has not seen that yet");
        if (other[0] != '\0') {
            (void)snprintf(note, sizeof note,
                           "another key was met: %.40s; compare it with its owner, then `restante "
                           "contacts accept %.254s`",
                           other, json_text(c, "address", ""));
            table_note(t, note);
        }
    }
    return table_print(&t) < 0 ? -1 : print_blocked(answer);
}

/* Groups of digits, as fingerprints are printed, into one word. -1: something else stands there. */
static int join_fingerprint(char out[FINGERPRINT_CAP], char **words, int n)
{
    size_t len = 0;
    for (int i = 0; i < n; i++) {
        for (const char *p = words[i]; *p != '\0'; p++) {
            if (*p == ' ' || *p == ':')
                continue;
            if (!isxdigit((unsigned char)*p) || len + 1 >= FINGERPRINT_CAP)
                return -1;
            out[len++] = *p;
        }
    }
    out[len] = '\0';
    return len > 0 ? 0 : -1;
}

int cmd_contacts(struct cli *cli, int argc, char **argv)
{
    struct error e;
    struct control *c = NULL;
    const struct cli_option own[] = {CLI_JSON(cli), CLI_YES(cli), {0}};
    int first = cli_options(cli, "contacts", own, argc, argv);
    if (first < 0)
        return CLI_USAGE;
    if (first == argc)
        return lists_command(cli, argc, argv, "contacts", own, ANSWER_WAIT_S, print_contacts, NULL);
    if (argc - first == 2 && strcmp(argv[first], "verify") == 0)
        return cli_home(cli) < 0 ? CLI_FAILED : contacts_verify(cli, argv[first + 1]);
    static const struct {
        const char *verb, *cmd, *done;
    } verbs[] = {{"accept", "contact-accept", "Accepted."},
                 {"add", "contact-add", NULL},
                 {"forget", "contact-forget", "Forgotten."},
                 {"block", "contact-block", "Blocked: what comes from there is declined."},
                 {"unblock", "contact-unblock", "Unblocked."}};
    size_t v = 0;
    while (v < VERBS && strcmp(argv[first], verbs[v].verb) != 0)
        v++;
    int operands = argc - first - 1;
    if (v == VERBS || operands < (v == ADD ? 2 : 1) || (operands > 1 && v > ADD) ||
        (v == ACCEPT && operands > 2))
        return cli_usage("contacts",
                         "contacts takes nothing, or verify, forget, block or unblock ADDRESS, "
                         "or accept ADDRESS [FINGERPRINT], or add ADDRESS FINGERPRINT.");
    char fpr[FINGERPRINT_CAP] = "";
    if (operands > 1 && join_fingerprint(fpr, argv + first + 2, operands - 1) < 0)
        return cli_usage("contacts",
                         "A fingerprint is hexadecimal digits, in groups or in one; its "
                         "owner sees it with `restante key fingerprint`.");
    if (cli_home(cli) < 0)
        return CLI_FAILED;
    json_t *answer = NULL;
    if (control_open(cli, &c, &e) == 0) {
        json_t *o = json_pack("{s:s,s:s}", "cmd", verbs[v].cmd, "id", argv[first + 1]);
        if (operands > 1)
            (void)json_object_set_new(o, "fingerprint", json_string(fpr));
        answer = control_ask_for(c, o, ANSWER_WAIT_S, NULL, NULL, &e);
        json_decref(o);
    }
    control_close(&c);
    if (answer == NULL)
        return cli_fail(&e);
    if (v == ADD)
        (void)printf("%s is pinned by this fingerprint, as verified%s.\n", argv[first + 1],
                     json_is_true(json_object_get(answer, "known"))
                         ? ""
                         : "; its key is not here yet and is looked for");
    else
        (void)puts(verbs[v].done);
    json_decref(answer);
    return CLI_OK;
}
