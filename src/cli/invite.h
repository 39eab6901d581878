/* SPDX-License-Identifier: GPL-3.0-or-later */
/* invite.h - what `init`, `setup` and `accept` do with the line of an invitation. */
#ifndef RESTANTE_CLI_INVITE_H
#define RESTANTE_CLI_INVITE_H

#include "cli/common.h"
#include "proto/invite.h"

/* Reads a line for a home that is yet to be made: network and bootstrap nodes go into c, whose
 * address (own, "" when not known yet) must fit an invitation into a group. -1 and a sentence. */
int invite_take(struct config *c, const char *line, struct invite *v_r, struct error *e);
/* Leaves the line, and perhaps a text for the first mail (NULL: none), in the home: the peer
 * accepts it at its next start. */
int invite_leave(const char *home, const char *line, const char *text, struct error *e);
/* `accept` for cli->home: the running peer takes the line, or it is left for its next start. Prints
 * what came of it; the exit status. */
int accept_line(struct cli *cli, const char *line, const char *text);
/* Makes an invitation for one contact at the running peer of cli->home and prints it, with what to
 * do with it. 0, or -1 and a sentence. */
int invite_offer(struct cli *cli, struct error *e);

#endif
