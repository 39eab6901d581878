/* SPDX-License-Identifier: GPL-3.0-or-later */
/* accept.c - `restante accept LINE`: an invitation is taken, by the running peer or at its next
 * start. */
#include "cli/commands.h"
#include "base/clock.h"
#include "cli/control.h"
#include "cli/invite.h"
#include "daemon/home.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ANSWER_WAIT_S 60
#define ACCEPT_FILE "accept" /* of the home; restanted reads it */

static int check_group(const char *own, const struct invite *v, struct error *e)
{
    if (!v->group || own[0] == '\0' || strcmp(address_group(own), address_group(v->address)) == 0)
        return 0;
    return error_set(e,
                     "This is an invitation into the group of addresses that end in @%.120s; "
                     "%.120s is not one of them.",
                     address_group(v->address), own);
}

int invite_take(struct config *c, const char *line, struct invite *v, struct error *e)
{
    if (invite_parse(line, strlen(line), v, e) < 0 || check_group(c->address, v, e) < 0)
        return -1;
    if (clock_wall_ms() / 1000 > v->expiry_s + LIFE_SLACK)
        return error_set(e, "This invitation has expired: ask %.200s for a new one.", v->address);
    c->network = v->network;
    for (size_t i = 0; i < v->nodes && c->bootstrap.count < CONFIG_LIST_MAX; i++) {
        bool known = strlen(v->node[i]) >= sizeof c->bootstrap.item[0];
        for (size_t k = 0; k < c->bootstrap.count; k++)
            known |= strcmp(c->bootstrap.item[k], v->node[i]) == 0;
        if (!known && config_set(c, "network", "bootstrap", v->node[i], e) < 0)
            return -1;
    }
    return 0;
}

int invite_leave(const char *home, const char *line, const char *text, struct error *e)
{
    struct buf b = BUF_INIT(16 * 1024);
    int rc = 0;
    for (const char *p = line; *p != '\0' && rc == 0; p++) /* one line, as the daemon reads it */
        if (strchr(" \t\r\n", *p) == NULL)
            rc = buf_append(&b, p, 1);
    if (rc == 0)
        rc = buf_printf(&b, "\n%s", text == NULL ? "" : text);
    rc = rc < 0 ? error_set(e, "The text is too long.")
                : home_write_secret(home, ACCEPT_FILE, b.data, b.len, e);
    buf_wipe(&b);
    return rc;
}

/* The peer does not run: what can be said without it is said now. */
static int accept_later(struct cli *cli, const char *line, const char *text)
{
    struct error e;
    struct config c, as_if;
    struct invite v;
    if (cli_config(cli, &c) < 0)
        return CLI_FAILED;
    as_if = c;
    int rc = invite_take(&as_if, line, &v, &e);
    if (rc == 0 && v.network != c.network)
        rc = error_set(&e,
                       "This invitation is for network %u, and this peer is in network %u. For a "
                       "peer there: `restante --home DIR init name@group --accept LINE`.",
                       (unsigned)v.network, (unsigned)c.network);
    if (rc == 0)
        rc = invite_leave(cli->home, line, text, &e);
    if (rc < 0) {
        wipe(&v, sizeof v);
        return cli_fail(&e);
    }
    (void)printf("The peer does not run now: the invitation by %s is accepted when it starts.\n",
                 v.address);
    wipe(&v, sizeof v);
    return CLI_OK;
}

static void accept_report(const json_t *answer)
{
    const json_t *node;
    size_t i;
    (void)printf("Accepted: the key of %s is verified,\n  %s,\nand a first mail is on its way; "
                 "`restante invite list` shows how far it is.\n",
                 json_text(answer, "id", ""), json_text(answer, "fingerprint", ""));
    if (json_is_true(json_object_get(answer, "group")))
        (void)puts("When its master's peer has it, this peer is in the group.");
    if (json_is_true(json_object_get(answer, "connected")))
        return;
    (void)puts("This peer is not connected to the network yet. If it stays so, these nodes of the "
               "invitation\nare stale, and a new one is needed:");
    json_array_foreach(json_object_get(answer, "nodes"), i, node)
    {
        (void)printf("  %s\n", json_string_value(node)); /* canonical: nothing a terminal minds */
    }
}

/* The line as the operand, or in several when a shell cut it, or "-": from the standard input. */
static int collect(int count, char **operand, char line[2 * INVITE_LINE_MAX + 1])
{
    size_t n = 0;
    line[0] = '\0';
    if (count == 1 && strcmp(operand[0], "-") == 0) {
        n = fread(line, 1, 2 * INVITE_LINE_MAX, stdin);
        line[n] = '\0';
        return 0;
    }
    for (int i = 0; i < count; i++) {
        if (n + strlen(operand[i]) > 2 * INVITE_LINE_MAX)
            return -1;
        (void)strcpy(line + n, operand[i]);
        n += strlen(operand[i]);
    }
    return 0;
}

int accept_line(struct cli *cli, const char *line, const char *text)
{
    struct error e;
    struct control *c = NULL;
    if (control_open(cli, &c, &e) < 0)
        return accept_later(cli, line, text);
    json_t *o = json_pack("{s:s,s:s,s:s,s:s*}", "cmd", "invite", "action", "accept", "line", line,
                          "text", text);
    json_t *answer = o == NULL ? NULL : control_ask_for(c, o, ANSWER_WAIT_S, NULL, NULL, &e);
    if (o == NULL)
        (void)error_set(&e, "The line or the text is not plain UTF-8.");
    json_decref(o);
    control_close(&c);
    if (answer == NULL)
        return cli_fail(&e);
    if (cli->json) {
        (void)cli_json(answer);
    } else {
        accept_report(answer);
    }
    json_decref(answer);
    return CLI_OK;
}

int cmd_accept(struct cli *cli, int argc, char **argv)
{
    const char *text = NULL;
    char line[2 * INVITE_LINE_MAX + 1];
    const struct cli_option own[] = {CLI_JSON(cli), {.name = "message", .value = &text}, {0}};
    int first = cli_options(cli, "accept", own, argc, argv);
    if (first < 0)
        return CLI_USAGE;
    if (first == argc || collect(argc - first, argv + first, line) < 0)
        return cli_usage("accept", "accept takes the line of an invitation, or - to read it.");
    int rc = cli_home(cli) < 0 ? CLI_FAILED : accept_line(cli, line, text);
    wipe(line, sizeof line);
    return rc;
}
