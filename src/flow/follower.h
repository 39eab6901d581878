/* SPDX-License-Identifier: GPL-3.0-or-later */
/* follower.h - the one thread that may wait for a file to grow. It seals a large message while its
 * client still submits it, and opens one while it is still fetched. A slow client or a slow sender
 * keeps it, and nobody else: who does not get it works when the file is complete, as with small
 * messages. All on the loop's thread. */
#ifndef RESTANTE_FLOW_FOLLOWER_H
#define RESTANTE_FLOW_FOLLOWER_H

#include "base/growing.h"
#include "flow/flow.h"

#define FOLLOW_FROM                                                                                \
    (16u * 1024 * 1024) /* octets: below, the thread's way costs more than it saves */

/* What run() shall follow. NULL: it follows something already, or the peer stops; then nothing was
 * begun. job's thread_ctx: struct pgp. */
struct growing *follower_take(struct flow *f, struct job *job, void (*run)(struct job *, void *),
                              void (*done)(struct job *));
/* First thing in done(): the growing of follower_take is no more. */
void follower_leave(struct flow *f);
/* The peer stops: what is followed will not grow any more. */
void follower_stop(struct flow *f);

#endif
