/* SPDX-License-Identifier: GPL-3.0-or-later */
/* key.c - `restante key`: the peer's OpenPGP key for the user and other programs. */
#include "cli/commands.h"
#include "cli/key_import.h"
#include "cli/revocation.h"
#include "daemon/home.h"
#include "pgp/pgp.h"
#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define ARMOR_MAX (2 * HOME_SECRET_MAX)

static int export_key(const struct cli *cli, struct error *e)
{
    struct buf key = BUF_INIT(HOME_SECRET_MAX), armor = BUF_INIT(ARMOR_MAX);
    const char *sub = cli->secret ? "secret/key.pgp" : "secret/pub.pgp";
    int rc = home_read_secret(cli->home, sub, &key, e);
    if (rc == 0)
        rc = pgp_armor(key.data, key.len, &armor, e);
    if (rc == 0 && cli->secret)
        (void)fputs("restante: This is the SECRET key. Whoever has it can read this peer's mail "
                    "and write in its name.\n",
                    stderr);
    if (rc == 0 && fwrite(armor.data, 1, armor.len, stdout) != armor.len)
        rc = error_set(e, "The key could not be written.");
    buf_wipe(&armor);
    buf_wipe(&key);
    return rc;
}

static int print_fingerprint(struct cli *cli, const struct config *c, struct error *e)
{
    uint8_t fpr[PGP_FPR_LEN] = {0};
    struct buf key = BUF_INIT(PUBKEY_MAX);
    int rc = home_read_secret(cli->home, "secret/pub.pgp", &key, e);
    if (rc == 0) {
        struct pgp_pub pub = {key.data, key.len};
        rc = pgp_check_pub(&pub, c->address, fpr, e);
    }
    buf_free(&key);
    if (rc < 0)
        return -1;
    bool groups = isatty(STDOUT_FILENO); /* for the eye; scripts get it in one piece */
    for (size_t i = 0; i < PGP_FPR_LEN; i++)
        (void)printf("%s%02X", groups && i > 0 && i % 2 == 0 ? " " : "", fpr[i]);
    (void)putchar('\n');
    return 0;
}

int cmd_key(struct cli *cli, int argc, char **argv)
{
    struct error e;
    struct config c;
    const struct cli_option own[] = {CLI_YES(cli), {.name = "secret", .flag = &cli->secret}, {0}};
    int first = cli_options(cli, "key", own, argc, argv);
    if (first < 0)
        return CLI_USAGE;
    if (argc - first >= 1 && argc - first <= 2 && strcmp(argv[first], "revoke") == 0)
        return revocation_revoke(cli, argv[first + 1]);
    if (argc - first == 2 && strcmp(argv[first], "import") == 0) {
        if (cli_config(cli, &c) < 0)
            return CLI_FAILED;
        return own_key_import(&c, argv[first + 1], &e) < 0 ? cli_fail(&e) : CLI_OK;
    }
    const char *what = argc - first == 1 ? argv[first] : "";
    bool fingerprint = strcmp(what, "fingerprint") == 0;
    if (!fingerprint && strcmp(what, "export") != 0)
        return cli_usage("key", "Say `key export`, `key fingerprint`, `key import FILE` or `key "
                                "revoke [FILE]`.");
    if (fingerprint && cli->secret)
        return cli_usage("key", "--secret belongs to `key export`.");
    if (cli_config(cli, &c) < 0)
        return CLI_FAILED;
    int rc = fingerprint ? print_fingerprint(cli, &c, &e) : export_key(cli, &e);
    return rc < 0 ? cli_fail(&e) : CLI_OK;
}
