/* SPDX-License-Identifier: GPL-3.0-or-later */
/* common.h - what every command of the program `restante` uses: the exit status, how something
 * wrong is told, the options, and the home. */
#ifndef RESTANTE_CLI_COMMON_H
#define RESTANTE_CLI_COMMON_H

#include "base/error.h"
#include "base/file.h"
#include "daemon/config.h"
#include <jansson.h>
#include <stdbool.h>

/* Done, failed, called wrongly, and of status and doctor: asked and answered, but mail cannot be
 * sent or received. */
enum { CLI_OK, CLI_FAILED, CLI_USAGE, CLI_UNWELL };

struct cli {
    const char *home_arg; /* --home as given, before or behind the command; NULL: none */
    bool json;            /* --json, of commands that take it; likewise */
    bool secret;          /* --secret */
    bool repair;          /* --repair */
    bool check;           /* --check */
    bool all_deleted;     /* --all-deleted */
    bool yes;             /* --yes */
    bool help;            /* --help, in front of a command */
    char home[PATH_CAP];  /* set by cli_home() */
};

/* An option of a command's own, also in the place of --home. One of flag, value and take is set. */
struct cli_option {
    const char *name;   /* without its two hyphens; NULL ends the array */
    char letter;        /* that stands for it behind one hyphen; 0: none */
    bool *flag;         /* takes no value; becomes true */
    const char **value; /* where the value goes */
    /* Is given the value. On -1 e is a sentence without capital and full stop. */
    int (*take)(void *ctx, const char *name, const char *value, struct error *e);
    void *ctx;
};
/* Options that several commands have, as initializers. */
#define CLI_JSON(cli)                                                                              \
    {                                                                                              \
        .name = "json", .flag = &(cli)->json                                                       \
    }
#define CLI_YES(cli)                                                                               \
    {                                                                                              \
        .name = "yes", .flag = &(cli)->yes                                                         \
    }

/* Prints "restante: <sentence>" on stderr; returns CLI_FAILED. */
int cli_fail(const struct error *e);
/* The same for a wrong call, with a pointer to the command's help; returns CLI_USAGE. */
int cli_usage(const char *command, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Takes --home, --help and the command's own options (NULL: it has none) out of the arguments,
 * wherever they stand; with command "" those in front of the command. Returns the index of the
 * first operand in argv, which getopt has sorted to the end, or -1 after a message: then return
 * CLI_USAGE. */
int cli_options(struct cli *cli, const char *command, const struct cli_option *own, int argc,
                char **argv);
/* The same for a command without operands: CLI_OK, or CLI_USAGE after a message. */
int cli_options_only(struct cli *cli, const char *command, const struct cli_option *own, int argc,
                     char **argv);
/* Finds the home and checks that it is one; fills cli->home. 0 or -1 after a message. */
int cli_home(struct cli *cli);
/* cli_home and its configuration. */
int cli_config(struct cli *cli, struct config *c);

/* Prints it as JSON on the standard output: ASCII only, so that nothing in it can upset a terminal.
 * 0, or -1 when that cannot be. */
int cli_json(const json_t *o);

#endif
