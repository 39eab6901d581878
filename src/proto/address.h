/* SPDX-License-Identifier: GPL-3.0-or-later */
/* address.h - name@group, as everything but display uses it. */
#ifndef RESTANTE_PROTO_ADDRESS_H
#define RESTANTE_PROTO_ADDRESS_H

#include "proto/limits.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Lower-cases ASCII letters and checks: [a-z0-9._+-]{1,64}@hostname, hostname of labels [a-z0-9-]
 * (1..63, no hyphen at an end), whole at most ADDRESS_MAX, no colon, and the name is not "all". 0
 * and the canonical form in out, or -1. (P-2.1) */
int address_parse(const char *in, char out[ADDRESS_MAX + 1]);
/* Is it all@group? 0 and the group, or -1. */
int address_parse_all(const char *in, char group_r[ADDRESS_MAX + 1]);
/* Is this lower-case text dot-separated labels as above? */
bool hostname_ok(const char *s);
/* The group part of a canonical address: what stands behind '@'. */
const char *address_group(const char *canonical);
/* DHT keys: prefix + address, e.g. dht_key(out, "ns:", "bob@demo"). prefix "" for the descriptor.
 * 0, or -1 when it would be longer than DHT_KEY_MAX. (P-2.4) */
#define DHT_KEY_MAX (ADDRESS_MAX + 64)
int dht_key(char out[DHT_KEY_MAX + 1], const char *prefix, const char *address);
/* Where notifications for a receiver stand: "ns:bob@demo", and "ns:bob@demo/3" for shard 3. */
void dht_ns_key(char out[DHT_KEY_MAX + 1], const char *receiver, uint32_t shard);

#endif
