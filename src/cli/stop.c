/* SPDX-License-Identifier: GPL-3.0-or-later */
/* stop.c - `restante stop` and `restante restart`: both wait until the daemon has really ended,
 * that is until the home's lock is free. */
#include "cli/commands.h"
#include "base/clock.h"
#include "cli/control.h"
#include "cli/setup.h"
#include "daemon/home.h"
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define ANSWER_WAIT_S 60
#define END_WAIT_S 90 /* Dovecot and the DHT node have seconds of their own to end */
#define UP_WAIT_S 60
#define STEP_S 2

/* Waits until no daemon holds the home, and says so now and then. */
static int wait_end(const struct cli *cli, struct error *e)
{
    int64_t start = clock_mono_ms(), end = start + (int64_t)END_WAIT_S * 1000;
    int lock;
    while ((lock = home_lock(cli->home, STEP_S, e)) < 0 && clock_mono_ms() < end)
        (void)fprintf(stderr, "The peer is still ending, for %d seconds so far.\n",
                      (int)((clock_mono_ms() - start) / 1000));
    if (lock >= 0) {
        (void)close(lock);
        return 0;
    }
    return error_set(e,
                     "The peer still runs %d seconds after it was asked to end; the end of "
                     "log/restanted.log in %s says what it waits for. To end it by force, which "
                     "loses nothing: kill -9 its process restanted.",
                     END_WAIT_S, cli->home);
}

/* Does a daemon hold the home, although nobody answers? */
static bool held(const struct cli *cli)
{
    struct error e;
    int lock = home_lock(cli->home, 0, &e);
    if (lock >= 0)
        (void)close(lock);
    return lock < 0;
}

/* Asks the daemon to end, and waits for that. c is closed. */
static int stop(const struct cli *cli, struct control **c, struct error *e)
{
    json_t *answer = control_ask(*c, "stop", NULL, ANSWER_WAIT_S, NULL, NULL, e);
    control_close(c);
    bool told = answer != NULL;
    json_decref(answer);
    if (!told && !held(cli)) /* it ended while it was asked */
        return 0;
    return wait_end(cli, e);
}

int cmd_stop(struct cli *cli, int argc, char **argv)
{
    struct error e;
    struct control *c = NULL;
    if (cli_options_only(cli, "stop", NULL, argc, argv) != CLI_OK)
        return CLI_USAGE;
    if (cli_home(cli) < 0)
        return CLI_FAILED;
    int rc = control_open(cli, &c, &e);
    if (rc == 0)
        rc = stop(cli, &c, &e);
    else if (held(cli)) /* it is ending already */
        rc = wait_end(cli, &e);
    if (rc < 0)
        return cli_fail(&e);
    (void)puts("The peer has stopped.");
    return CLI_OK;
}

static int restart(struct cli *cli, struct setup *s, struct error *e)
{
    struct control *c = NULL;
    struct error none;
    bool runs = control_open(cli, &c, &none) == 0;
    if (runs && setup_is_managed(control_peer(c))) {
        control_close(&c);
        return setup_restart_managed(s, e);
    }
    if (runs ? stop(cli, &c, e) < 0 : held(cli) && wait_end(cli, e) < 0)
        return -1;
    return setup_start_background(s, e);
}

int cmd_restart(struct cli *cli, int argc, char **argv)
{
    struct error e;
    struct setup s = {.cli = cli, .wait_s = UP_WAIT_S};
    if (cli_options_only(cli, "restart", NULL, argc, argv) != CLI_OK)
        return CLI_USAGE;
    if (cli_config(cli, &s.c) < 0) /* told before anything is stopped */
        return CLI_FAILED;
    return restart(cli, &s, &e) < 0 ? cli_fail(&e) : CLI_OK;
}
