/* SPDX-License-Identifier: GPL-3.0-or-later */
/* timer.c - see timer.h. */
#include "flow/core/timer.h"
#include "base/log.h"
#include "base/mem.h"
#include "dht/dht.h"
#include <stdlib.h>

#define LOG_AREA "poll"

uv_timer_t *timer_new(struct services *sv, void *data)
{
    uv_timer_t *t = mem_new(sizeof *t);
    (void)uv_timer_init(sv->loop, t);
    t->data = data;
    return t;
}

void timer_free(uv_timer_t **t)
{
    if (*t != NULL)
        uv_close((uv_handle_t *)*t, (uv_close_cb)free);
    *t = NULL;
}

uv_timer_t *poll_start(struct services *sv, const char *key, uv_timer_cb on_timer,
                       dht_listen_fn *on_heard, const char *what)
{
    uv_timer_t *t = timer_new(sv, sv);
    (void)uv_timer_start(t, on_timer, (uint64_t)sv->c.poll, (uint64_t)sv->c.poll);
    if (dht_listen(sv->dht, key, on_heard, sv) < 0)
        log_warn("cannot listen for %s; it is polled for", what);
    return t;
}

static void repeat(uv_timer_t *t, uint64_t ms)
{
    if (t == NULL || uv_timer_get_repeat(t) == ms)
        return;
    uv_timer_set_repeat(t, ms);
    (void)uv_timer_again(t);
}

void poll_slower(uv_timer_t *t, int64_t period)
{
    uint64_t most = (uint64_t)period * POLL_SLOWEST;
    uint64_t next = t == NULL ? 0 : uv_timer_get_repeat(t) * 2;
    repeat(t, next < most ? next : most);
}

void poll_again(uv_timer_t *t, int64_t period)
{
    repeat(t, (uint64_t)period);
}
