/* SPDX-License-Identifier: GPL-3.0-or-later */
/* revocation.h - the record that ends a key when its home is lost: made with the key, kept in the
 * home and outside of it (P-4.15, P-10.31). */
#ifndef RESTANTE_CLI_REVOCATION_H
#define RESTANTE_CLI_REVOCATION_H

#include "cli/common.h"

/* Makes DIR/secret/revocation for the home or draft DIR, whose keys are there already. */
int revocation_make(const char *dir, const struct config *c, struct error *e);
/* Copies the home's revocation to $XDG_DATA_HOME/restante (or ~/.local/share/restante) and says
 * where it is; names the revocations of former keys of this address that lie there, and what to do
 * with them. What fails of it is a warning: the home has its own copy. */
void revocation_outside(const struct config *c, const char *home);

/* restante key revoke [FILE] (file NULL: this home's own key). The exit status. */
int revocation_revoke(struct cli *cli, const char *file);

#endif
