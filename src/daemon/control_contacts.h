/* SPDX-License-Identifier: GPL-3.0-or-later */
/* control_contacts.h - the key cache on the control socket. */
#ifndef RESTANTE_DAEMON_CONTROL_CONTACTS_H
#define RESTANTE_DAEMON_CONTROL_CONTACTS_H

#include "daemon/control_ask.h"
#include "daemon/control_group.h"

/* {"ok":true,"contacts":[{"address","trust","fingerprint","other","checked_ms"}],
 * "blocked":[address]} */
json_t *control_contacts(struct service *s);
/* "id" is blocked from now on, or no longer. */
void control_block(struct service *s, const json_t *request, bool yes, control_answer_fn *answer,
                   void *ctx);
/* "id" is forgotten; or, accept, its other key is pinned: the only one, or the one whose
 * "fingerprint" begins so. */
void control_contact(struct service *s, struct line_client *c, const json_t *request, bool accept);

/* "id" is pinned as verified by "fingerprint", 40 hexadecimal digits, whether its key is known or
 * not.
 * {"ok":true,"id","known"}: known is whether its key is here. */
void control_contact_add(struct service *s, struct line_client *c, const json_t *request);
/* "record", in hexadecimal digits, revokes a key (P-4.15); "own": this peer's own key is meant.
 * {"ok":true,"id","fingerprint","put"}: of what, and whether it stands in the DHT yet. */
void control_revoke(struct service *s, struct line_client *c, const json_t *request);

#endif
