/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sender_feedback.h - where a message belongs when it comes, and what it says when the user moves
 * it: from Requests to the inbox, its sender is a contact from then on; to Junk, the user is asked
 * once whether the sender shall be blocked, and answers by moving that notice to Junk too (P-10.15,
 * P-10.16). Copies are known by their inodes: the daemon keeps a link of every stub, and one of
 * every message that came lately. */
#ifndef RESTANTE_FLOW_SENDER_FEEDBACK_H
#define RESTANTE_FLOW_SENDER_FEEDBACK_H

#include "flow/core/module.h"
#include "store/incoming.h"

/* Is mail of this sender not taken at all: blocked, or a stranger's and strangers' goes nowhere? */
bool feedback_refused(struct services *sv, const struct incoming *in);
/* The folder for a message of this signer; foreign: its From is not the signer's. */
enum in_place feedback_place(struct services *sv, const struct incoming *in, bool foreign);
/* Links a durable file there as a new message; as maildir_add. With the keyword of what is not here
 * yet unless it is fetched. Worker thread. */
int feedback_put(const char *home, enum in_place place, const char *file, const char *name,
                 bool fetched, struct error *e);
/* A stub was filled with this file: keeps a link of it for some weeks. Worker thread. */
int feedback_watch(const struct services *sv, const uint8_t nid[HASH_LEN], const char *full,
                   struct error *e);
/* Looks where everything stands now; at most one look at a time. */
void feedback_look(struct services *sv);
extern const struct module feedback_module;

#endif
