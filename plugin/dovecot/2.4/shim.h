/* SPDX-License-Identifier: GPL-3.0-or-later */
/* shim.h for Dovecot 2.4, whose names and forms the plugin uses as they are. */
#ifndef RESTANTE_SHIM_H
#define RESTANTE_SHIM_H

#include "lib.h"
#include "notify-plugin.h"

#endif
