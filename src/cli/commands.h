/* SPDX-License-Identifier: GPL-3.0-or-later */
/* commands.h - every command of `restante`: its name, operands, summary and help. */
#ifndef RESTANTE_CLI_COMMANDS_H
#define RESTANTE_CLI_COMMANDS_H

#include "cli/cli.h"
#include <stddef.h>

struct command {
    const char *name, *operands, *summary;
    int (*run)(struct cli *cli, int argc, char **argv);
    const char *help;
};
extern const struct command cli_commands[];
extern const size_t cli_commands_count;

#endif
