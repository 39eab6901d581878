/* SPDX-License-Identifier: GPL-3.0-or-later */
/* invite_state.c - what the files of invitations share; see invite_work.h. */
#include "flow/invite/invite_work.h"

const char invites_key = 0;

struct invites *invites_of(const struct services *sv)
{
    return module_state(sv, &invites_key);
}
