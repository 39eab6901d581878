/* SPDX-License-Identifier: GPL-3.0-or-later */
/* parts.h - the parts of a running peer, each with its state, for `restante status`. A new part is
 * a function that fills struct health (base/health.h), and a line of the list in parts.c. */
#ifndef RESTANTE_DAEMON_PARTS_H
#define RESTANTE_DAEMON_PARTS_H

#include "base/health.h"
#include <jansson.h>
#include <stdbool.h>

struct checks;
struct service;

/* [{"name", "state": "ok" | "starting" | "wrong", "cause", "todo"}], a new reference; cause and
 * todo are null unless the part is wrong. */
json_t *parts_json(struct service *s);
/* One line for each part that is there. */
void parts_check(struct service *s, struct checks *h);

#endif
