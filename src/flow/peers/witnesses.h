/* SPDX-License-Identifier: GPL-3.0-or-later */
/* witnesses.h - while the wall clock is ahead of what can be believed (core/trusted_clock.h),
 * contacts' identities are read from the DHT: what is signed lately says how late it is. */
#ifndef RESTANTE_FLOW_WITNESSES_H
#define RESTANTE_FLOW_WITNESSES_H

#include "flow/core/module.h"

extern const struct module witnesses_module;

#endif
