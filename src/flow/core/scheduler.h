/* SPDX-License-Identifier: GPL-3.0-or-later */
/* scheduler.h - the loop that asks the store what is due and starts the step for it. Restart and
 * normal running are one path: there is no other way to a step. It knows no step but by its
 * table. */
#ifndef RESTANTE_FLOW_SCHEDULER_H
#define RESTANTE_FLOW_SCHEDULER_H

#include "flow/core/module.h"

extern const struct module scheduler_module;

#endif
