/* SPDX-License-Identifier: GPL-3.0-or-later */
/* receipt_endpoint.h - receipts that receivers hand over by HTTP (P-6.8): taken as those of the DHT
 * are, and answered once their end is durable. */
#ifndef RESTANTE_FLOW_RECEIPT_ENDPOINT_H
#define RESTANTE_FLOW_RECEIPT_ENDPOINT_H

#include "flow/core/module.h"

extern const struct module receipt_endpoint_module;

#endif
