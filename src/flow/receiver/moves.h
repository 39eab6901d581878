/* SPDX-License-Identifier: GPL-3.0-or-later */
/* moves.h - where a message belongs when it comes, and what it says when the user moves it: from
 * Requests to the inbox, its sender is a contact from then on; to Junk, the user is asked once
 * whether the sender shall be blocked, and answers by moving that notice to Junk too (P-10.15,
 * P-10.16). Copies are known by their inodes: the daemon keeps a link of every stub, and one of
 * every message that came lately. */
#ifndef RESTANTE_FLOW_MOVES_H
#define RESTANTE_FLOW_MOVES_H

#include "flow/flow.h"
#include "store/incoming.h"

/* Is mail of this sender not taken at all: blocked, or a stranger's and strangers' goes nowhere? */
bool moves_refused(struct flow *f, const struct incoming *in);
/* The folder for a message of this signer; foreign: its From is not the signer's. */
enum in_place moves_place(struct flow *f, const struct incoming *in, bool foreign);
/* Links a durable file there as a new message; as maildir_add. With the keyword of what is not here
 * yet unless it is fetched. Worker thread. */
int moves_put(const char *home, enum in_place place, const char *file, const char *name,
              bool fetched, struct error *e);
/* A stub was filled with this file: keeps a link of it for some weeks. Worker thread. */
int moves_watch(const struct flow *f, const uint8_t nid[HASH_LEN], const char *full,
                struct error *e);
/* Looks where everything stands now; at most one look at a time. */
void moves_look(struct flow *f);
int moves_start(struct flow *f, struct error *e);
void moves_free(struct flow *f);

#endif
