/* SPDX-License-Identifier: GPL-3.0-or-later */
/* control_group.h - the command "group" of the control socket (doc/man/restanted.8). */
#ifndef RESTANTE_DAEMON_CONTROL_GROUP_H
#define RESTANTE_DAEMON_CONTROL_GROUP_H

#include "daemon/service.h"
#include <jansson.h>

/* Does what the request says. answer is called once, perhaps before this returns, and takes the
 * reply over. */
typedef void control_answer_fn(void *ctx, json_t *reply);
void control_group(struct service *s, const json_t *request, control_answer_fn *answer, void *ctx);

#endif
