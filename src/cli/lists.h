/* SPDX-License-Identifier: GPL-3.0-or-later */
/* lists.h - what commands that ask once and print the answer have in common. */
#ifndef RESTANTE_CLI_LISTS_H
#define RESTANTE_CLI_LISTS_H

#include "cli/common.h"
#include <jansson.h>
#include <stddef.h>

#define LISTS_ID_CAP 65 /* 64 hex digits and NUL */

/* A whole command without operands: takes its own options (see cli_options), asks cmd, prints the
 * answer by print() (0 or -1 without memory) or, with --json, as it is. Returns the exit status:
 * verdict's (NULL: CLI_OK), once all is printed. */
int lists_command(struct cli *cli, int argc, char **argv, const char *cmd,
                  const struct cli_option *own, int wait_s, int (*print)(const json_t *answer),
                  int (*verdict)(const json_t *answer));
/* How many digits of their "id" tell the objects of this array apart; at least 8. */
size_t lists_id_digits(const json_t *array);
void lists_short_id(const char *id, size_t digits, char out[LISTS_ID_CAP]);

#endif
