/* SPDX-License-Identifier: GPL-3.0-or-later */
/* service_stop.c - a clean stop: no new mail, endpoints withdrawn, then everything closes and the
 * loop runs out. */
#include "daemon/checks_watch.h"
#include "daemon/here.h"
#include "daemon/home_gone.h"
#include "daemon/installed.h"
#include "daemon/names.h"
#include "daemon/service.h"
#include "flow/peers/presence.h"
#include "mime/mime.h"
#include "net/http_client.h"
#include "net/http_server.h"
#include "dht/dht.h"
#include "base/jobs.h"
#include "base/mem.h"
#include "flow/flow.h"
#include <stdlib.h>

#define STOP_MS 3000 /* for withdrawing the endpoints */

static void close_rest(struct service *s)
{
    uv_close((uv_handle_t *)s->stop_timer, (uv_close_cb)free);
    here_stop(s);
    names_stop(s);
    checks_watch_stop(s);
    home_gone_stop(s);
    installed_stop(s);
    flow_stop(&s->services);
    dovecot_stop(&s->dovecot, NULL, NULL);
    dht_free(&s->services.dht);
    dht_process_stop(&s->dht_process);
    http_client_free(&s->services.http);
    http_server_stop(&s->services.server);
    mime_free(&s->services.mime);
    line_server_stop(&s->control);
    line_server_stop(&s->plugin);
    jobs_free(&s->services.stream_worker); /* what it made goes on there */
    jobs_free(&s->services.pgp);
    jobs_free(&s->services.files);
    store_close(&s->services.store);
    for (int i = 0; i < 3; i++)
        if (s->signals[i] != NULL)
            uv_close((uv_handle_t *)s->signals[i], (uv_close_cb)free);
}

static void on_stop_timer(uv_timer_t *t)
{
    close_rest(t->data);
}

static void withdrawn(void *ctx)
{
    struct service *s = ctx;
    (void)uv_timer_start(s->stop_timer, on_stop_timer, 0, 0);
}

void service_stop(struct service *s)
{
    if (s->stopping)
        return;
    s->stopping = true;
    smtp_server_stop(&s->smtp);
    s->stop_timer = mem_new(sizeof *s->stop_timer);
    (void)uv_timer_init(s->loop, s->stop_timer);
    s->stop_timer->data = s;
    (void)uv_timer_start(s->stop_timer, on_stop_timer, STOP_MS, 0);
    presence_withdraw(&s->services, withdrawn, s);
}
