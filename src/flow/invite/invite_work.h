/* SPDX-License-Identifier: GPL-3.0-or-later */
/* invite_work.h - what the files of invitations share: invites.c (made here, and what follows),
 * accept.c (taken here), first_mail.c (the mail that carries the proof), named.c (the notice to one
 * whom a group names). */
#ifndef RESTANTE_FLOW_INVITE_WORK_H
#define RESTANTE_FLOW_INVITE_WORK_H

#include "flow/invite/invites.h"

struct invites {
    uv_timer_t *timer;
    bool writing, joining, naming, telling; /* one of each at a time */
};

/* The next first mail that is not written, if there is one. */
void first_mail_tend(struct services *sv);
/* The next group to accept, because an invitation into it was. */
void accept_tend(struct services *sv);
/* The next notice to write. */
void named_tend(struct services *sv);

/* The module's state; NULL when it does not run. Its name: */
extern const char invites_key;
struct invites *invites_of(const struct services *sv);

#endif
