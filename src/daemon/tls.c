/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tls.c - makes and keeps the private CA and its one leaf (tls.h), with GnuTLS. Dates are of the
 * machine's own clock, which the mail clients that check them have too. */
#include "daemon/tls.h"
#include "base/crypt.h"
#include "base/file.h"
#include "base/log.h"
#include <arpa/inet.h>
#include <gnutls/abstract.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509-ext.h>
#include <gnutls/x509.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define LOG_AREA "tls"

#define DAY (24 * 3600)
#define CA_DAYS (20 * 365)
#define LEAF_DAYS 397
#define LEAF_RENEW_DAYS 60
#define PEM_MAX 16384
#define CLOCK_SLACK (2 * DAY) /* valid from some time ago: clocks differ */

/* A certificate with its key. */
struct pair {
    gnutls_x509_crt_t crt;
    gnutls_x509_privkey_t key;
};

static int tls_error(struct error *e, const char *doing, int code)
{
    return error_set(e, "Cannot %s: %s.", doing, gnutls_strerror(code));
}

static void pair_free(struct pair *p)
{
    if (p->crt != NULL)
        gnutls_x509_crt_deinit(p->crt);
    if (p->key != NULL)
        gnutls_x509_privkey_deinit(p->key);
    memset(p, 0, sizeof *p);
}

static int pair_init(struct pair *p, struct error *e)
{
    int ret;
    memset(p, 0, sizeof *p);
    if ((ret = gnutls_x509_crt_init(&p->crt)) < 0 ||
        (ret = gnutls_x509_privkey_init(&p->key)) < 0) {
        pair_free(p);
        return tls_error(e, "make a certificate", ret);
    }
    return 0;
}

static int tls_path(char out[PATH_CAP], const char *home, const char *name, struct error *e)
{
    char dir[PATH_CAP];
    return path_join(dir, home, "tls", e) < 0 ? -1 : path_join(out, dir, name, e);
}

static int write_pem(const char *home, const char *name, gnutls_datum_t *pem, struct error *e)
{
    char path[PATH_CAP];
    int ret = tls_path(path, home, name, e);
    if (ret == 0)
        ret = file_write(path, pem->data, pem->size, e);
    wipe(pem->data, pem->size);
    gnutls_free(pem->data);
    return ret;
}

static int pair_write(const struct pair *p, const char *home, const char *crt_name,
                      const char *key_name, struct error *e)
{
    gnutls_datum_t pem;
    int ret;
    /* The key first: a certificate without its key would be kept and be of no use. */
    if ((ret = gnutls_x509_privkey_export2_pkcs8(p->key, GNUTLS_X509_FMT_PEM, NULL,
                                                 GNUTLS_PKCS_PLAIN, &pem)) < 0)
        return tls_error(e, "write a private key", ret);
    if (write_pem(home, key_name, &pem, e) < 0)
        return -1;
    if ((ret = gnutls_x509_crt_export2(p->crt, GNUTLS_X509_FMT_PEM, &pem)) < 0)
        return tls_error(e, "write a certificate", ret);
    return write_pem(home, crt_name, &pem, e);
}

static int read_pem(const char *home, const char *name, struct buf *b, gnutls_datum_t *d,
                    struct error *e)
{
    char path[PATH_CAP];
    if (tls_path(path, home, name, e) < 0 || file_read(path, b, e) < 0)
        return -1;
    d->data = b->data;
    d->size = (unsigned)b->len;
    return 0;
}

static int read_crt(const char *home, const char *name, gnutls_x509_crt_t crt, struct error *e)
{
    struct buf b = BUF_INIT(PEM_MAX);
    gnutls_datum_t d;
    int ret = read_pem(home, name, &b, &d, e), code;
    if (ret == 0 && (code = gnutls_x509_crt_import(crt, &d, GNUTLS_X509_FMT_PEM)) < 0)
        ret = error_set(e, "HOME/tls/%s is not a certificate: %s.", name, gnutls_strerror(code));
    buf_free(&b);
    return ret;
}

static int pair_read(struct pair *p, const char *home, const char *crt_name, const char *key_name,
                     struct error *e)
{
    struct buf b = BUF_INIT(PEM_MAX);
    gnutls_datum_t d;
    int code;
    if (pair_init(p, e) < 0)
        return -1;
    int ret = read_crt(home, crt_name, p->crt, e);
    if (ret == 0)
        ret = read_pem(home, key_name, &b, &d, e);
    if (ret == 0 && (code = gnutls_x509_privkey_import(p->key, &d, GNUTLS_X509_FMT_PEM)) < 0)
        ret =
            error_set(e, "HOME/tls/%s is not a private key: %s.", key_name, gnutls_strerror(code));
    buf_wipe(&b);
    if (ret < 0)
        pair_free(p);
    return ret;
}

/* What every certificate has: a new key, a random serial, a name, and dates. */
static int set_common(struct pair *p, const char *cn, int days)
{
    unsigned char serial[16], id[20];
    size_t id_len = sizeof id;
    time_t now = time(NULL);
    int ret;
    random_bytes(serial, sizeof serial);
    serial[0] = (unsigned char)((serial[0] & 0x3f) | 0x40); /* positive, sixteen octets long */
    if ((ret = gnutls_x509_privkey_generate(
             p->key, GNUTLS_PK_ECDSA, GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0)) < 0 ||
        (ret = gnutls_x509_crt_set_version(p->crt, 3)) < 0 ||
        (ret = gnutls_x509_crt_set_serial(p->crt, serial, sizeof serial)) < 0 ||
        (ret = gnutls_x509_crt_set_dn_by_oid(p->crt, GNUTLS_OID_X520_COMMON_NAME, 0, cn,
                                             (unsigned)strlen(cn))) < 0 ||
        (ret = gnutls_x509_crt_set_activation_time(p->crt, now - CLOCK_SLACK)) < 0 ||
        (ret = gnutls_x509_crt_set_expiration_time(p->crt,
                                                   now - CLOCK_SLACK + (time_t)days * DAY)) < 0 ||
        (ret = gnutls_x509_crt_set_key(p->crt, p->key)) < 0 ||
        (ret = gnutls_x509_crt_get_key_id(p->crt, 0, id, &id_len)) < 0 ||
        (ret = gnutls_x509_crt_set_subject_key_id(p->crt, id, id_len)) < 0)
        return ret;
    return 0;
}

static int permit(gnutls_x509_name_constraints_t nc, gnutls_x509_subject_alt_name_t type,
                  const void *p, size_t n)
{
    gnutls_datum_t d;
    d.data = (unsigned char *)p;
    d.size = (unsigned)n;
    return gnutls_x509_name_constraints_add_permitted(nc, type, &d);
}

/* The CA can vouch for loopback and nothing else, whoever trusts it and whoever steals its key. */
static int constrain(gnutls_x509_crt_t crt)
{
    static const unsigned char v4[8] = {127, 0, 0, 0, 255, 0, 0, 0};
    unsigned char v6[32];
    gnutls_x509_name_constraints_t nc;
    int ret;
    memset(v6, 0, 15);
    v6[15] = 1;
    memset(v6 + 16, 255, 16);
    if ((ret = gnutls_x509_name_constraints_init(&nc)) < 0)
        return ret;
    if ((ret = permit(nc, GNUTLS_SAN_DNSNAME, "localhost", 9)) >= 0 &&
        (ret = permit(nc, GNUTLS_SAN_IPADDRESS, v4, sizeof v4)) >= 0 &&
        (ret = permit(nc, GNUTLS_SAN_IPADDRESS, v6, sizeof v6)) >= 0)
        ret = gnutls_x509_crt_set_name_constraints(crt, nc, 1);
    gnutls_x509_name_constraints_deinit(nc);
    return ret;
}

static int make_ca(struct pair *ca, const char *home, const char *address, struct error *e)
{
    char cn[65]; /* the longest common name X.520 knows */
    int ret;
    if (pair_init(ca, e) < 0)
        return -1;
    (void)snprintf(cn, sizeof cn, "Restante of %s", address);
    if ((ret = set_common(ca, cn, CA_DAYS)) < 0 ||
        (ret = gnutls_x509_crt_set_basic_constraints(ca->crt, 1, 0)) < 0 ||
        (ret = gnutls_x509_crt_set_key_usage(ca->crt,
                                             GNUTLS_KEY_KEY_CERT_SIGN | GNUTLS_KEY_CRL_SIGN)) < 0 ||
        (ret = constrain(ca->crt)) < 0 ||
        (ret = gnutls_x509_crt_sign2(ca->crt, ca->crt, ca->key, GNUTLS_DIG_SHA256, 0)) < 0) {
        pair_free(ca);
        return tls_error(e, "make the private CA", ret);
    }
    if (pair_write(ca, home, "ca.pem", "ca.key", e) < 0) {
        pair_free(ca);
        return -1;
    }
    return 0;
}

static int set_leaf_names(gnutls_x509_crt_t crt)
{
    static const unsigned char v4[4] = {127, 0, 0, 1};
    unsigned char v6[16] = {0};
    int ret;
    v6[15] = 1;
    if ((ret = gnutls_x509_crt_set_subject_alt_name(crt, GNUTLS_SAN_DNSNAME, "localhost", 9,
                                                    GNUTLS_FSAN_SET)) < 0 ||
        (ret = gnutls_x509_crt_set_subject_alt_name(crt, GNUTLS_SAN_IPADDRESS, v4, sizeof v4,
                                                    GNUTLS_FSAN_APPEND)) < 0 ||
        (ret = gnutls_x509_crt_set_subject_alt_name(crt, GNUTLS_SAN_IPADDRESS, v6, sizeof v6,
                                                    GNUTLS_FSAN_APPEND)) < 0)
        return ret;
    return 0;
}

static int make_leaf(const struct pair *ca, const char *home, struct error *e)
{
    unsigned char id[20];
    size_t id_len = sizeof id;
    struct pair leaf;
    int ret;
    if (pair_init(&leaf, e) < 0)
        return -1;
    if ((ret = set_common(&leaf, "localhost", LEAF_DAYS)) < 0 ||
        (ret = gnutls_x509_crt_set_basic_constraints(leaf.crt, 0, -1)) < 0 ||
        (ret = gnutls_x509_crt_set_key_usage(leaf.crt, GNUTLS_KEY_DIGITAL_SIGNATURE)) < 0 ||
        (ret = gnutls_x509_crt_set_key_purpose_oid(leaf.crt, GNUTLS_KP_TLS_WWW_SERVER, 0)) < 0 ||
        (ret = set_leaf_names(leaf.crt)) < 0 ||
        (ret = gnutls_x509_crt_get_subject_key_id(ca->crt, id, &id_len, NULL)) < 0 ||
        (ret = gnutls_x509_crt_set_authority_key_id(leaf.crt, id, id_len)) < 0 ||
        (ret = gnutls_x509_crt_sign2(leaf.crt, ca->crt, ca->key, GNUTLS_DIG_SHA256, 0)) < 0) {
        pair_free(&leaf);
        return tls_error(e, "make the server's certificate", ret);
    }
    ret = pair_write(&leaf, home, "leaf.pem", "leaf.key", e);
    pair_free(&leaf);
    return ret;
}

/* Its own key, signed by this CA, and good for a while. */
static bool leaf_is_good(const struct pair *ca, const char *home)
{
    unsigned char crt_id[20], key_id[20];
    size_t crt_len = sizeof crt_id, key_len = sizeof key_id;
    time_t now = time(NULL);
    unsigned verdict = 0;
    struct pair leaf;
    if (pair_read(&leaf, home, "leaf.pem", "leaf.key", NULL) < 0)
        return false;
    bool good =
        gnutls_x509_crt_get_expiration_time(leaf.crt) > now + (time_t)LEAF_RENEW_DAYS * DAY &&
        gnutls_x509_crt_get_activation_time(leaf.crt) <= now &&
        gnutls_x509_crt_get_key_id(leaf.crt, 0, crt_id, &crt_len) == 0 &&
        gnutls_x509_privkey_get_key_id(leaf.key, 0, key_id, &key_len) == 0 && crt_len == key_len &&
        memcmp(crt_id, key_id, crt_len) == 0 &&
        gnutls_x509_crt_verify(leaf.crt, &ca->crt, 1, 0, &verdict) == 0 && verdict == 0;
    pair_free(&leaf);
    return good;
}

/* The CA is there and whole: 1; 0: it is not, and must be made; -1: it cannot be read now. */
static int read_ca(struct pair *ca, const char *home, struct error *e)
{
    char crt[PATH_CAP], key[PATH_CAP];
    unsigned char crt_id[20], key_id[20];
    size_t crt_len = sizeof crt_id, key_len = sizeof key_id;
    struct buf b = BUF_INIT(PEM_MAX);
    gnutls_datum_t d;
    int ret = -1;
    if (tls_path(crt, home, "ca.pem", e) < 0 || tls_path(key, home, "ca.key", e) < 0)
        return -1;
    if (!file_exists(crt))
        return 0;
    if (pair_read(ca, home, "ca.pem", "ca.key", NULL) == 0) {
        if (gnutls_x509_crt_get_key_id(ca->crt, 0, crt_id, &crt_len) == 0 &&
            gnutls_x509_privkey_get_key_id(ca->key, 0, key_id, &key_len) == 0 &&
            crt_len == key_len && memcmp(crt_id, key_id, crt_len) == 0)
            return 1;
        pair_free(ca);
        ret = 0;
    } else if (read_pem(home, "ca.pem", &b, &d, e) == 0) { /* not for want of a descriptor */
        buf_wipe(&b);
        b = (struct buf)BUF_INIT(PEM_MAX);
        ret = !file_exists(key) || read_pem(home, "ca.key", &b, &d, e) == 0 ? 0 : -1;
    }
    buf_wipe(&b);
    if (ret == 0)
        log_aloud(LOG_AREA,
                  "The certificate authority %s or its key ca.key was damaged; a new one was made. "
                  "Mail clients that trust the old one must be told of it: `restante mua CLIENT`, "
                  "or accept the new certificate when they ask.",
                  crt);
    return ret;
}

int tls_prepare(const char *home, const char *address, struct error *e)
{
    char dir[PATH_CAP];
    struct pair ca;
    if (path_join(dir, home, "tls", e) < 0 || dir_make(dir, e) < 0)
        return -1;
    int ret = read_ca(&ca, home, e);
    if (ret == 0)
        ret = make_ca(&ca, home, address, e);
    if (ret < 0)
        return -1;
    ret = leaf_is_good(&ca, home) ? 0 : make_leaf(&ca, home, e);
    pair_free(&ca);
    return ret;
}

int tls_ca_fingerprint(const char *home, char out[96], struct error *e)
{
    unsigned char digest[HASH_LEN];
    size_t len = sizeof digest;
    gnutls_x509_crt_t crt;
    int code;
    if ((code = gnutls_x509_crt_init(&crt)) < 0)
        return tls_error(e, "read a certificate", code);
    int ret = read_crt(home, "ca.pem", crt, e);
    if (ret == 0 &&
        (code = gnutls_x509_crt_get_fingerprint(crt, GNUTLS_DIG_SHA256, digest, &len)) < 0)
        ret = tls_error(e, "read a certificate", code);
    gnutls_x509_crt_deinit(crt);
    for (size_t i = 0; ret == 0 && i < sizeof digest; i++)
        (void)snprintf(out + 3 * i, 4, "%02X%s", digest[i], i + 1 < sizeof digest ? ":" : "");
    return ret;
}

int tls_ca_base64(const char *home, struct buf *out, struct error *e)
{
    gnutls_datum_t der = {NULL, 0}, text = {NULL, 0};
    gnutls_x509_crt_t crt;
    int code;
    if ((code = gnutls_x509_crt_init(&crt)) < 0)
        return tls_error(e, "read a certificate", code);
    int ret = read_crt(home, "ca.pem", crt, e);
    if (ret == 0 && ((code = gnutls_x509_crt_export2(crt, GNUTLS_X509_FMT_DER, &der)) < 0 ||
                     (code = gnutls_base64_encode2(&der, &text)) < 0))
        ret = tls_error(e, "read a certificate", code);
    if (ret == 0 && buf_append(out, text.data, text.size) < 0)
        ret = error_set(e, "The certificate HOME/tls/ca.pem is too large.");
    gnutls_free(der.data);
    gnutls_free(text.data);
    gnutls_x509_crt_deinit(crt);
    return ret;
}
