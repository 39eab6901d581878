/* SPDX-License-Identifier: GPL-3.0-or-later */
/* control_policy.h - the command "policy" of the control socket (doc/man/restanted.8). */
#ifndef RESTANTE_DAEMON_CONTROL_POLICY_H
#define RESTANTE_DAEMON_CONTROL_POLICY_H

#include "daemon/control_group.h"

/* Does what the request says: shows, sets, or fetches all. answer is called once, perhaps before
 * this returns, and takes the reply over. */
void control_policy(struct service *s, const json_t *request, control_answer_fn *answer, void *ctx);

/* "offline": everything that waits elsewhere is wanted. progress is called again and again until
 * answer is, which happens when each message is here or was tried; NULL: answer was called
 * already. */
typedef void control_progress_fn(void *ctx, json_t *progress);
struct offline;
struct offline *control_offline(struct service *s, control_progress_fn *progress,
                                control_answer_fn *answer, void *ctx);
/* The asker is gone; the pulls go on. answer is not called. */
void control_offline_cancel(struct offline *o);

#endif
