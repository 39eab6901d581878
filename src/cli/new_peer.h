/* SPDX-License-Identifier: GPL-3.0-or-later */
/* new_peer.h - what `restante init` and `restante setup` share: the options that settle a new
 * peer's configuration, and the making of its home. */
#ifndef RESTANTE_CLI_NEW_PEER_H
#define RESTANTE_CLI_NEW_PEER_H

#include "base/error.h"
#include "cli/common.h"
#include "daemon/config.h"
#include "pgp/pgp.h"

#define NEW_PEER_OPTIONS 10

/* The options --listen, --set, --bootstrap, --endpoint and so on, whose values go into c. */
void new_peer_options(struct config *c, struct cli_option out[NEW_PEER_OPTIONS]);
/* The default settings, with all ports 0: not given. */
void new_peer_defaults(struct config *c);
/* Sets the address; on -1 e says what an address looks like. */
int new_peer_address(struct config *c, const char *address, struct error *e);
/* The invitation that was given with --accept, which a new home accepts at its first start; NULL:
 * none. Network and bootstrap nodes are taken from it. */
const char *new_peer_invite(void);
/* The same for a line that was asked for, which stays where it is until the home is made. Its
 * network and nodes go into c; -1 and a sentence. */
int new_peer_accept(struct config *c, const char *line, struct error *e);
/* Is the caller somebody who may have a peer: not root? */
int new_peer_user(struct error *e);
/* Makes the home with key, certificates, password and config; whole or not at all. c is complete
 * but for its home, which is set. fpr_hex: the new key's fingerprint. */
int new_peer_make(struct config *c, const char *home, char fpr_hex[2 * PGP_FPR_LEN + 1],
                  struct error *e);

#endif
