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

/* What a job shall follow. NULL: one is under way, or the peer stops. follower_run comes next. */
struct growing *follower_take(struct flow *f);
/* job's thread_ctx: struct pgp. */
void follower_run(struct flow *f, struct job *job, void (*run)(struct job *, void *),
                  void (*done)(struct job *));
/* After done(), and when nobody will say any more how far the file is: the growing is freed, and
 * the thread is there for the next. */
void follower_leave(struct flow *f);
/* The peer stops: what is followed will not grow any more. */
void follower_stop(struct flow *f);
/* After the loop has run out. */
void follower_free(struct flow *f);

#endif
