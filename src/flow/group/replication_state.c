/* SPDX-License-Identifier: GPL-3.0-or-later */
/* replication_state.c - what the files of replication share; see replicas.h. */
#include "flow/group/replicas.h"

const char replication_key = 0;

struct replication *replication_of(const struct services *sv)
{
    return module_state(sv, &replication_key);
}
