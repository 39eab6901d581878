/* SPDX-License-Identifier: GPL-3.0-or-later */
/* control_fsck.h - the command "fsck" of the control socket (doc/man/restanted.8), and the same
 * without a running peer. */
#ifndef RESTANTE_DAEMON_CONTROL_FSCK_H
#define RESTANTE_DAEMON_CONTROL_FSCK_H

#include "daemon/control_group.h"

/* Looks, first into the DHT, then at rows and files; mends what it can if told to. answer is called
 * once, perhaps before this returns, and takes the reply over. */
void control_fsck(struct service *s, bool repair, control_answer_fn *answer, void *ctx);
/* The same without a running peer and without the DHT: answer is called when the loop has run out,
 * at the latest. */
void control_fsck_alone(struct service *s, bool repair, control_answer_fn *answer, void *ctx);

#endif
