/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_http_client.c - the HTTP client against our own server and against servers that lie. */
#include "net_test.h"
#include "net/http_client.h"
#include "net/http_server.h"
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define HEX "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define BLOB "/outbox/" HEX
#define BLOB_SIZE (3u << 20)

static uv_loop_t loop;
static struct http_client *client;
static struct http_server *server;
static char *dir;
static uint8_t *blob;
static const struct endpoint_policy local = {.loopback = true};

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

static void begin(struct outcome *o, uint16_t port, const char *path, uint64_t offset,
                  uint64_t max);

static int on_data(void *ctx, const uint8_t *p, size_t n)
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

static void on_done(void *ctx, bool ok, int status, const char *why)
{
    struct outcome *o = ctx;

    o->done++;
    o->ok = ok;
    o->status = status;
    snprintf(o->why, sizeof(o->why), "%s", why);
    if (o->free_in_done) {
        http_client_free(&client);
    }
    if (o->again != NULL) {
        begin(o->again, http_server_port(server), BLOB, 0, BLOB_SIZE);
    }
}

static struct http_fetch *begin_at(struct outcome *o, const char *host, uint16_t port,
                                   const char *path, uint64_t offset, uint64_t max,
                                   const struct endpoint_policy *policy, struct error *e)
{
    struct endpoint ep = {.port = port};

    snprintf(ep.host, sizeof(ep.host), "%s", host);
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

static void begin(struct outcome *o, uint16_t port, const char *path, uint64_t offset, uint64_t max)
{
    struct error e;

    if (begin_at(o, "127.0.0.1", port, path, offset, max, &local, &e) == NULL) {
        fail_msg("%s", e.text);
    }
}

/* Turns the loop until the request has ended. */
static void finish(struct outcome *o)
{
    uint64_t end = uv_hrtime() + 15ull * 1000000000;

    while (o->done == 0 && uv_hrtime() < end) {
        net_turn(&loop, 5);
    }
    assert_int_equal(o->done, 1);
}

static struct outcome get(uint16_t port, const char *path, uint64_t offset, uint64_t max)
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
    for (size_t i = 0; i < BLOB_SIZE; i++) {
        blob[i] = (uint8_t)(i * 2654435761u >> 13);
    }
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

static int setup(void **state)
{
    (void)state;
    return start(15);
}

static int setup_impatient(void **state)
{
    (void)state;
    return start(1);
}

static int teardown(void **state)
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

static void test_whole_and_rest(void **state)
{
    uint16_t port = http_server_port(server);
    struct outcome o = get(port, BLOB, 0, BLOB_SIZE);

    (void)state;
    assert_true(o.ok);
    assert_int_equal(o.status, 200);
    assert_int_equal(o.len, BLOB_SIZE);
    assert_memory_equal(o.data, blob, BLOB_SIZE);
    assert_string_equal(o.why, "");
    free(o.data);
    o = get(port, BLOB, 1000000, BLOB_SIZE - 1000000);
    assert_true(o.ok);
    assert_int_equal(o.status, 206);
    assert_int_equal(o.len, BLOB_SIZE - 1000000);
    assert_memory_equal(o.data, blob + 1000000, o.len);
    free(o.data);
    o = get(port, BLOB "/chunks", 0, 100);
    assert_true(o.ok && o.len == 6 && memcmp(o.data, "chunks", 6) == 0);
    free(o.data);
    o = get(port, "/pubkey", 0, 3);
    assert_true(o.ok && o.len == 3 && memcmp(o.data, "key", 3) == 0);
    free(o.data);
}

static void test_refusals(void **state)
{
    uint16_t port = http_server_port(server);
    struct outcome o = get(port, "/outbox/msglist", 0, 100);

    (void)state;
    assert_false(o.ok);
    assert_int_equal(o.status, 404);
    assert_int_equal(o.len, 0);
    assert_string_equal(o.why, "the peer answered 404");
    o = get(port, BLOB, BLOB_SIZE, 100);
    assert_false(o.ok);
    assert_int_equal(o.status, 416);
    assert_int_equal(o.len, 0);
    o = get(port, BLOB, 0, BLOB_SIZE - 1);
    assert_false(o.ok);
    assert_true(o.len <= BLOB_SIZE - 1);
    free(o.data);
    struct outcome r = {.refuse_at = 100000};
    begin(&r, port, BLOB, 0, BLOB_SIZE);
    finish(&r);
    assert_false(r.ok);
    assert_true(r.len < BLOB_SIZE);
    assert_string_equal(r.why, "what the peer sent was refused");
    free(r.data);
}

static void test_paths_and_endpoints(void **state)
{
    static const char *const paths[] = {
        "",         "/",           "/outbox/",      "/outbox/x", "/pubkey?",          "/pubkey/",
        BLOB "/",   BLOB "0",      BLOB "/chunks/", BLOB "?x",   "/outbox/../pubkey", "/etc/passwd",
        "/receipt", "@evil/pubkey"};
    static const char *const hosts[] = {"",           "a b",           "evil/x", "user@evil",
                                        "a%62",       "1.2.3",         "[::1]",  "a\r\nX: y",
                                        "fe80::1%lo", "abcdefgh.onion"};
    struct outcome o = {0};
    struct error e = {{0}};

    (void)state;
    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
        assert_null(begin_at(&o, "127.0.0.1", 80, paths[i], 0, 1, &local, &e));
        assert_true(e.text[0] != '\0');
    }
    for (size_t i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++) {
        if (begin_at(&o, hosts[i], 80, "/pubkey", 0, 1, &local, &e) != NULL) {
            fail_msg("host %s", hosts[i]);
        }
    }
    assert_non_null(strstr(e.text, "SOCKS"));
    assert_null(begin_at(&o, "127.0.0.1", 0, "/pubkey", 0, 1, &local, &e));
    assert_int_equal(o.done, 0);
}

static void test_policy(void **state) /* P-2.7 */
{
    struct endpoint_policy strict = {0};
    struct error e;
    uint16_t port = http_server_port(server);
    struct outcome o = {0}, again = {0}, link = {0};

    (void)state;
    assert_non_null(begin_at(&o, "127.0.0.1", port, "/pubkey", 0, 3, &strict, &e));
    finish(&o);
    assert_false(o.ok);
    assert_int_equal(o.status, HTTP_LOOPBACK); /* and which address it was */
    assert_string_equal(o.why, "127.0.0.1");
    assert_non_null(begin_at(&link, "169.254.1.1", port, "/pubkey", 0, 3, &local, &e));
    finish(&link);
    assert_false(link.ok);
    assert_int_equal(link.status, HTTP_NEVER);
    struct outcome private = {0}, nameless = {0};
    assert_non_null(begin_at(&private, "10.0.0.5", port, "/pubkey", 0, 3, &local, &e));
    finish(&private);
    assert_int_equal(private.status, HTTP_PRIVATE);
    assert_string_equal(private.why, "10.0.0.5");
    assert_non_null(begin_at(&nameless, "no.such.name.invalid", port, "/pubkey", 0, 3, &local, &e));
    finish(&nameless);
    assert_int_equal(nameless.status, HTTP_NAMELESS);
    /* A connection made under a laxer policy is not lent to a request with a stricter one. */
    struct outcome first = get(port, "/pubkey", 0, 3);
    assert_true(first.ok);
    free(first.data);
    assert_non_null(begin_at(&again, "127.0.0.1", port, "/pubkey", 0, 3, &strict, &e));
    finish(&again);
    assert_false(again.ok);
    assert_int_equal(again.len, 0);
    assert_int_equal(again.status, HTTP_LOOPBACK);
    /* A name is judged by the address it leads to. */
    struct outcome named = {0};
    assert_non_null(begin_at(&named, "localhost", port, "/pubkey", 0, 3, &strict, &e));
    finish(&named);
    assert_false(named.ok);
    assert_int_equal(named.len, 0);
    assert_int_equal(named.status, HTTP_LOOPBACK);
}

static void test_many_at_once(void **state)
{
    enum { COUNT = 12 };
    struct outcome o[COUNT] = {0};

    (void)state;
    for (int i = 0; i < COUNT; i++) {
        begin(&o[i], http_server_port(server), BLOB, (uint64_t)i * 1000, BLOB_SIZE);
    }
    for (int i = 0; i < COUNT; i++) {
        finish(&o[i]);
        assert_true(o[i].ok);
        assert_int_equal(o[i].len, BLOB_SIZE - (size_t)i * 1000);
        assert_memory_equal(o[i].data, blob + (size_t)i * 1000, o[i].len);
        free(o[i].data);
    }
}

static void test_cancel(void **state)
{
    uint16_t port = http_server_port(server);
    struct outcome a = {0}, b = {.cancel_at = 50000}, c = {0}, waiting = {0};

    (void)state;
    begin(&a, port, BLOB, 0, BLOB_SIZE);
    begin(&b, port, BLOB, 0, BLOB_SIZE);
    begin(&waiting, port, BLOB, 0, BLOB_SIZE);
    begin(&c, port, BLOB, 0, BLOB_SIZE);
    http_fetch_cancel(waiting.fetch);
    http_fetch_cancel(a.fetch);
    finish(&c);
    assert_true(c.ok);
    net_turn(&loop, 50);
    assert_int_equal(a.done + b.done + waiting.done, 0);
    assert_true(b.len >= 50000 && b.len < BLOB_SIZE);
    free(b.data);
    free(c.data);
}

static void test_start_from_done(void **state)
{
    struct outcome second = {0}, first = {.again = &second};

    (void)state;
    begin(&first, http_server_port(server), "/pubkey", 0, 3);
    finish(&first);
    finish(&second);
    assert_true(first.ok && second.ok && second.len == BLOB_SIZE);
    free(first.data);
    free(second.data);
}

static void test_free_from_done(void **state)
{
    struct outcome other = {0}, first = {.free_in_done = true};

    (void)state;
    begin(&other, http_server_port(server), BLOB, 0, BLOB_SIZE);
    begin(&first, http_server_port(server), "/pubkey", 0, 3);
    finish(&first);
    net_turn(&loop, 20);
    assert_null(client);
    assert_int_equal(other.done <= 1, true);
    free(other.data);
    free(first.data);
}

/* A server that answers every connection with fixed octets, on a thread. */
struct liar {
    int listener;
    uint16_t port;
    const char *answer;
    size_t endless;   /* then so many octets more */
    unsigned hold_ms; /* then silence */
    char request[4096];
    uv_thread_t thread;
};

static void liar_main(void *p)
{
    struct liar *l = p;
    static const char block[65536];
    int fd = accept(l->listener, NULL, NULL);

    if (fd < 0) {
        return;
    }
    ssize_t n = recv(fd, l->request, sizeof(l->request) - 1, 0);
    l->request[n > 0 ? n : 0] = '\0';
    net_puts(fd, l->answer);
    for (size_t sent = 0; sent < l->endless; sent += sizeof(block)) {
        net_write(fd, block, sizeof(block));
    }
    usleep(l->hold_ms * 1000);
    close(fd);
}

static struct outcome ask_liar(struct liar *l, uint64_t offset, uint64_t max)
{
    struct sockaddr_in in4 = {.sin_family = AF_INET};
    socklen_t len = sizeof(in4);

    in4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    l->listener = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(l->listener, (struct sockaddr *)&in4, sizeof(in4)), 0);
    assert_int_equal(listen(l->listener, 4), 0);
    getsockname(l->listener, (struct sockaddr *)&in4, &len);
    uv_thread_create(&l->thread, liar_main, l);
    struct outcome o = get(ntohs(in4.sin_port), BLOB, offset, max);
    shutdown(l->listener, SHUT_RDWR);
    uv_thread_join(&l->thread);
    close(l->listener);
    return o;
}

static void liar_fails(const char *answer, uint64_t offset, size_t endless)
{
    struct liar l = {.answer = answer, .endless = endless};
    struct outcome o = ask_liar(&l, offset, 1000);

    if (o.ok || o.why[0] == '\0' || o.len > 1000) {
        fail_msg("%.60s: ok %d, %zu octets, %s", answer, o.ok, o.len, o.why);
    }
    free(o.data);
}

/* A proxy may answer a Range request with the whole, or with more of it: what is before is skipped,
 * and what is counted is what was asked for (RFC 9110, section 14.2; P-6.4). */
static void test_whole_instead_of_rest(void **state)
{
    static const struct {
        const char *answer, *rest;
        uint64_t max;
    } x[] = {
        {"HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\n12345678", "45678", 5},
        {"HTTP/1.1 206 Partial\r\nContent-Range: bytes 2-7/8\r\nContent-Length: 6\r\n\r\n345678",
         "45678", 5},
        {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n12", "", 5},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(x) / sizeof(x[0]); i++) {
        struct liar l = {.answer = x[i].answer};
        struct outcome o = ask_liar(&l, 3, x[i].max);
        assert_true(o.ok);
        assert_int_equal(o.len, strlen(x[i].rest));
        assert_memory_equal(o.data != NULL ? (char *)o.data : "", x[i].rest, o.len);
        free(o.data);
    }
    liar_fails("HTTP/1.1 200 OK\r\nContent-Length: 1500\r\n\r\n", 400, 1500); /* 100 too many */
    struct liar other = {.answer = "HTTP/1.1 206 Partial\r\nContent-Range: bytes 4-8/9\r\n"
                                   "Content-Length: 5\r\n\r\nhello"};
    struct outcome o = ask_liar(&other, 3, 1000);
    assert_int_equal(o.status, HTTP_MISPLACED);
    free(o.data);
}

/* P-6.3: more than announced, another offset, no end, headers without end */
static void test_liars(void **state)
{
    char *big = malloc(100000);

    (void)state;
    liar_fails("HTTP/1.1 206 Partial\r\nContent-Length: 5\r\n\r\nhello", 3, 0);
    liar_fails(
        "HTTP/1.1 206 Partial\r\nContent-Range: bytes 4-8/9\r\nContent-Length: 5\r\n\r\nhello", 3,
        0);
    liar_fails(
        "HTTP/1.1 206 Partial\r\nContent-Range: bytes 0-4/5\r\nContent-Length: 5\r\n\r\nhello", 0,
        0);
    liar_fails("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello", 0, 0);
    liar_fails("HTTP/1.1 200 OK\r\n\r\n", 0, 4u << 20);
    liar_fails("HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n", 0, 4u << 20);
    liar_fails("HTTP/1.1 404 No\r\n\r\n", 0, 4u << 20);
    liar_fails("HTTP/1.1 204 Nothing\r\n\r\n", 0, 0);
    liar_fails("hello", 0, 0);
    liar_fails("", 0, 0);
    memset(big, 'x', 100000);
    memcpy(big, "HTTP/1.1 200 OK\r\nX: ", 20);
    memcpy(big + 50000, "\r\n\r\n", 5);
    liar_fails(big, 0, 0);
    free(big);
}

static void test_interim_answer(void **state)
{
    struct liar l = {.answer = "HTTP/1.1 103 Early\r\nContent-Range: bytes 9-9/10\r\n\r\n"
                               "HTTP/1.1 206 Partial\r\nContent-Range: bytes 3-7/8\r\n"
                               "Content-Length: 5\r\n\r\nhello"};
    struct outcome o = ask_liar(&l, 3, 5);

    (void)state;
    assert_true(o.ok);
    assert_int_equal(o.len, 5);
    assert_memory_equal(o.data, "hello", 5);
    assert_non_null(strstr(l.request, "\r\nRange: bytes=3-\r\n"));
    assert_null(strstr(l.request, "User-Agent"));
    assert_null(strstr(l.request, "Cookie"));
    assert_null(strstr(l.request, "Accept-Encoding"));
    free(o.data);
}

/* P-6.3 */
static void test_redirect_is_not_followed(void **state)
{
    char text[200];
    struct liar l = {.answer = text};

    (void)state;
    snprintf(
        text, sizeof(text),
        "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:%u/pubkey\r\nContent-Length: 0\r\n\r\n",
        http_server_port(server));
    struct outcome o = ask_liar(&l, 0, 100);
    assert_false(o.ok);
    assert_int_equal(o.status, 302);
    assert_int_equal(o.len, 0);
}

/* P-6.3 */
static void test_stall(void **state)
{
    struct liar l = {.answer = "HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhello",
                     .hold_ms = 4000};
    uint64_t start = uv_hrtime();
    struct outcome o = ask_liar(&l, 0, 100);

    (void)state;
    assert_false(o.ok);
    assert_true(uv_hrtime() - start < 6000000000ull);
    free(o.data);
}

/* P-6.3 */
static void test_environment_proxy_is_ignored(void **state)
{
    (void)state;
    setenv("http_proxy", "http://127.0.0.1:1/", 1);
    setenv("all_proxy", "http://127.0.0.1:1/", 1);
    struct outcome o = get(http_server_port(server), "/pubkey", 0, 3);
    assert_true(o.ok);
    free(o.data);
    unsetenv("http_proxy");
    unsetenv("all_proxy");
}

/* A key and a certificate that nobody vouches for, as PEM. */
static void make_certificate(gnutls_datum_t *key_r, gnutls_datum_t *cert_r)
{
    gnutls_x509_privkey_t key;
    gnutls_x509_crt_t cert;

    assert_int_equal(gnutls_x509_privkey_init(&key), 0);
    assert_int_equal(gnutls_x509_privkey_generate(
                         key, GNUTLS_PK_ECDSA, GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0),
                     0);
    assert_int_equal(gnutls_x509_crt_init(&cert), 0);
    gnutls_x509_crt_set_version(cert, 3);
    gnutls_x509_crt_set_serial(cert, "\1", 1);
    gnutls_x509_crt_set_dn(cert, "CN=somebody else", NULL);
    gnutls_x509_crt_set_activation_time(cert, time(NULL) - 60);
    gnutls_x509_crt_set_expiration_time(cert, time(NULL) + 3600);
    gnutls_x509_crt_set_key(cert, key);
    assert_int_equal(gnutls_x509_crt_sign2(cert, cert, key, GNUTLS_DIG_SHA256, 0), 0);
    gnutls_x509_privkey_export2(key, GNUTLS_X509_FMT_PEM, key_r);
    gnutls_x509_crt_export2(cert, GNUTLS_X509_FMT_PEM, cert_r);
    gnutls_x509_crt_deinit(cert);
    gnutls_x509_privkey_deinit(key);
}

static enum MHD_Result on_tls(void *cls, struct MHD_Connection *conn, const char *url,
                              const char *method, const char *version, const char *upload,
                              size_t *upload_len, void **ctx)
{
    struct MHD_Response *r =
        MHD_create_response_from_buffer(5, (void *)"hello", MHD_RESPMEM_PERSISTENT);
    enum MHD_Result result = MHD_queue_response(conn, 200, r);

    MHD_destroy_response(r);
    return result;
}

/* P-6.5: hidden from onlookers; the certificate is nobody's business. */
static void test_tls(void **state)
{
    gnutls_datum_t key, cert;
    struct endpoint ep = {.tls = true, .host = "127.0.0.1"};
    struct outcome o = {0};
    struct error e;

    (void)state;
    make_certificate(&key, &cert);
    struct MHD_Daemon *d = MHD_start_daemon(MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_TLS, 0, NULL,
                                            NULL, on_tls, NULL, MHD_OPTION_HTTPS_MEM_KEY, key.data,
                                            MHD_OPTION_HTTPS_MEM_CERT, cert.data, MHD_OPTION_END);
    assert_non_null(d);
    ep.port = MHD_get_daemon_info(d, MHD_DAEMON_INFO_BIND_PORT)->port;
    struct http_fetch_config c = {.endpoint = &ep,
                                  .policy = &local,
                                  .path = "/pubkey",
                                  .max_bytes = 5,
                                  .data = on_data,
                                  .done = on_done,
                                  .ctx = &o};
    assert_non_null(http_fetch(client, &c, &e));
    finish(&o);
    if (!o.ok) {
        fail_msg("%s", o.why);
    }
    assert_int_equal(o.len, 5);
    free(o.data);
    MHD_stop_daemon(d);
    gnutls_free(key.data);
    gnutls_free(cert.data);
}

#define IMPATIENT(name) cmocka_unit_test_setup_teardown(name, setup_impatient, teardown)
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

/* Asks for the message list on the condition that it is not this one. */
static void begin_list(struct outcome *o, const char *etag, unsigned wait_s)
{
    struct endpoint ep = {.host = "127.0.0.1", .port = http_server_port(server)};
    struct error e;
    struct http_fetch_config c = {.endpoint = &ep,
                                  .policy = &local,
                                  .path = "/outbox/msglist",
                                  .max_bytes = 1000,
                                  .etag = etag,
                                  .wait_s = wait_s,
                                  .data = on_data,
                                  .done = on_done,
                                  .ctx = o};
    o->fetch = http_fetch(client, &c, &e);
    assert_non_null(o->fetch);
}

/* P-6.7: the same list again comes as 304 and late, a new one at once. */
static void test_message_list(void **state)
{
    char tag[MSGLIST_ETAG_LEN + 1];
    struct outcome none = {0}, first = {0}, same = {0}, over = {0}, fresh[3] = {{0}};

    (void)state;
    begin_list(&none, "\"x\"", 0);
    finish(&none);
    assert_int_equal(none.status, 404);
    http_server_set_msglist(server, (const uint8_t *)"list", 4);
    begin_list(&first, "\"x\"", 50);
    finish(&first);
    assert_true(first.ok);
    assert_memory_equal(first.data, "list", 4);
    msglist_etag((const uint8_t *)"list", 4, tag);
    begin_list(&same, tag, 0);
    finish(&same);
    assert_true(same.ok);
    assert_int_equal(same.status, 304);
    assert_int_equal(same.len, 0);

    begin_list(&over, tag, 1);
    for (int i = 0; i < 60; i++) {
        net_turn(&loop, 5);
        http_server_tick(server);
    }
    assert_int_equal(over.done, 0);
    uint64_t end = uv_hrtime() + 10ull * 1000000000;
    while (over.done == 0 && uv_hrtime() < end) {
        net_turn(&loop, 5);
        http_server_tick(server);
    }
    assert_int_equal(over.status, 304);

    /* more of them than max_parallel, and a transfer beside them */
    for (int i = 0; i < 3; i++) {
        begin_list(&fresh[i], tag, 50);
    }
    for (int i = 0; i < 60; i++) {
        net_turn(&loop, 5);
    }
    struct outcome beside = get(http_server_port(server), "/pubkey", 0, 10);
    assert_true(beside.ok);
    http_server_set_msglist(server, (const uint8_t *)"newer", 5);
    for (int i = 0; i < 3; i++) {
        finish(&fresh[i]);
        assert_true(fresh[i].ok);
        assert_memory_equal(fresh[i].data, "newer", 5);
        free(fresh[i].data);
    }
    msglist_etag((const uint8_t *)"newer", 5, tag);
    struct outcome left = {0}; /* the server can stop while somebody waits */
    begin_list(&left, tag, 50);
    for (int i = 0; i < 300; i++) {
        net_turn(&loop, 5);
    }
    http_server_stop(&server);
    finish(&left); /* answered, or cut off */
    free(beside.data);
    free(first.data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_whole_and_rest),
        TEST(test_message_list),
        TEST(test_refusals),
        TEST(test_paths_and_endpoints),
        TEST(test_policy),
        TEST(test_many_at_once),
        TEST(test_cancel),
        TEST(test_start_from_done),
        TEST(test_free_from_done),
        TEST(test_liars),
        TEST(test_whole_instead_of_rest),
        TEST(test_interim_answer),
        TEST(test_redirect_is_not_followed),
        IMPATIENT(test_stall),
        TEST(test_tls),
        TEST(test_environment_proxy_is_ignored),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
