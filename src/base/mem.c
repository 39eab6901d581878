/* SPDX-License-Identifier: GPL-3.0-or-later */
/* mem.c - see mem.h. */
#include "base/mem.h"
#include "base/log.h"
#include <stdlib.h>
#include <string.h>

#define LOG_AREA "memory"

static void *there(void *p)
{
    if (p != NULL)
        return p;
    log_error("there is no memory left: the program ends, and a new start takes up where it was");
    abort();
}

void *mem_new(size_t size)
{
    return there(calloc(1, size > 0 ? size : 1));
}

void *mem_array(size_t count, size_t size)
{
    return there(calloc(count > 0 ? count : 1, size));
}

void *mem_grow(void *p, size_t count, size_t size)
{
    return there(reallocarray(p, count > 0 ? count : 1, size));
}

char *mem_text(const char *text)
{
    return there(strdup(text));
}
