/* SPDX-License-Identifier: GPL-3.0-or-later */
/* retry.h - when to try again. */
#ifndef RESTANTE_FLOW_RETRY_H
#define RESTANTE_FLOW_RETRY_H

#include "flow/core/services.h"

/* now + retry * 2^tries, at most 64 times retry, with some chance in it; ms since 1970. */
int64_t retry_at(const struct services *sv, int64_t tries);

#endif
