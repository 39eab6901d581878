/* SPDX-License-Identifier: GPL-3.0-or-later */
/* control_messages.h - the commands of the control socket on one message: "pull", "decline",
 * "cancel" (doc/man/restanted.8). */
#ifndef RESTANTE_DAEMON_CONTROL_MESSAGES_H
#define RESTANTE_DAEMON_CONTROL_MESSAGES_H

#include "daemon/control_ask.h"

void control_pull(struct service *s, struct line_client *c, const json_t *request);
void control_decline(struct service *s, struct line_client *c, const json_t *request);
/* Answered as soon as it is known whether anybody ever began to fetch it. */
void control_cancel(struct service *s, struct line_client *c, const json_t *request);

#endif
