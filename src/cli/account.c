/* SPDX-License-Identifier: GPL-3.0-or-later */
/* account.c - `restante account`: what a person types into a mail client. */
#include "cli/account.h"
#include "cli/commands.h"
#include "daemon/home.h"
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#define SERVER "localhost"

static int read_password(const char *home, struct buf *password, struct error *e)
{
    if (home_read_secret(home, "secret/password", password, e) < 0)
        return -1;
    while (password->len > 0 && password->data[password->len - 1] == '\n')
        password->len--;
    if (password->len == 0 || buf_str(password) == NULL)
        return error_set(e, "%s/secret/password is empty.", home);
    return 0;
}

static void print_page(const struct config *c, const char *password, const char *ca)
{
    (void)printf("Settings for a mail client on this computer\n\n"
                 "  E-mail      %s\n"
                 "  User name   %s\n"
                 "  Password    %s\n"
                 "  Incoming    IMAP  server " SERVER "  port %u  security SSL/TLS  "
                 "authentication normal password\n"
                 "  Outgoing    SMTP  server " SERVER "  port %u  security SSL/TLS  "
                 "authentication normal password\n"
                 "  CA file     %s\n\n"
                 "Let the mail client trust the CA file as an authority for web sites; it is this\n"
                 "peer's own. The password is kept in %s/secret/password.\n"
                 "`restante account` prints this again; `restante mua` has it ready to use for\n"
                 "Thunderbird, mutt, mbsync and Apple Mail.\n",
                 c->address, c->address, password, c->imap_port, c->submission_port, ca, c->home);
}

static int print_json(const struct config *c, const char *password, const char *ca)
{
    json_t *o =
        json_pack("{s:s,s:s,s:s,s:s,s:i,s:i,s:s,s:s}", "address", c->address, "user", c->address,
                  "password", password, "server", SERVER, "imap_port", (int)c->imap_port,
                  "submission_port", (int)c->submission_port, "tls", "implicit", "ca_file", ca);
    int rc = o == NULL ? -1 : cli_json(o);
    json_decref(o);
    return rc;
}

static int print_account(const struct config *c, bool json, struct error *e)
{
    char ca[PATH_CAP];
    struct buf password = BUF_INIT(1024);
    int rc = config_path(c, "tls/ca.pem", ca, e);
    if (rc == 0)
        rc = read_password(c->home, &password, e);
    if (rc == 0 && json && print_json(c, buf_str(&password), ca) < 0)
        rc = error_set(e, "The settings could not be printed.");
    else if (rc == 0 && !json)
        print_page(c, buf_str(&password), ca);
    buf_wipe(&password);
    return rc;
}

int account_print(const struct config *c, struct error *e)
{
    return print_account(c, false, e);
}

int cmd_account(struct cli *cli, int argc, char **argv)
{
    struct error e;
    struct config c;
    const struct cli_option own[] = {CLI_JSON(cli), {0}};
    if (cli_options_only(cli, "account", own, argc, argv) != CLI_OK)
        return CLI_USAGE;
    if (cli_config(cli, &c) < 0)
        return CLI_FAILED;
    return print_account(&c, cli->json, &e) < 0 ? cli_fail(&e) : CLI_OK;
}
