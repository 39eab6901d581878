/* SPDX-License-Identifier: GPL-3.0-or-later */
/* init.c - `restante init`: settles the configuration of a new peer, makes its secrets and its
 * home, and prints what its user needs. The home appears whole or not at all (daemon/home.h). */
#include "cli/account.h"
#include "cli/commands.h"
#include "cli/new_peer.h"
#include "cli/ports.h"
#include "cli/revocation.h"
#include "daemon/home.h"
#include <stdio.h>

/* The command line into c; ports that are not given stay 0. CLI_OK or CLI_USAGE. */
static int init_options(struct cli *cli, struct config *c, int argc, char **argv)
{
    struct cli_option own[NEW_PEER_OPTIONS + 1] = {0};
    struct error e;
    new_peer_options(c, own);
    new_peer_defaults(c);
    int first = cli_options(cli, "init", own, argc, argv);
    if (first < 0)
        return CLI_USAGE;
    if (argc - first != 1)
        return cli_usage("init", "init takes one address, name@group.");
    return new_peer_address(c, argv[first], &e) < 0 ? cli_usage("init", "%s", e.text) : CLI_OK;
}

static int init_report(const struct config *c, const char *home, const char *fpr_hex, bool guessed,
                       struct error *e)
{
    (void)printf("The peer %s is made in %s.\n\n  Key         %s\n  Outbox at   %s%s\n"
                 "  DHT node    UDP port %u, network %u, %zu bootstrap node%s\n\n",
                 c->address, home, fpr_hex, c->endpoints.item[0],
                 guessed ? " (if others reach this computer under another address,\n"
                           "              set endpoints in the configuration)"
                         : "",
                 c->dht_port, c->network, c->bootstrap.count, c->bootstrap.count == 1 ? "" : "s");
    if (account_print(c, e) < 0)
        return -1;
    if (c->bootstrap.count == 0 && c->dht_socket[0] == '\0')
        (void)printf("\nNo bootstrap node is set, so this peer knows nobody: name one under "
                     "bootstrap in\n%s/config, unless others will name this one.\n",
                     home);
    (void)putchar('\n');
    ports_print(c);
    revocation_outside(c, home);
    (void)printf("\nStart the peer with: restante --home %s run\n", home);
    return 0;
}

int cmd_init(struct cli *cli, int argc, char **argv)
{
    struct error e;
    struct config c;
    char fpr_hex[2 * PGP_FPR_LEN + 1];
    bool guessed = false;
    int status = init_options(cli, &c, argc, argv);
    if (status != CLI_OK)
        return status;
    if (new_peer_user(&e) < 0 || home_find(cli->home_arg, cli->home, &e) < 0 ||
        home_target_ok(cli->home, &e) < 0 || ports_settle(&c, &e) < 0 ||
        ports_endpoint(&c, &guessed, &e) < 0)
        return cli_fail(&e);
    if (new_peer_make(&c, cli->home, fpr_hex, &e) < 0 ||
        init_report(&c, cli->home, fpr_hex, guessed, &e) < 0)
        return cli_fail(&e);
    return CLI_OK;
}
