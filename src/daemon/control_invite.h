/* SPDX-License-Identifier: GPL-3.0-or-later */
/* control_invite.h - invitations on the control socket. */
#ifndef RESTANTE_DAEMON_CONTROL_INVITE_H
#define RESTANTE_DAEMON_CONTROL_INVITE_H

#include "daemon/control_ask.h"
#include "daemon/control_group.h"

/* "action": make ("group": bool, "uses", "life_s") answers {"id","line","expiry","nodes"}; list
 * answers {"invites":[{"id","group","uses","uses_max","made_ms","expiry","state","users"}],
 * "accepted":[{"address","fingerprint","group","at_ms","expiry","state","joined"}]}; revoke takes
 * the beginning of an "id"; accept takes a "line" and perhaps a "text". */
void control_invite(struct service *s, const json_t *request, control_answer_fn *answer, void *ctx);
/* For `status`: {"open","pending","to_name"}. */
json_t *control_invite_counts(struct service *s);
/* Is an invitation of this contact accepted, and its first mail not fetched yet? */
bool control_invite_pending(struct service *s, const char *address);

/* Nodes that invitations brought, behind those of the configuration. Before restante-dht starts. */
void invite_nodes_take(struct service *s);
/* An invitation that `restante init --accept`, or `accept` while no peer ran, left in the home. */
#define ACCEPT_FILE "accept"
void invite_waiting_take(struct service *s);

#endif
