/* SPDX-License-Identifier: GPL-3.0-or-later */
/* notice.h - one entry found at ns:<own address>: decrypted, verified, judged, and noted. */
#ifndef RESTANTE_FLOW_NOTICE_H
#define RESTANTE_FLOW_NOTICE_H

#include "flow/flow.h"

/* done(f, id) once, when the entry's fate is committed (or could not be: it is met again). */
void notice_open(struct flow *f, const char *key, const struct dht_value *v,
                 void (*done)(struct flow *f, const uint8_t id[DHT_ID_LEN]));

#endif
