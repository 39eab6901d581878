/* SPDX-License-Identifier: GPL-3.0-or-later */
/* timer.c - see timer.h. */
#include "flow/timer.h"
#include <stdlib.h>

uv_timer_t *flow_timer_new(struct flow *f, void *data)
{
    uv_timer_t *t = malloc(sizeof *t);
    if (t == NULL)
        return NULL;
    (void)uv_timer_init(f->loop, t);
    t->data = data;
    return t;
}

void flow_timer_free(uv_timer_t **t)
{
    if (*t != NULL)
        uv_close((uv_handle_t *)*t, (uv_close_cb)free);
    *t = NULL;
}
