/* SPDX-License-Identifier: GPL-3.0-or-later */
/* control_look.h - the command "status" of the control socket: what stands here (control_lists.h),
 * and, when the request o says "check", what stands in the DHT. */
#ifndef RESTANTE_DAEMON_CONTROL_LOOK_H
#define RESTANTE_DAEMON_CONTROL_LOOK_H

#include "daemon/control_ask.h"

void control_look(struct service *s, struct line_client *c, const json_t *o);

#endif
