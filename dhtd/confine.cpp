/* SPDX-License-Identifier: GPL-3.0-or-later */
/* confine.cpp - see confine.h. */
#include "confine.h"
#include <sys/prctl.h>

void confine(size_t max_store)
{
    (void)max_store;
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}
