/* SPDX-License-Identifier: GPL-3.0-or-later */
/* invite_code.h - an invitation as a QR code on the terminal. */
#ifndef RESTANTE_CLI_INVITE_CODE_H
#define RESTANTE_CLI_INVITE_CODE_H

/* Prints it to stdout, two modules in a character; nothing where that cannot be shown (another
 * character set than UTF-8, or too narrow a terminal). */
void invite_code_print(const char *line);

#endif
