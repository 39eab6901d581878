/* SPDX-License-Identifier: GPL-3.0-or-later */
/* notice.h - one entry found at ns:<own address>: decrypted, verified, judged, and noted. */
#ifndef RESTANTE_FLOW_NOTICE_H
#define RESTANTE_FLOW_NOTICE_H

#include "flow/core/services.h"
#include "dht/dht.h"

/* Called once, when the entry's fate is committed (or could not be: it is met again). later: what
 * is wrong with it may pass (no memory, this peer's clock), and nothing of it was remembered. */
typedef void notice_fn(struct services *sv, const uint8_t id[DHT_ID_LEN], bool later);
/* may_wait: false: such a one is remembered like any other that is wrong. */
void notice_open(struct services *sv, const char *key, const struct dht_value *v, bool may_wait,
                 notice_fn *done);

#endif
