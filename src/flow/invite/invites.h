/* SPDX-License-Identifier: GPL-3.0-or-later */
/* invites.h - invitations (P-15.1 to P-15.5): made here for somebody, or accepted here from
 * somebody. What follows from them is found in the rows: the first mail is written, a member named,
 * a group accepted, again and again until it is done. */
#ifndef RESTANTE_FLOW_INVITES_H
#define RESTANTE_FLOW_INVITES_H

#include "flow/core/module.h"
#include "proto/invite.h"
#include "store/invites.h"

#define INVITE_TEXT_MAX 2000 /* octets that a user may say in the first mail */

extern const struct module invites_module;

/* done once, on the loop's thread, perhaps before the call returns. v: with its secret, valid
 * during the call; NULL: why says what is wrong. */
typedef void invite_made_fn(void *ctx, const struct invite *v, const char *why);
struct invite_wish {
    bool group;
    int64_t uses;
    int64_t life_s;
    char (*node)[INVITE_NODE_MAX + 1]; /* nodes of the DHT that the other may begin at */
    size_t nodes;
};
#define INVITE_USES_MAX 1000
#define INVITE_LIFE_MAX (90LL * 86400)
void invites_make(struct services *sv, const struct invite_wish *w, invite_made_fn *done,
                  void *ctx);

/* Why this peer does not take this invitation, or NULL; e keeps the sentence. */
const char *invites_refuse(const struct services *sv, const struct invite *v, struct error *e);
/* The key in the line is pinned as verified, its nodes are remembered, and the first mail is
 * written, all durable when done is called with ok; otherwise why is a sentence. text (may be
 * NULL): what the user wants to say in it, UTF-8. */
typedef void invite_accepted_fn(void *ctx, bool ok, const char *why);
void invites_accept(struct services *sv, const struct invite *v, const char *text,
                    invite_accepted_fn *done, void *ctx);

#endif
