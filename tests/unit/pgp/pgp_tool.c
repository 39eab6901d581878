/* SPDX-License-Identifier: GPL-3.0-or-later */
/* pgp_tool.c - src/pgp on the command line, for test_gpg.py and for measurements.
 *
 *   pgp_tool generate ADDRESS SECRET PUBLIC
 *   pgp_tool check    PUBLIC ADDRESS             prints the fingerprint
 *   pgp_tool public   SECRET PUBLIC
 *   pgp_tool sign     SECRET FILE SIGNATURE
 *   pgp_tool verify   PUBLIC FILE SIGNATURE
 *   pgp_tool encrypt  PUBLIC FILE OUT
 *   pgp_tool decrypt  SECRET FILE OUT
 *   pgp_tool seal     SECRET cfb|ocb FILE BLOB PUBLIC...   writes BLOB and BLOB.0, BLOB.1, ...
 *   pgp_tool split    MESSAGE BLOB                         the same of another program's message
 *   pgp_tool unseal   SECRET FROM SESSION-KEY BLOB OUT     prints seconds and peak memory
 *
 * Exit status 0, 1 with a sentence on standard error, or 2 for a wrong call. */
#include "base/clock.h"
#include "base/file.h"
#include "pgp/packet.h"
#include "pgp/pgp.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_CAP (64 * 1024 * 1024)

static struct error err;

static void must(int result)
{
    if (result == 0)
        return;
    (void)fprintf(stderr, "%s\n", err.text);
    exit(1);
}

static struct buf load(const char *path)
{
    struct buf b = BUF_INIT(FILE_CAP);
    must(file_read(path, &b, &err));
    return b;
}

static void save(const char *path, const struct buf *b)
{
    must(file_write(path, b->data, b->len, &err));
}

static int open_file(const char *path, int flags)
{
    int fd = open(path, flags | O_CLOEXEC, 0600);
    if (fd < 0)
        must(error_set(&err, "%s cannot be opened.", path));
    return fd;
}

static struct pgp *with_secret(const char *path)
{
    struct buf secret = load(path);
    struct pgp *p = NULL;
    must(pgp_new(&p, &err));
    must(pgp_load_secret(p, secret.data, secret.len, &err));
    buf_wipe(&secret);
    return p;
}

static void print_cost(int64_t began)
{
    struct rusage usage;
    (void)getrusage(RUSAGE_SELF, &usage);
    printf("%.3f s, peak %ld KB\n", (double)(clock_mono_ms() - began) / 1000, usage.ru_maxrss);
}

static void generate(char **a)
{
    struct buf secret = BUF_INIT(8192), public = BUF_INIT(PUBKEY_MAX);
    must(pgp_generate(a[0], &secret, &public, &err));
    save(a[1], &secret);
    save(a[2], &public);
    buf_wipe(&secret);
    buf_free(&public);
}

static void check(char **a)
{
    struct buf b = load(a[0]);
    struct pgp_pub pub = {b.data, b.len};
    uint8_t fpr[PGP_FPR_LEN];
    char hex[2 * PGP_FPR_LEN + 1];
    must(pgp_check_pub(&pub, a[1], fpr, &err));
    hex_encode(fpr, sizeof fpr, hex);
    puts(hex);
    buf_free(&b);
}

static void public_of(char **a)
{
    struct pgp *p = with_secret(a[0]);
    struct buf public = BUF_INIT(PUBKEY_MAX);
    must(pgp_public(p, &public, &err));
    save(a[1], &public);
    buf_free(&public);
    pgp_free(&p);
}

static void sign(char **a)
{
    struct pgp *p = with_secret(a[0]);
    struct buf data = load(a[1]), sig = BUF_INIT(1024);
    must(pgp_sign(p, data.data, data.len, &sig, &err));
    save(a[2], &sig);
    buf_free(&data);
    buf_free(&sig);
    pgp_free(&p);
}

static void verify(char **a)
{
    struct buf key = load(a[0]), data = load(a[1]), sig = load(a[2]);
    struct pgp_pub pub = {key.data, key.len};
    must(pgp_verify(&pub, data.data, data.len, sig.data, sig.len, &err));
    buf_free(&key);
    buf_free(&data);
    buf_free(&sig);
}

static void encrypt(char **a)
{
    struct buf key = load(a[0]), data = load(a[1]), out = BUF_INIT(FILE_CAP);
    struct pgp_pub pub = {key.data, key.len};
    must(pgp_encrypt(&pub, data.data, data.len, &out, &err));
    save(a[2], &out);
    buf_free(&key);
    buf_free(&data);
    buf_free(&out);
}

static void decrypt(char **a)
{
    struct pgp *p = with_secret(a[0]);
    struct buf data = load(a[1]), out = BUF_INIT(FILE_CAP);
    must(pgp_decrypt(p, data.data, data.len, &out, &err));
    save(a[2], &out);
    buf_free(&data);
    buf_free(&out);
    pgp_free(&p);
}

static void save_pkesk(const char *blob, size_t i, const struct buf *pkesk)
{
    char path[PATH_CAP];
    (void)snprintf(path, sizeof path, "%s.%zu", blob, i);
    save(path, pkesk);
}

static void seal(char **a, size_t to_count)
{
    struct pgp *p = with_secret(a[0]);
    struct pgp_pub *to = calloc(to_count, sizeof *to);
    struct buf *key = calloc(to_count, sizeof *key), *pkesk = calloc(to_count, sizeof *pkesk);
    struct buf chunks = BUF_INIT(FILE_CAP);
    struct pgp_seal s = {.to = to, .to_count = to_count, .ocb = strcmp(a[1], "ocb") == 0};
    struct stat st;
    int64_t began = clock_mono_ms();
    s.in_fd = open_file(a[2], O_RDONLY);
    s.out_fd = open_file(a[3], O_WRONLY | O_CREAT | O_TRUNC);
    s.pkesk = pkesk;
    s.chunks = &chunks;
    s.in_size = fstat(s.in_fd, &st) == 0 ? (uint64_t)st.st_size : 0;
    for (size_t i = 0; i < to_count; i++) {
        key[i] = load(a[4 + i]);
        to[i] = (struct pgp_pub){key[i].data, key[i].len};
        pkesk[i].cap = 512;
    }
    must(pgp_seal(p, &s, &err));
    for (size_t i = 0; i < to_count; i++) {
        save_pkesk(a[3], i, &pkesk[i]);
        buf_free(&pkesk[i]);
        buf_free(&key[i]);
    }
    print_cost(began);
    buf_free(&chunks);
    free(to);
    free(key);
    free(pkesk);
    close(s.in_fd);
    close(s.out_fd);
    pgp_free(&p);
}

static void split(char **a)
{
    struct buf m = load(a[0]), pkesk = BUF_INIT(1024);
    struct packet_header h;
    size_t at = 0;
    for (size_t i = 0; packet_whole(m.data + at, m.len - at, &h) == 0 && h.tag == TAG_SESSION_KEY;
         i++) {
        must(buf_append(&pkesk, m.data + at, h.header_len + h.body_len));
        save_pkesk(a[1], i, &pkesk);
        at += pkesk.len;
        buf_free(&pkesk);
    }
    must(file_write(a[1], m.data + at, m.len - at, &err));
    buf_free(&m);
}

static void unseal(char **a)
{
    struct pgp *p = with_secret(a[0]);
    struct buf from = load(a[1]), pkesk = load(a[2]);
    struct pgp_unseal u = {.pkesk = pkesk.data,
                           .pkesk_len = pkesk.len,
                           .max_size = UINT64_C(1) << 40,
                           .from = {from.data, from.len}};
    int64_t began = clock_mono_ms();
    u.blob_fd = open_file(a[3], O_RDONLY);
    u.out_fd = open_file(a[4], O_WRONLY | O_CREAT | O_TRUNC);
    must(pgp_unseal(p, &u, &err));
    print_cost(began);
    close(u.blob_fd);
    close(u.out_fd);
    buf_free(&from);
    buf_free(&pkesk);
    pgp_free(&p);
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        int args;
        void (*run)(char **a);
    } verbs[] = {{"generate", 3, generate}, {"check", 2, check},   {"public", 2, public_of},
                 {"sign", 3, sign},         {"verify", 3, verify}, {"encrypt", 3, encrypt},
                 {"decrypt", 3, decrypt},   {"split", 2, split},   {"unseal", 5, unseal}};

    if (argc >= 7 && strcmp(argv[1], "seal") == 0) {
        seal(argv + 2, (size_t)argc - 6);
        return 0;
    }
    for (size_t i = 0; argc >= 2 && i < sizeof verbs / sizeof *verbs; i++)
        if (strcmp(argv[1], verbs[i].name) == 0 && argc == verbs[i].args + 2) {
            verbs[i].run(argv + 2);
            return 0;
        }
    (void)fprintf(stderr, "pgp_tool: wrong call, see the head of pgp_tool.c\n");
    return 2;
}
