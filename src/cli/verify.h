/* SPDX-License-Identifier: GPL-3.0-or-later */
/* verify.h - `restante contacts verify`: two people compare their keys aloud. */
#ifndef RESTANTE_CLI_VERIFY_H
#define RESTANTE_CLI_VERIFY_H

#include "cli/common.h"

/* Shows the words for this peer's key and the contact's, which are the same at both ends, and pins
 * the contact's key as verified when the user says that they are. The exit status. */
int contacts_verify(struct cli *cli, const char *address);

#endif
