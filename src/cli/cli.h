/* SPDX-License-Identifier: GPL-3.0-or-later */
/* cli.h - what the files of the program `restante` share. A command is a row in main.c's table; it
 * gets its own arguments and returns the exit status: 0 done, 1 failed, 2 called wrongly, and 3 of
 * status and doctor: asked and answered, but mail cannot be sent or received. */
#ifndef RESTANTE_CLI_CLI_H
#define RESTANTE_CLI_CLI_H

#include "base/error.h"
#include "base/file.h"
#include "daemon/config.h"
#include <stdbool.h>

enum { CLI_OK, CLI_FAILED, CLI_USAGE, CLI_UNWELL };

struct cli {
    const char *home_arg; /* --home as given, before or behind the command; NULL: none */
    bool json;            /* --json */
    bool secret;          /* --secret */
    bool repair;          /* --repair */
    bool check;           /* --check */
    bool all_deleted;     /* --all-deleted */
    bool yes;             /* --yes */
    bool help;            /* --help behind the command */
    char home[PATH_CAP];  /* set by cli_home() */
};

/* Prints "restante: <sentence>" on stderr; returns CLI_FAILED. */
int cli_fail(const struct error *e);
/* The same for a wrong call, with a pointer to the command's help; returns CLI_USAGE. */
int cli_usage(const char *command, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Takes --home, --help and those letters of "jsrcy" (--json, --secret, --repair, --check, --yes)
 * that are allowed out of the arguments, wherever they stand. Returns the index of the first
 * operand in argv, which getopt has sorted to the end, or -1 after a message: then return
 * CLI_USAGE. */
int cli_options(struct cli *cli, const char *command, const char *allowed, int argc, char **argv);
/* Finds the home and checks that it is one; fills cli->home. 0 or -1 after a message. */
int cli_home(struct cli *cli);
/* cli_home and its configuration. */
int cli_config(struct cli *cli, struct config *c);

/* The settings for a mail client, on stdout. 0 or -1 and e. */
int account_print(const struct config *c, struct error *e);

int cmd_setup(struct cli *cli, int argc, char **argv);
int cmd_config(struct cli *cli, int argc, char **argv);
int cmd_backup(struct cli *cli, int argc, char **argv);
int cmd_restore(struct cli *cli, int argc, char **argv);
int cmd_move(struct cli *cli, int argc, char **argv);
int cmd_passwd(struct cli *cli, int argc, char **argv);
int cmd_retire(struct cli *cli, int argc, char **argv);
int cmd_init(struct cli *cli, int argc, char **argv);
int cmd_account(struct cli *cli, int argc, char **argv);
int cmd_mua(struct cli *cli, int argc, char **argv);
int cmd_run(struct cli *cli, int argc, char **argv);
int cmd_restart(struct cli *cli, int argc, char **argv);
int cmd_stop(struct cli *cli, int argc, char **argv);
int cmd_doctor(struct cli *cli, int argc, char **argv);
int cmd_status(struct cli *cli, int argc, char **argv);
int cmd_outbox(struct cli *cli, int argc, char **argv);
int cmd_inbox(struct cli *cli, int argc, char **argv);
int cmd_pull(struct cli *cli, int argc, char **argv);
int cmd_decline(struct cli *cli, int argc, char **argv);
int cmd_group(struct cli *cli, int argc, char **argv);
int cmd_fsck(struct cli *cli, int argc, char **argv);
int cmd_takeover(struct cli *cli, int argc, char **argv);
int cmd_policy(struct cli *cli, int argc, char **argv);
int cmd_cancel(struct cli *cli, int argc, char **argv);
int cmd_contacts(struct cli *cli, int argc, char **argv);
int cmd_invite(struct cli *cli, int argc, char **argv);
int cmd_accept(struct cli *cli, int argc, char **argv);
int cmd_key(struct cli *cli, int argc, char **argv);

#endif
