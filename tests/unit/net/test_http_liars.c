/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_http_liars.c - the HTTP client against servers that lie, fall silent, or are unknown. */
#include "http_client_test.h"
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
    if (fd < 0)
        return;
    ssize_t n = recv(fd, l->request, sizeof l->request - 1, 0);
    l->request[n > 0 ? n : 0] = '\0';
    net_puts(fd, l->answer);
    for (size_t sent = 0; sent < l->endless; sent += sizeof block)
        net_write(fd, block, sizeof block);
    usleep(l->hold_ms * 1000);
    close(fd);
}

static struct outcome ask_liar(struct liar *l, uint64_t offset, uint64_t max)
{
    struct sockaddr_in in4 = {.sin_family = AF_INET};
    socklen_t len = sizeof in4;
    in4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    l->listener = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(l->listener, (struct sockaddr *)&in4, sizeof in4), 0);
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
    if (o.ok || o.why[0] == '\0' || o.len > 1000)
        fail_msg("%.60s: ok %d, %zu octets, %s", answer, o.ok, o.len, o.why);
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
    for (size_t i = 0; i < sizeof x / sizeof x[0]; i++) {
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
        text, sizeof text,
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
    if (!o.ok)
        fail_msg("%s", o.why);
    assert_int_equal(o.len, 5);
    free(o.data);
    MHD_stop_daemon(d);
    gnutls_free(key.data);
    gnutls_free(cert.data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_liars),          TEST(test_whole_instead_of_rest),
        TEST(test_interim_answer), TEST(test_redirect_is_not_followed),
        IMPATIENT(test_stall),     TEST(test_tls),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
