/* SPDX-License-Identifier: GPL-3.0-or-later */
/* steps.h - the table of steps. */
#ifndef RESTANTE_FLOW_STEPS_H
#define RESTANTE_FLOW_STEPS_H

#include "flow/core/step.h"

/* In the order of a message's way; ends with NULL. */
extern const struct step *const flow_steps[];

#endif
