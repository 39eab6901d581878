/* SPDX-License-Identifier: GPL-3.0-or-later */
/* http_client_test.h - an HTTP client, our own server with a blob to fetch, and what came of a
 * request. */
#ifndef RESTANTE_TESTS_HTTP_CLIENT_TEST_H
#define RESTANTE_TESTS_HTTP_CLIENT_TEST_H

#include "net_test.h"
#include "net/http_client.h"
#include "net/http_server.h"

#define HEX "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define BLOB "/outbox/" HEX
#define BLOB_SIZE (3u << 20)

extern uv_loop_t loop;
extern struct http_client *client;
extern struct http_server *server;
extern char *dir;
extern uint8_t *blob;
extern const struct endpoint_policy local;

struct outcome {
    uint8_t *data;
    size_t len;
    int done, status;
    bool ok;
    char why[300];
    size_t refuse_at;      /* data says -1 then */
    size_t cancel_at;      /* data cancels the request then */
    bool free_in_done;     /* done frees the client */
    struct outcome *again; /* done starts this one */
    struct http_fetch *fetch;
};

int setup(void **state);
int setup_impatient(void **state); /* a server may be silent for a second */
int teardown(void **state);
#define IMPATIENT(name) cmocka_unit_test_setup_teardown(name, setup_impatient, teardown)
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

/* The callbacks of a request, whose ctx is a struct outcome. */
int on_data(void *ctx, const uint8_t *p, size_t n);
void on_done(void *ctx, bool ok, int status, const char *why);

struct http_fetch *begin_at(struct outcome *o, const char *host, uint16_t port, const char *path,
                            uint64_t offset, uint64_t max, const struct endpoint_policy *policy,
                            struct error *e);
void begin(struct outcome *o, uint16_t port, const char *path, uint64_t offset, uint64_t max);
/* Turns the loop until the request has ended. */
void finish(struct outcome *o);
struct outcome get(uint16_t port, const char *path, uint64_t offset, uint64_t max);

#endif
