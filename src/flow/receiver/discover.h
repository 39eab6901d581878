/* SPDX-License-Identifier: GPL-3.0-or-later */
/* discover.h - the receiver's first step: what is new at ns:<own address> (the paper's step 6). */
#ifndef RESTANTE_FLOW_DISCOVER_H
#define RESTANTE_FLOW_DISCOVER_H

#include "flow/core/services.h"

int discovery_start(struct services *sv, struct error *e);
/* Look now. */
void discovery_poll(struct services *sv);
void discovery_stop(struct services *sv);
void discovery_free(struct services *sv);

#endif
