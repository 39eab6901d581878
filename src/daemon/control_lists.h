/* SPDX-License-Identifier: GPL-3.0-or-later */
/* control_lists.h - the states of a peer as JSON, from committed rows alone. */
#ifndef RESTANTE_DAEMON_CONTROL_LISTS_H
#define RESTANTE_DAEMON_CONTROL_LISTS_H

#include <jansson.h>

struct checks;
struct service;
/* New references; dht.ns_live and nr_live are null until the caller has looked. */
json_t *control_status(struct service *s);
/* [{"part", "state": "ok" | "warn" | "fail", "what", "do"}], in the order of h. */
json_t *control_checks(const struct checks *h);
json_t *control_outbox(struct service *s);
json_t *control_inbox(struct service *s);

#endif
