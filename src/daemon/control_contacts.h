/* SPDX-License-Identifier: GPL-3.0-or-later */
/* control_contacts.h - the key cache on the control socket. */
#ifndef RESTANTE_DAEMON_CONTROL_CONTACTS_H
#define RESTANTE_DAEMON_CONTROL_CONTACTS_H

#include "daemon/control_group.h"

/* {"ok":true,"contacts":[{"address","trust","fingerprint","other","checked_ms"}],
 * "blocked":[address]} */
json_t *control_contacts(struct service *s);
/* "id" is blocked from now on, or no longer. */
void control_block(struct service *s, const json_t *request, bool yes, control_answer_fn *answer,
                   void *ctx);
/* Which other key of this address is meant by the beginning of a fingerprint (NULL or empty: the
 * only one). -1 and a sentence when none or several are. */
int control_other_key(struct service *s, const char *address, const char *hex,
                      uint8_t fpr_r[FPR_LEN], struct error *e);

#endif
