/* SPDX-License-Identifier: GPL-3.0-or-later */
/* shim.h for Dovecot 2.3: the names and forms that 2.4 has for what the plugin uses. The build
 * takes the folder of the installed version; nothing else in the plugin knows that there are two.
 */
#ifndef RESTANTE_SHIM_H
#define RESTANTE_SHIM_H

#include "lib.h"
#include "notify-plugin.h"

#define str_begins_with(text, start) str_begins(text, start)

static inline void shim_notify_unregister(struct notify_context **ctx)
{
    notify_unregister(*ctx);
    *ctx = NULL;
}
#define notify_unregister(ctx) shim_notify_unregister(ctx)

#endif
