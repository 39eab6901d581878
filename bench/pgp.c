/* SPDX-License-Identifier: GPL-3.0-or-later */
/* pgp.c - bench-pgp: what OpenPGP alone costs. Seals a message of the size given (octets that do
 * not compress) to one receiver and opens it again, in this process, file to file, without a sync.
 * usage: bench-pgp SIZE      prints {"seal": seconds, "open": seconds} */
#include "pgp/pgp.h"
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static struct error err;

static void check(int rc)
{
    if (rc >= 0)
        return;
    fprintf(stderr, "bench-pgp: %s\n", err.text);
    exit(1);
}

static double now(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* A file without a name. */
static int scratch(void)
{
    FILE *f = tmpfile();
    int fd = f != NULL ? dup(fileno(f)) : -1;
    if (fd < 0) {
        perror("bench-pgp");
        exit(1);
    }
    (void)fclose(f);
    return fd;
}

static void fill(int fd, size_t size)
{
    uint8_t piece[65536];
    for (size_t n; size > 0; size -= n) {
        n = size < sizeof piece ? size : sizeof piece;
        random_bytes(piece, n);
        if (write(fd, piece, n) != (ssize_t)n)
            exit(1);
    }
}

int main(int argc, char **argv)
{
    size_t size = argc == 2 ? strtoull(argv[1], NULL, 10) : 0;
    if (size == 0) {
        fprintf(stderr, "usage: bench-pgp SIZE\n");
        return 2;
    }
    struct buf secret = BUF_INIT(PUBKEY_MAX), public = BUF_INIT(PUBKEY_MAX);
    struct buf pkesk = BUF_INIT(PUBKEY_MAX), chunks = BUF_INIT(1 << 20);
    struct pgp *p;
    check(pgp_new(&p, &err));
    check(pgp_generate("bench@demo", &secret, &public, &err));
    check(pgp_load_secret(p, secret.data, secret.len, &err));
    struct pgp_pub to = {public.data, public.len};
    struct pgp_seal s = {.in_fd = scratch(), .out_fd = scratch(), .to = &to, .to_count = 1};
    s.in_size = size;
    s.pkesk = &pkesk;
    s.chunks = &chunks;
    fill(s.in_fd, size);
    (void)lseek(s.in_fd, 0, SEEK_SET);
    double start = now();
    check(pgp_seal(p, &s, &err));
    double sealed = now() - start;
    struct pgp_unseal u = {.pkesk = pkesk.data, .pkesk_len = pkesk.len, .blob_fd = s.out_fd};
    u.out_fd = scratch();
    u.max_size = size;
    u.from = to;
    (void)lseek(u.blob_fd, 0, SEEK_SET);
    start = now();
    check(pgp_unseal(p, &u, &err));
    printf("{\"seal\": %.6f, \"open\": %.6f}\n", sealed, now() - start);
    pgp_free(&p);
    buf_free(&secret);
    buf_free(&public);
    buf_free(&pkesk);
    buf_free(&chunks);
    return 0;
}
