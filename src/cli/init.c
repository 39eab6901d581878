/* SPDX-License-Identifier: GPL-3.0-or-later */
/* init.c - `restante init`: settles the configuration of a new peer, makes its secrets and its
 * home, and prints what its user needs. The home appears whole or not at all (daemon/home.h). */
#include "base/crypt.h"
#include "cli/cli.h"
#include "cli/ports.h"
#include "daemon/home.h"
#include "daemon/tls.h"
#include "pgp/pgp.h"
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define CONFIG_FILE_CAP (64 * 1024)

enum { OPT_HOME = 1, OPT_LISTEN, OPT_SET, OPT_FIRST_KEY };

/* Options that are settings by another name: OPT_FIRST_KEY + index. */
static const struct {
    const char *option, *section, *key;
} shortcuts[] = {
    {"bootstrap", "network", "bootstrap"},
    {"network", "network", "id"},
    {"endpoint", "network", "endpoints"},
    {"http-port", "network", "http_port"},
    {"dht-port", "network", "dht_port"},
    {"imap-port", "mail", "imap_port"},
    {"submission-port", "mail", "submission_port"},
};
#define SHORTCUTS (sizeof shortcuts / sizeof shortcuts[0])

/* --set section.key=value */
static int apply_set(struct config *c, const char *text, struct error *e)
{
    char copy[1024];
    if (strlen(text) >= sizeof copy)
        return error_set(e, "the value is too long");
    memcpy(copy, text, strlen(text) + 1);
    char *equals = strchr(copy, '='), *dot = strchr(copy, '.');
    if (equals == NULL || dot == NULL || dot > equals)
        return error_set(e, "\"%.80s\" is not section.key=value", text);
    *equals = *dot = '\0';
    if (strcmp(copy, "peer") == 0 && strcmp(dot + 1, "address") == 0)
        return error_set(e, "the address is the operand of init");
    return config_set(c, copy, dot + 1, equals + 1, e);
}

/* --listen: all that others reach is at this address only. */
static int apply_listen(struct config *c, const char *address, struct error *e)
{
    bool v6 = strchr(address, ':') != NULL;
    if (config_set(c, "network", "http_bind", address, NULL) < 0)
        return error_set(e, "--listen wants an IPv4 or IPv6 address, not \"%.60s\"", address);
    if (strcmp(address, "0.0.0.0") == 0 || strcmp(address, "::") == 0)
        return 0;
    if (v6) /* the node always has an IPv4 side: keep it at home */
        return config_set(c, "network", "dht_bind6", address, e) < 0
                   ? -1
                   : config_set(c, "network", "dht_bind", "127.0.0.1", e);
    return config_set(c, "network", "dht_bind", address, e) < 0
               ? -1
               : config_set(c, "network", "dht_bind6", "none", e);
}

static int apply(struct config *c, struct cli *cli, int option, struct error *e)
{
    switch (option) {
    case OPT_HOME:
        cli->home_arg = optarg;
        return 0;
    case OPT_LISTEN:
        return apply_listen(c, optarg, e);
    case OPT_SET:
        return apply_set(c, optarg, e);
    default:
        return config_set(c, shortcuts[option - OPT_FIRST_KEY].section,
                          shortcuts[option - OPT_FIRST_KEY].key, optarg, e);
    }
}

/* The command line into c; ports that are not given stay 0. CLI_OK or CLI_USAGE. */
static int parse(struct cli *cli, struct config *c, int argc, char **argv)
{
    struct option options[SHORTCUTS + 4] = {{"home", required_argument, NULL, OPT_HOME},
                                            {"listen", required_argument, NULL, OPT_LISTEN},
                                            {"set", required_argument, NULL, OPT_SET}};
    struct error e;
    for (size_t i = 0; i < SHORTCUTS; i++)
        options[3 + i] =
            (struct option){shortcuts[i].option, required_argument, NULL, OPT_FIRST_KEY + (int)i};
    config_defaults(c);
    c->http_port = c->dht_port = c->imap_port = c->submission_port = 0;
    optind = 0;
    for (int o = getopt_long(argc, argv, ":", options, NULL); o != -1;
         o = getopt_long(argc, argv, ":", options, NULL)) {
        if (o == ':')
            return cli_usage("init", "The option %s needs a value.", argv[optind - 1]);
        if (o == '?')
            return cli_usage("init", "init does not know the option %s.", argv[optind - 1]);
        if (apply(c, cli, o, &e) < 0)
            return cli_usage("init", "Cannot take that: %s.", e.text);
    }
    if (argc - optind != 1)
        return cli_usage("init", "init takes one address, name@group.");
    if (config_set(c, "peer", "address", argv[optind], &e) < 0)
        return cli_usage("init",
                         "\"%.80s\" is not an address: name@group in small letters, digits "
                         "and . _ + -, the group like a host name; all means everybody.",
                         argv[optind]);
    return CLI_OK;
}

static int make_key(const char *dir, const struct config *c, char fpr_hex[2 * PGP_FPR_LEN + 1],
                    struct error *e)
{
    uint8_t fpr[PGP_FPR_LEN];
    struct buf secret = BUF_INIT(HOME_SECRET_MAX), public = BUF_INIT(PGP_PUBKEY_MAX);
    int rc = pgp_generate(c->address, &secret, &public, e);
    struct pgp_pub pub = {public.data, public.len};
    if (rc == 0)
        rc = pgp_check_pub(&pub, c->address, fpr, e);
    if (rc == 0)
        rc = home_write_secret(dir, "secret/key.pgp", secret.data, secret.len, e);
    if (rc == 0)
        rc = home_write_secret(dir, "secret/pub.pgp", public.data, public.len, e);
    if (rc == 0)
        hex_encode(fpr, sizeof fpr, fpr_hex);
    buf_wipe(&secret);
    buf_free(&public);
    return rc;
}

static int make_secrets(const char *dir, struct error *e)
{
    uint8_t key[HOME_STUB_KEY_LEN];
    char password[HOME_PASSWORD_LEN + 1];
    random_bytes(key, sizeof key);
    home_new_password(password);
    int rc = home_write_secret(dir, "secret/stub.key", key, sizeof key, e);
    if (rc == 0)
        rc = home_write_secret(dir, "secret/password", password, HOME_PASSWORD_LEN, e);
    wipe(key, sizeof key);
    wipe(password, sizeof password);
    return rc;
}

static int write_config(const char *dir, const struct config *c, struct error *e)
{
    struct buf text = BUF_INIT(CONFIG_FILE_CAP);
    struct config again;
    int rc = config_format(c, &text);
    if (rc < 0)
        (void)error_set(e, "The configuration does not fit into memory.");
    else
        rc = home_write_secret(dir, "config", text.data, text.len, e);
    buf_free(&text);
    return rc < 0 ? -1 : config_load(&again, dir, e); /* what we write, the daemon must take */
}

static int make_home(const struct config *c, const char *home, char fpr_hex[2 * PGP_FPR_LEN + 1],
                     struct error *e)
{
    struct home_draft d;
    if (home_draft_begin(&d, home, e) < 0)
        return -1;
    int rc = make_key(d.dir, c, fpr_hex, e);
    if (rc == 0)
        rc = make_secrets(d.dir, e);
    if (rc == 0)
        rc = tls_prepare(d.dir, c->address, e);
    if (rc == 0)
        rc = write_config(d.dir, c, e);
    if (rc == 0)
        rc = home_draft_commit(&d, e);
    home_draft_abandon(&d);
    return rc;
}

static int report(const struct config *c, const char *home, const char *fpr_hex, bool guessed,
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
    (void)printf("\nStart the peer with: restante --home %s run\n", home);
    return 0;
}

int cmd_init(struct cli *cli, int argc, char **argv)
{
    struct error e;
    struct config c;
    char fpr_hex[2 * PGP_FPR_LEN + 1];
    bool guessed = false;
    int status = parse(cli, &c, argc, argv);
    if (status != CLI_OK)
        return status;
    if (geteuid() == 0) {
        (void)error_set(&e, "A peer is not made by root: become the user who will read its mail, "
                            "then run `restante init` again.");
        return cli_fail(&e);
    }
    if (home_find(cli->home_arg, cli->home, &e) < 0 || home_target_ok(cli->home, &e) < 0 ||
        ports_settle(&c, &e) < 0 || ports_endpoint(&c, &guessed, &e) < 0)
        return cli_fail(&e);
    (void)snprintf(c.home, sizeof c.home, "%.*s", HOME_PATH_MAX, cli->home);
    if (make_home(&c, cli->home, fpr_hex, &e) < 0 ||
        report(&c, cli->home, fpr_hex, guessed, &e) < 0)
        return cli_fail(&e);
    return CLI_OK;
}
