/* SPDX-License-Identifier: GPL-3.0-or-later */
/* restore.h - what `restante restore` and `restante move --from` share. */
#ifndef RESTANTE_CLI_RESTORE_H
#define RESTANTE_CLI_RESTORE_H

#include "cli/backup.h"
#include "cli/common.h"
#include "cli/new_peer.h"

/* Makes the home cli->home of a backup, asking for its passphrase when it wants one. */
int restore_home(struct cli *cli, const char *from, const char *passphrase_file,
                 struct backup_about *about, struct error *e);
/* On stdout: what the settings of the restored home say that does not fit this computer. A private
 * address that this computer does not have is replaced by its own. */
void restore_advise(const char *home);

#endif
