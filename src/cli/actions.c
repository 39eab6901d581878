/* SPDX-License-Identifier: GPL-3.0-or-later */
/* actions.c - commands that make the peer do something: run, pull, decline. */
#include "cli/commands.h"
#include "cli/control.h"
#include "cli/keep.h"
#include "cli/progress.h"
#include "cli/text.h"
#include "daemon/program.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ANSWER_WAIT_S 60

int cmd_run(struct cli *cli, int argc, char **argv)
{
    struct error e;
    struct config c;
    char program[PATH_CAP];
    if (cli_options_only(cli, "run", NULL, argc, argv) != CLI_OK)
        return CLI_USAGE;
    if (cli_config(cli, &c) < 0) /* a bad configuration is better told here than in a log */
        return CLI_FAILED;
    if (program_find("restanted", program, &e) < 0)
        return cli_fail(&e);
    if (!keep_is_managed()) {
        (void)fprintf(stderr,
                      "The peer of %s runs here until Ctrl-C or `restante stop`; it writes to "
                      "log/restanted.log in\n%s. No service manager runs it: nothing starts it "
                      "after a crash or with the computer. `restante setup` sees to that.\n",
                      c.address, cli->home);
        int status = keep_peer(cli->home, &e);
        return status < 0 ? cli_fail(&e) : status;
    }
    (void)execl(program, "restanted", "--home", cli->home, (char *)NULL);
    (void)error_set(&e, "Cannot run %s: %s.", program, strerror(errno));
    return cli_fail(&e);
}

/* The one operand ID: 4 to 64 hex digits, made lower-case; none with --all-deleted. 0, or the exit
 * status. */
static int take_id(struct cli *cli, const char *command, const struct cli_option *own, int argc,
                   char **argv, char id[65])
{
    int first = cli_options(cli, command, own, argc, argv);
    if (first < 0)
        return CLI_USAGE;
    if (cli->all_deleted)
        return argc == first ? CLI_OK : cli_usage(command, "--all-deleted takes no ID.");
    if (argc - first != 1)
        return cli_usage(command, "%s takes one ID, as `restante inbox` shows them.", command);
    const char *s = argv[first];
    size_t n = strlen(s);
    if (n < 4 || n > 64 || strspn(s, "0123456789abcdefABCDEF") != n)
        return cli_usage(command,
                         "\"%.70s\" is not an ID: give 4 to 64 hex digits of one that "
                         "`restante inbox` shows.",
                         s);
    for (size_t i = 0; i <= n; i++)
        id[i] = (char)(s[i] >= 'A' && s[i] <= 'F' ? s[i] - 'A' + 'a' : s[i]);
    return CLI_OK;
}

/* Asks and prints what happened; the exit status. */
static int act(struct cli *cli, const char *cmd, const char *id, int wait_s, const char *done)
{
    struct error e;
    struct control *c = NULL;
    struct progress p;
    progress_begin(&p);
    if (cli_home(cli) < 0)
        return CLI_FAILED;
    json_t *answer = NULL;
    if (control_open(cli, &c, &e) == 0)
        answer = control_ask(c, cmd, id, wait_s, progress_show, &p, &e);
    control_close(&c);
    progress_end(&p);
    if (answer == NULL)
        return cli_fail(&e);
    struct buf safe = BUF_INIT(256);
    (void)text_safe(json_text(answer, "id", id), 64, &safe);
    (void)printf("%s %s.\n", done, buf_str(&safe) == NULL ? id : buf_str(&safe));
    buf_free(&safe);
    json_decref(answer);
    return CLI_OK;
}

int cmd_pull(struct cli *cli, int argc, char **argv)
{
    char id[65];
    int status = take_id(cli, "pull", NULL, argc, argv, id);
    return status != CLI_OK ? status : act(cli, "pull", id, 0, "Pulled");
}

/* `decline --all-deleted`: the user's word for what vanished in a large number. */
static int decline_deleted(struct cli *cli)
{
    struct error e;
    struct control *c = NULL;
    json_t *answer = NULL;
    if (cli_home(cli) < 0)
        return CLI_FAILED;
    json_t *o = json_pack("{s:s,s:b}", "cmd", "decline", "all_deleted", 1);
    if (control_open(cli, &c, &e) == 0)
        answer = control_ask_for(c, o, ANSWER_WAIT_S, NULL, NULL, &e);
    json_decref(o);
    control_close(&c);
    if (answer == NULL)
        return cli_fail(&e);
    long long n = (long long)json_number(answer, "declined", 0);
    if (n == 0)
        (void)puts("No unread message waits for such a word: nothing is declined.");
    else
        (void)printf("%lld deleted %s: declined when the time for taking %s back is over "
                     "(decline_grace in restante.conf).\n",
                     n, n == 1 ? "message" : "messages", n == 1 ? "it" : "them");
    json_decref(answer);
    return CLI_OK;
}

int cmd_decline(struct cli *cli, int argc, char **argv)
{
    char id[65];
    const struct cli_option own[] = {{.name = "all-deleted", .flag = &cli->all_deleted}, {0}};
    int status = take_id(cli, "decline", own, argc, argv, id);
    if (status == CLI_OK && cli->all_deleted)
        return decline_deleted(cli);
    return status != CLI_OK ? status : act(cli, "decline", id, ANSWER_WAIT_S, "Declined");
}
