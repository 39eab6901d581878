/* SPDX-License-Identifier: GPL-3.0-or-later */
/* takeover.c - `restante takeover`: a restored home goes on although a twin was noticed. */
#include "cli/commands.h"
#include "cli/control.h"
#include "daemon/home.h"
#include <stdio.h>

#define ANSWER_WAIT_S 60

int cmd_takeover(struct cli *cli, int argc, char **argv)
{
    struct error e;
    struct control *c = NULL;
    if (cli_options_only(cli, "takeover", NULL, argc, argv) != CLI_OK)
        return CLI_USAGE;
    if (cli_home(cli) < 0)
        return CLI_FAILED;
    json_t *answer = NULL;
    if (home_moved(cli->home, &e) < 0) {
        if (home_set_moved(cli->home, NULL, &e) < 0)
            return cli_fail(&e);
        (void)printf("The peer may run here again; start it with `restante --home %s setup`. If "
                     "another one\nstill stands in the network, say takeover once more when it "
                     "runs.\n",
                     cli->home);
        return CLI_OK;
    }
    if (control_open(cli, &c, &e) == 0)
        answer = control_ask(c, "takeover", NULL, ANSWER_WAIT_S, NULL, NULL, &e);
    control_close(&c);
    if (answer == NULL)
        return cli_fail(&e);
    json_decref(answer);
    (void)puts("This peer takes over its address.");
    return CLI_OK;
}
