/* SPDX-License-Identifier: GPL-3.0-or-later */
/* error.c - see error.h. */
#include "base/error.h"
#include <stdarg.h>
#include <stdio.h>

int error_set(struct error *e, const char *fmt, ...)
{
    if (e == NULL)
        return -1;
    va_list ap;
    va_start(ap, fmt);
    (void)vsnprintf(e->text, sizeof e->text, fmt, ap);
    va_end(ap);
    return -1;
}
