/* SPDX-License-Identifier: GPL-3.0-or-later */
/* crowd.c - many receivers without a daemon, for tests/peer: keys with identities that are posted
 * by the test, and a reader of what is announced to them.
 *
 *   crowd make NETWORK GROUP COUNT ocb|cfb
 *                                     prints lines ADDRESS SECRET-KEY IDENTITY-RECORD
 *   crowd read NETWORK                reads lines ADDRESS SECRET-KEY NOTIFICATION, prints for each
 *                                     MESSAGE-ID BLOB-HASH LOCK SESSION-KEY-PACKET SENDER-KEY,
 *                                     after all checks that a peer makes (P-4.1, P-3.10)
 *
 * Octets are in hex. Exit status 0, 1 with a sentence on standard error, or 2 for a wrong call. */
#include "base/clock.h"
#include "flow/core/services.h"
#include "flow/peers/verify.h"
#include "flow/core/sign.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SECRET_MAX 8192

static struct error err;

static void must(int result)
{
    if (result == 0)
        return;
    (void)fprintf(stderr, "%s\n", err.text);
    exit(1);
}

static void print_hex(const void *p, size_t n, char end)
{
    char *hex = malloc(2 * n + 1);
    if (hex == NULL)
        abort();
    hex_encode(p, n, hex);
    (void)printf("%s%c", hex, end);
    free(hex);
}

static struct pgp *with_secret(const uint8_t *secret, size_t n)
{
    struct pgp *p = NULL;
    must(pgp_new(&p, &err));
    must(pgp_load_secret(p, secret, n, &err));
    return p;
}

static void make_one(uint32_t network, const char *group, int i, bool ocb)
{
    struct buf secret = BUF_INIT(SECRET_MAX), public = BUF_INIT(PUBKEY_MAX),
               payload = BUF_INIT(2 * RECORD_MAX), record = BUF_INIT(2 * RECORD_MAX);
    struct identity r = {.shards = 1, .ocb = ocb, .seq = (uint64_t)clock_wall_ms()};
    char key[DHT_KEY_MAX + 1];
    uint8_t some[4]; /* so that a list of them does not compress to nothing */
    char name[2 * sizeof some + 1];
    random_bytes(some, sizeof some);
    hex_encode(some, sizeof some, name);
    (void)snprintf(r.address, sizeof r.address, "r%d.%s@%s", i, name, group);
    must(pgp_generate(r.address, &secret, &public, &err));
    struct pgp *p = with_secret(secret.data, secret.len);
    (void)dht_key(key, "key:", r.address);
    struct record_place at = {network, key};
    r.pubkey = (struct span){public.data, public.len};
    r.expiry = clock_wall_ms() / 1000 + 86400;
    if (identity_encode(&r, &at, &payload) < 0)
        must(error_set(&err, "%s has no identity.", r.address));
    must(sign_record(p, &payload, &record, &err));
    (void)printf("%s ", r.address);
    print_hex(secret.data, secret.len, ' ');
    print_hex(record.data, record.len, '\n');
    pgp_free(&p);
    buf_wipe(&secret);
    buf_free(&public);
    buf_free(&payload);
    buf_free(&record);
}

static size_t word(char **line, uint8_t *out, size_t cap)
{
    const char *hex = strsep(line, " \n");
    size_t n = hex == NULL ? 0 : strlen(hex) / 2;
    if (n == 0 || n > cap || hex_decode(hex, out, n) < 0)
        must(error_set(&err, "A line is not understood."));
    return n;
}

static void read_one(uint32_t network, char *line)
{
    uint8_t secret[SECRET_MAX], ns[NOTIFICATION_MAX], fpr[FPR_LEN], vh[HASH_LEN], token[HASH_LEN],
        lock[HASH_LEN];
    char key[DHT_KEY_MAX + 1];
    const char *address = strsep(&line, " ");
    size_t secret_len = word(&line, secret, sizeof secret), n = word(&line, ns, sizeof ns);
    struct pgp *p = with_secret(secret, secret_len);
    struct buf plain = BUF_INIT(2 * RECORD_MAX);
    struct notification r;
    (void)dht_key(key, "ns:", address);
    must(pgp_decrypt(p, ns, n, &plain, &err));
    must(verify_notification(plain.data, plain.len, network, key, address, clock_wall_ms() / 1000,
                             &r, fpr, &err));
    sha256(ns, n, vh);
    entry_token(r.p, key, vh, token);
    entry_lock(token, lock);
    print_hex(r.message_id, MESSAGE_ID_LEN, ' ');
    print_hex(r.blobs[0].hash, HASH_LEN, ' ');
    print_hex(lock, HASH_LEN, ' ');
    print_hex(r.pkesk.p, r.pkesk.n, ' ');
    print_hex(r.pubkey.p, r.pubkey.n, '\n');
    pgp_free(&p);
    buf_wipe(&plain);
    wipe(secret, sizeof secret);
}

int main(int argc, char **argv)
{
    if (argc == 6 && strcmp(argv[1], "make") == 0) {
        for (int i = 0; i < atoi(argv[4]); i++)
            make_one((uint32_t)strtoul(argv[2], NULL, 10), argv[3], i, strcmp(argv[5], "ocb") == 0);
        return 0;
    }
    if (argc == 3 && strcmp(argv[1], "read") == 0) {
        char *line = NULL;
        size_t cap = 0;
        while (getline(&line, &cap, stdin) > 0)
            read_one((uint32_t)strtoul(argv[2], NULL, 10), line);
        free(line);
        return 0;
    }
    (void)fprintf(stderr, "crowd: wrong call, see the head of crowd.c\n");
    return 2;
}
