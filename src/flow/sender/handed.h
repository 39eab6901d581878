/* SPDX-License-Identifier: GPL-3.0-or-later */
/* handed.h - receipts that receivers hand over by HTTP (P-6.8): taken as those of the DHT are, and
 * answered once their end is durable. */
#ifndef RESTANTE_FLOW_HANDED_H
#define RESTANTE_FLOW_HANDED_H

#include "flow/flow.h"

int handed_start(struct flow *f, struct error *e);
void handed_stop(struct flow *f);

#endif
