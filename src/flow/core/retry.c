/* SPDX-License-Identifier: GPL-3.0-or-later */
/* retry.c - see retry.h. */
#include "flow/core/retry.h"
#include "base/clock.h"

int64_t retry_at(const struct services *sv, int64_t tries)
{
    int64_t shift = tries < 0 ? 0 : tries > 6 ? 6 : tries;
    int64_t wait = sv->c.retry << shift;
    uint16_t r;
    random_bytes(&r, sizeof r);
    return clock_wall_ms() + wait * 3 / 4 + wait * (r % 512) / 1024;
}
