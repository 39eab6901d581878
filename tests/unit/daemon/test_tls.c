/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_tls.c - the certificates: a client that trusts the CA accepts the leaf for loopback names
 * and nothing else, the CA is no server certificate, and files are kept or made again as tls.h
 * says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>
#include "base/file.h"
#include "daemon/tls.h"
#include <gnutls/x509.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char home[64];

static int setup(void **state)
{
    (void)state;
    (void)snprintf(home, sizeof home, "/tmp/restante-tls-XXXXXX");
    return mkdtemp(home) == NULL ? -1 : 0;
}

static int teardown(void **state)
{
    static const char *const names[] = {"tls/ca.pem",   "tls/ca.key", "tls/leaf.pem",
                                        "tls/leaf.key", "tls",        ""};
    char path[PATH_CAP];

    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        (void)snprintf(path, sizeof path, "%s/%s", home, names[i]);
        (void)remove(path);
    }
    return 0;
}

static struct buf slurp(const char *name)
{
    struct buf b = BUF_INIT(65536);
    char path[PATH_CAP];
    struct error e;
    (void)snprintf(path, sizeof path, "%s/tls/%s", home, name);
    assert_int_equal(file_read(path, &b, &e), 0);
    return b;
}

static void load(gnutls_x509_crt_t *crt, const char *name)
{
    struct buf b = slurp(name);
    gnutls_datum_t d = {.data = b.data, .size = (unsigned)b.len};
    assert_int_equal(gnutls_x509_crt_init(crt), 0);
    assert_int_equal(gnutls_x509_crt_import(*crt, &d, GNUTLS_X509_FMT_PEM), 0);
    buf_free(&b);
}

/* What a TLS client does: chain, name, purpose. */
static unsigned verify(gnutls_x509_crt_t ca, gnutls_x509_crt_t server, const char *name)
{
    gnutls_x509_trust_list_t list;
    gnutls_typed_vdata_st data[2] = {
        {.type = GNUTLS_DT_DNS_HOSTNAME, .data = (unsigned char *)name, .size = 0},
        {.type = GNUTLS_DT_KEY_PURPOSE_OID, .data = (unsigned char *)GNUTLS_KP_TLS_WWW_SERVER},
    };
    unsigned status = 0;
    assert_int_equal(gnutls_x509_trust_list_init(&list, 0), 0);
    assert_int_equal(gnutls_x509_trust_list_add_cas(list, &ca, 1, 0), 1);
    assert_int_equal(
        gnutls_x509_trust_list_verify_crt2(list, &server, 1, data, 2, 0, &status, NULL), 0);
    gnutls_x509_trust_list_deinit(list, 0);
    return status;
}

static void test_the_leaf_serves_loopback_only(void **state)
{
    gnutls_x509_crt_t ca, leaf;
    struct error e;
    (void)state;
    assert_int_equal(tls_prepare(home, "alice@demo", &e), 0);
    load(&ca, "ca.pem");
    load(&leaf, "leaf.pem");
    assert_int_equal(verify(ca, leaf, "localhost"), 0);
    assert_int_equal(verify(ca, leaf, "127.0.0.1"), 0);
    assert_int_equal(verify(ca, leaf, "::1"), 0);
    assert_int_not_equal(verify(ca, leaf, "example.org"), 0);
    assert_int_not_equal(verify(ca, leaf, "127.0.0.2"), 0);
    assert_int_equal(gnutls_x509_crt_get_ca_status(leaf, NULL), 0);
    assert_int_not_equal(verify(ca, ca, "localhost"), 0);
    assert_true(gnutls_x509_crt_get_ca_status(ca, NULL) > 0);
    gnutls_x509_crt_deinit(ca);
    gnutls_x509_crt_deinit(leaf);
}

static void test_files_are_private_and_kept(void **state)
{
    static const char *const names[] = {"ca.pem", "ca.key", "leaf.pem", "leaf.key"};
    struct buf before[4];
    struct error e;
    struct stat st;
    char path[PATH_CAP], print[96];
    (void)state;
    assert_int_equal(tls_prepare(home, "alice@demo", &e), 0);
    for (size_t i = 0; i < 4; i++)
        before[i] = slurp(names[i]);
    assert_int_equal(tls_prepare(home, "alice@demo", &e), 0);
    for (size_t i = 0; i < 4; i++) {
        struct buf after = slurp(names[i]);
        (void)snprintf(path, sizeof path, "%s/tls/%s", home, names[i]);
        assert_int_equal(stat(path, &st), 0);
        assert_int_equal(st.st_mode & 07777, 0600);
        assert_int_equal(after.len, before[i].len);
        assert_memory_equal(after.data, before[i].data, after.len);
        buf_free(&after);
        buf_free(&before[i]);
    }
    assert_int_equal(tls_ca_fingerprint(home, print, &e), 0);
    assert_int_equal(strlen(print), 95);
    assert_int_equal(print[2], ':');
}

/* A leaf that is gone or of another CA is made again, and a CA whose file is damaged; one that
 * cannot be read is never replaced. */
static void test_what_is_made_again(void **state)
{
    char path[PATH_CAP];
    gnutls_x509_crt_t ca, leaf;
    struct error e;
    (void)state;
    assert_int_equal(tls_prepare(home, "alice@demo", &e), 0);
    struct buf ca_before = slurp("ca.pem");
    (void)snprintf(path, sizeof path, "%s/tls/leaf.key", home);
    assert_int_equal(file_write(path, "garbage", 7, &e), 0);
    assert_int_equal(tls_prepare(home, "alice@demo", &e), 0);
    struct buf ca_after = slurp("ca.pem");
    assert_int_equal(ca_before.len, ca_after.len);
    assert_memory_equal(ca_before.data, ca_after.data, ca_before.len);
    load(&ca, "ca.pem");
    load(&leaf, "leaf.pem");
    assert_int_equal(verify(ca, leaf, "localhost"), 0);
    gnutls_x509_crt_deinit(ca);
    gnutls_x509_crt_deinit(leaf);
    (void)snprintf(path, sizeof path, "%s/tls/ca.pem", home);
    assert_int_equal(file_write(path, "garbage", 7, &e), 0);
    assert_int_equal(tls_prepare(home, "alice@demo", &e), 0);
    load(&ca, "ca.pem");
    load(&leaf, "leaf.pem");
    assert_int_equal(verify(ca, leaf, "localhost"), 0);
    gnutls_x509_crt_deinit(ca);
    gnutls_x509_crt_deinit(leaf);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(mkdir(path, 0700), 0);
    assert_int_equal(tls_prepare(home, "alice@demo", &e), -1);
    assert_non_null(strstr(e.text, "ca.pem"));
    assert_int_equal(rmdir(path), 0);
    buf_free(&ca_before);
    buf_free(&ca_after);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_the_leaf_serves_loopback_only, setup, teardown),
        cmocka_unit_test_setup_teardown(test_files_are_private_and_kept, setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_is_made_again, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
