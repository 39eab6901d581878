/* SPDX-License-Identifier: GPL-3.0-or-later */
/* discover.h - the receiver's first step: what is new at ns:<own address> (the paper's step 6). */
#ifndef RESTANTE_FLOW_DISCOVER_H
#define RESTANTE_FLOW_DISCOVER_H

#include "flow/core/module.h"

extern const struct module discovery_module;
/* Look now. */
void discovery_poll(struct services *sv);

#endif
