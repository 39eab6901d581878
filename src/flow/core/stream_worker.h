/* SPDX-License-Identifier: GPL-3.0-or-later */
/* stream_worker.h - the one thread that may wait for a file to grow. It seals a large message while
 * its client still submits it, and opens one while it is still fetched. A slow client or a slow
 * sender keeps it, and nobody else: who does not get it works when the file is complete, as with
 * small messages. All on the loop's thread. */
#ifndef RESTANTE_FLOW_STREAM_WORKER_H
#define RESTANTE_FLOW_STREAM_WORKER_H

#include "base/growing.h"
#include "base/jobs.h"
#include "flow/core/module.h"

#define STREAM_FROM                                                                                \
    (16u * 1024 * 1024) /* octets: below, the thread's way costs more than it saves */

extern const struct module stream_worker_module;

/* Does it work on something now? */
bool stream_worker_busy(const struct services *sv);
/* What its next job reads as it grows. NULL: one is under way, or the peer stops. stream_worker_run
 * comes next.
 */
struct growing *stream_worker_take(struct services *sv);
/* job's thread_ctx: struct pgp. */
void stream_worker_run(struct services *sv, struct job *job, void (*run)(struct job *, void *),
                       void (*done)(struct job *));
/* After done(), and when nobody will say any more how far the file is: the growing is freed, and
 * the thread is there for the next. */
void stream_worker_leave(struct services *sv);

#endif
