/* SPDX-License-Identifier: GPL-3.0-or-later */
/* fsck_alone.c - see fsck_alone.h. */
#include "daemon/fsck_alone.h"
#include "daemon/control_fsck.h"
#include <stdio.h>

static void fsck_alone_print(void *ctx, json_t *o)
{
    struct service *s = ctx;
    (void)json_dumpf(o, stdout, JSON_COMPACT);
    (void)putchar('\n');
    json_decref(o);
    store_close(&s->services.store);
}

int fsck_alone(struct service *s, const char *home, bool repair, struct error *e)
{
    if (service_open_rows(s, home, e) < 0) {
        store_close(&s->services.store);
        return -1;
    }
    control_fsck_alone(s, repair, fsck_alone_print, s);
    (void)uv_run(s->loop, UV_RUN_DEFAULT);
    service_free(s);
    return 0;
}
