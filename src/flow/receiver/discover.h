/* SPDX-License-Identifier: GPL-3.0-or-later */
/* discover.h - the receiver's first step: what is new at ns:<own address> (the paper's step 6). */
#ifndef RESTANTE_FLOW_DISCOVER_H
#define RESTANTE_FLOW_DISCOVER_H

#include "flow/flow.h"

int discovery_start(struct flow *f, struct error *e);
/* Look now. */
void discovery_poll(struct flow *f);
void discovery_stop(struct flow *f);
void discovery_free(struct flow *f);

#endif
