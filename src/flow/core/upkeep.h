/* SPDX-License-Identifier: GPL-3.0-or-later */
/* upkeep.h - once a day, and shortly after the start: rows whose time is long over are forgotten
 * (P-10.21). */
#ifndef RESTANTE_FLOW_UPKEEP_H
#define RESTANTE_FLOW_UPKEEP_H

#include "flow/core/module.h"

extern const struct module upkeep_module;

#endif
