/* SPDX-License-Identifier: GPL-3.0-or-later */
/* presence.h - the peer's own records: identity and descriptor, posted, renewed in time, and at a
 * clean stop the endpoints withdrawn (the paper's 4.2; P-10.3). */
#ifndef RESTANTE_FLOW_PRESENCE_H
#define RESTANTE_FLOW_PRESENCE_H

#include "flow/core/module.h"

extern const struct module presence_module;
/* Something in them changed (the group): sign and post anew. */
void presence_again(struct services *sv);
/* The user says that this is the peer of its address: a new instance is posted, and whatever
 * stopped it is over. */
void presence_takeover(struct services *sv);
/* Posts a descriptor without endpoints; done is called when it stands there or cannot. */
void presence_withdraw(struct services *sv, void (*done)(void *ctx), void *ctx);

#endif
