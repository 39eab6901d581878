/* SPDX-License-Identifier: GPL-3.0-or-later */
/* setup.c - `restante setup`: from nothing to a running peer in one command (setup.h). */
#include "cli/account.h"
#include "cli/commands.h"
#include "cli/setup.h"
#include "cli/invite.h"
#include "cli/new_peer.h"
#include "cli/ports.h"
#include "cli/revocation.h"
#include "cli/text.h"
#include "daemon/home.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define WAIT_MAX_S 600

static int take_wait(void *ctx, const char *name, const char *value, struct error *e)
{
    struct setup *s = ctx;
    s->wait_s = text_number(value, WAIT_MAX_S);
    return s->wait_s >= 1 ? 0 : error_set(e, "--%s wants seconds, 1 to %d", name, WAIT_MAX_S);
}

static int take_client(void *ctx, const char *name, const char *value, struct error *e)
{
    static const char *const clients[] = {"thunderbird", "mutt", "mbsync", "none"};
    struct setup *s = ctx;
    for (size_t i = 0; i < sizeof clients / sizeof clients[0]; i++)
        if (strcmp(value, clients[i]) == 0) {
            s->mail_client = value;
            return 0;
        }
    return error_set(e, "--%s wants thunderbird, mutt, mbsync or none", name);
}

static int setup_options(struct setup *s, int argc, char **argv)
{
    bool yes = false, linger = false, no_linger = false;
    struct cli_option own[NEW_PEER_OPTIONS + 6] = {
        [NEW_PEER_OPTIONS] = {.name = "yes", .flag = &yes},
        {.name = "linger", .flag = &linger},
        {.name = "no-linger", .flag = &no_linger},
        {.name = "wait", .take = take_wait, .ctx = s},
        {.name = "mail-client", .take = take_client, .ctx = s},
    };
    struct error e;
    new_peer_options(&s->c, own);
    new_peer_defaults(&s->c);
    int first = cli_options(s->cli, "setup", own, argc, argv);
    if (first < 0)
        return CLI_USAGE;
    if (linger && no_linger)
        return cli_usage("setup", "Say either --linger or --no-linger.");
    s->interactive = s->interactive && !yes;
    if (linger || no_linger)
        s->linger = linger ? SETUP_YES : SETUP_NO;
    if (argc - first > 1)
        return cli_usage("setup", "setup takes one address, name@group, or none.");
    if (argc > first && new_peer_address(&s->c, argv[first], &e) < 0)
        return cli_usage("setup", "%s", e.text);
    return CLI_OK;
}

/* A home that is there is the one of an earlier setup: its settings count. 1: it is; 0: there is
 * none; -1: there is something else. */
static int existing(struct setup *s, struct error *e)
{
    char address[sizeof s->c.address], config[PATH_CAP];
    if (path_join(config, s->cli->home, "config", e) < 0)
        return -1;
    if (!file_exists(config))
        return home_target_ok(s->cli->home, e);
    memcpy(address, s->c.address, sizeof address);
    if (home_check(s->cli->home, e) < 0 || home_moved(s->cli->home, e) < 0 ||
        config_load(&s->c, s->cli->home, e) < 0)
        return -1;
    if (address[0] != '\0' && strcmp(address, s->c.address) != 0)
        return error_set(e,
                         "%s is the home of %s, not of %s; name another folder with --home DIR. "
                         "Nothing was changed.",
                         s->cli->home, s->c.address, address);
    (void)printf("The home of %s is in %s already; its settings stay as they are.\n", s->c.address,
                 s->cli->home);
    return 1;
}

static int setup_make(struct setup *s, struct error *e)
{
    char fpr_hex[2 * PGP_FPR_LEN + 1];
    setup_end_orphan(s->cli->home);
    if (setup_questions(s, e) < 0)
        return -1;
    if (new_peer_make(&s->c, s->cli->home, fpr_hex, e) < 0)
        return -1;
    (void)printf("The peer %s is made in %s.\n  Key  %s\n", s->c.address, s->cli->home, fpr_hex);
    revocation_outside(&s->c, s->cli->home);
    return 0;
}

int setup_finish(const struct setup *s, struct error *e)
{
    (void)fflush(stdout);
    if (setup_run_peer(s, e) < 0)
        return -1;
    setup_mail_client(s);
    (void)putchar('\n');
    if (account_print(&s->c, e) < 0)
        return -1;
    (void)putchar('\n');
    ports_print(&s->c);
    return 0;
}

/* The one that was given, at a home that was there already (a new one has it inside); and one to
 * give away, for a new home. */
static int invitations(struct setup *s, bool there, struct error *e)
{
    if (there && new_peer_invite() != NULL)
        return accept_line(s->cli, new_peer_invite(), NULL) == CLI_OK
                   ? 0
                   : error_set(e, "The invitation is not accepted; the peer runs all the same.");
    if (there)
        return 0;
    (void)puts("\nTo invite somebody, so that each of you has the other's key, verified:\n");
    return invite_offer(s->cli, e);
}

int cmd_setup(struct cli *cli, int argc, char **argv)
{
    struct error e;
    struct setup s = {.cli = cli, .wait_s = 60, .interactive = isatty(0) == 1};
    int status = setup_options(&s, argc, argv);
    if (status != CLI_OK)
        return status;
    if (new_peer_user(&e) < 0 || home_find(cli->home_arg, cli->home, &e) < 0)
        return cli_fail(&e);
    int there = existing(&s, &e);
    if (there == 0 && !s.interactive && s.c.address[0] == '\0')
        return cli_usage("setup", "Say the address, name@group: there is nobody to ask for it.");
    if (there < 0 || (there == 0 && setup_make(&s, &e) < 0))
        return cli_fail(&e);
    if (setup_finish(&s, &e) < 0)
        return cli_fail(&e);
    return invitations(&s, there == 1, &e) < 0 ? cli_fail(&e) : CLI_OK;
}
