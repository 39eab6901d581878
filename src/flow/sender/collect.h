/* SPDX-License-Identifier: GPL-3.0-or-later */
/* collect.h - step seven: receipts are looked for, receivers end, blobs and entries go (the paper's
 * step 11; P-10.6). */
#ifndef RESTANTE_FLOW_COLLECT_H
#define RESTANTE_FLOW_COLLECT_H

#include "flow/flow.h"

int collection_start(struct flow *f, struct error *e);
/* Look for receipts now. */
void collection_poll(struct flow *f);
void collection_stop(struct flow *f);
void collection_free(struct flow *f);

#endif
