/* SPDX-License-Identifier: GPL-3.0-or-later */
/* backup.c - the commands `restante backup` and `restante restore` (backup.h). */
#include "cli/commands.h"
#include "cli/backup.h"
#include "base/clock.h"
#include "base/crypt.h"
#include "cli/passphrase_ask.h"
#include "cli/restore.h"
#include "cli/text.h"
#include "daemon/home.h"
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

struct backup_wish {
    bool encrypt;
    const char *passphrase_file;
    struct backup_choice choice;
    const char *operand;
};

static int backup_options(struct cli *cli, const char *command, bool making, struct backup_wish *w,
                          int argc, char **argv)
{
    struct cli_option own[] = {{.name = "passphrase-file", .value = &w->passphrase_file},
                               {.name = "encrypt", .flag = &w->encrypt},
                               {.name = "no-outbox", .flag = &w->choice.no_outbox},
                               {.name = "no-replicas", .flag = &w->choice.no_replicas},
                               {0}};
    if (!making)
        own[1] = (struct cli_option){0}; /* what follows the first is about making one */
    int first = cli_options(cli, command, own, argc, argv);
    if (first < 0)
        return CLI_USAGE;
    w->encrypt |= w->passphrase_file != NULL;
    if (argc - first != 1)
        return cli_usage(command, "%s takes one file.", command);
    w->operand = argv[first];
    return CLI_OK;
}

int cmd_backup(struct cli *cli, int argc, char **argv)
{
    struct error e;
    struct config c;
    struct backup_wish w = {0};
    struct stat st;
    struct buf passphrase = BUF_INIT(BACKUP_PASSPHRASE_MAX + 1);
    size_t files = 0;
    char size[16] = "";
    int status = backup_options(cli, "backup", true, &w, argc, argv);
    if (status != CLI_OK)
        return status;
    if (cli_config(cli, &c) < 0)
        return CLI_FAILED;
    int rc = w.encrypt ? passphrase_ask(w.passphrase_file, true, &passphrase, &e) : 0;
    if (rc == 0)
        rc = backup_write(cli->home, c.address, w.operand, w.choice,
                          w.encrypt ? buf_str(&passphrase) : NULL, &files, &e);
    buf_wipe(&passphrase);
    if (rc < 0)
        return cli_fail(&e);
    if (stat(w.operand, &st) == 0)
        text_size((uint64_t)st.st_size, size);
    (void)printf("The backup of %s is %s: %zu files, %s%s.\n", c.address, w.operand, files, size,
                 w.encrypt ? ", encrypted" : "");
    if (!w.encrypt)
        (void)puts("It holds the secret key and all mail unencrypted: keep it where nobody else "
                   "can read it.");
    (void)puts("`restante restore` makes a home of it.");
    return CLI_OK;
}

int restore_home(struct cli *cli, const char *from, const char *passphrase_file,
                 struct backup_about *about, struct error *e)
{
    struct buf passphrase = BUF_INIT(BACKUP_PASSPHRASE_MAX + 1);
    int locked = backup_is_locked(from, e);
    int rc = locked < 0 ? -1 : 0;
    if (locked == 1)
        rc = passphrase_ask(passphrase_file, false, &passphrase, e);
    if (rc == 0)
        rc = backup_read(from, locked == 1 ? buf_str(&passphrase) : NULL, cli->home, about, e);
    buf_wipe(&passphrase);
    return rc;
}

int cmd_restore(struct cli *cli, int argc, char **argv)
{
    struct error e;
    struct backup_wish w = {0};
    struct backup_about about = {0};
    char age[40];
    int status = backup_options(cli, "restore", false, &w, argc, argv);
    if (status != CLI_OK)
        return status;
    if (new_peer_user(&e) < 0 || home_find(cli->home_arg, cli->home, &e) < 0 ||
        home_target_ok(cli->home, &e) < 0 ||
        restore_home(cli, w.operand, w.passphrase_file, &about, &e) < 0)
        return cli_fail(&e);
    text_age(clock_wall_ms(), about.made_ms, age);
    (void)printf("The home of %s is restored in %s: %zu files; the backup was made %s ago.\n\n",
                 about.address, cli->home, about.files, age);
    restore_advise(cli->home);
    (void)printf("Start the peer with `restante --home %s setup`, or `run`. If the peer that the "
                 "backup was made of\nstill stands in the network, this one waits, and `restante "
                 "status` says so: see to it that the\nother one never runs again, then say "
                 "`restante takeover`.\n",
                 cli->home);
    return CLI_OK;
}
