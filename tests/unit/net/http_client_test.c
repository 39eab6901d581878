/* SPDX-License-Identifier: GPL-3.0-or-later */
/* http_client_test.c - see http_client_test.h. */
#include "http_client_test.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

uv_loop_t loop;
struct http_client *client;
struct http_server *server;
char *dir;
uint8_t *blob;
const struct endpoint_policy local = {.loopback = true};

int on_data(void *ctx, const uint8_t *p, size_t n)
{
    struct outcome *o = ctx;
    assert_int_equal(o->done, 0);
    o->data = realloc(o->data, o->len + n);
    memcpy(o->data + o->len, p, n);
    o->len += n;
    if (o->cancel_at != 0 && o->len >= o->cancel_at) {
        o->cancel_at = 0;
        http_fetch_cancel(o->fetch);
    }
    return o->refuse_at != 0 && o->len >= o->refuse_at ? -1 : 0;
}

void on_done(void *ctx, bool ok, int status, const char *why)
{
    struct outcome *o = ctx;
    o->done++;
    o->ok = ok;
    o->status = status;
    snprintf(o->why, sizeof o->why, "%s", why);
    if (o->free_in_done)
        http_client_free(&client);
    if (o->again != NULL)
        begin(o->again, http_server_port(server), BLOB, 0, BLOB_SIZE);
}

struct http_fetch *begin_at(struct outcome *o, const char *host, uint16_t port, const char *path,
                            uint64_t offset, uint64_t max, const struct endpoint_policy *policy,
                            struct error *e)
{
    struct endpoint ep = {.port = port};
    snprintf(ep.host, sizeof ep.host, "%s", host);
    struct http_fetch_config c = {.endpoint = &ep,
                                  .policy = policy,
                                  .path = path,
                                  .offset = offset,
                                  .max_bytes = max,
                                  .data = on_data,
                                  .done = on_done,
                                  .ctx = o};
    o->fetch = http_fetch(client, &c, e);
    return o->fetch;
}

void begin(struct outcome *o, uint16_t port, const char *path, uint64_t offset, uint64_t max)
{
    struct error e;
    if (begin_at(o, "127.0.0.1", port, path, offset, max, &local, &e) == NULL)
        fail_msg("%s", e.text);
}

void finish(struct outcome *o)
{
    uint64_t end = uv_hrtime() + 15ull * 1000000000;
    while (o->done == 0 && uv_hrtime() < end)
        net_turn(&loop, 5);
    assert_int_equal(o->done, 1);
}

struct outcome get(uint16_t port, const char *path, uint64_t offset, uint64_t max)
{
    struct outcome o = {0};
    begin(&o, port, path, offset, max);
    assert_int_equal(o.done, 0);
    finish(&o);
    return o;
}

static int start(unsigned stall_seconds)
{
    struct http_client_config cc = {.stall_seconds = stall_seconds, .max_parallel = 2};
    struct error e;
    dir = net_tmpdir();
    blob = malloc(BLOB_SIZE);
    for (size_t i = 0; i < BLOB_SIZE; i++)
        blob[i] = (uint8_t)(i * 2654435761u >> 13);
    net_file(dir, HEX, blob, BLOB_SIZE);
    net_file(dir, HEX ".chunks", "chunks", 6);
    struct http_server_config sc = {.host = "127.0.0.1", .outbox_dir = dir};
    server = http_server_start(&sc, &e);
    assert_non_null(server);
    http_server_set_pubkey(server, (const uint8_t *)"key", 3);
    uv_loop_init(&loop);
    client = http_client_new(&loop, &cc, &e);
    assert_non_null(client);
    return 0;
}

int setup(void **state)
{
    (void)state;
    return start(15);
}

int setup_impatient(void **state)
{
    (void)state;
    return start(1);
}

int teardown(void **state)
{
    (void)state;
    http_client_free(&client);
    assert_null(client);
    net_finish(&loop);
    http_server_stop(&server);
    net_rmdir(dir);
    free(blob);
    return 0;
}
