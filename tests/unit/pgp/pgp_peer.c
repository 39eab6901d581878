/* SPDX-License-Identifier: GPL-3.0-or-later */
/* pgp_peer.c - see pgp_peer.h. */
#include "pgp_peer.h"
#include "base/file.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

void peer_make(struct peer *peer, const char *address)
{
    *peer = (struct peer){.secret = BUF_INIT(8192), .public = BUF_INIT(PUBKEY_MAX)};
    ok(pgp_generate(address, &peer->secret, &peer->public, e));
    peer->pub = (struct pgp_pub){peer->public.data, peer->public.len};
    ok(pgp_new(&peer->p, e));
    ok(pgp_load_secret(peer->p, peer->secret.data, peer->secret.len, e));
}

void peer_free(struct peer *peer)
{
    pgp_free(&peer->p);
    buf_wipe(&peer->secret);
    buf_free(&peer->public);
}

int file_of(const void *p, size_t n)
{
    int fd = memfd_create("test", MFD_CLOEXEC);
    assert_true(fd >= 0);
    if (n > 0)
        ok(write_all(fd, p, n, e));
    assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
    return fd;
}

void file_all(int fd, struct buf *b)
{
    uint8_t piece[8192];
    ssize_t n;
    assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
    while ((n = read(fd, piece, sizeof piece)) > 0)
        assert_int_equal(buf_append(b, piece, (size_t)n), 0);
    assert_int_equal(n, 0);
}

void seal_octets(struct sealed *s, struct peer *from, const struct pgp_pub *to, size_t to_count,
                 const void *p, size_t n, bool ocb)
{
    int in = file_of(p, n);
    assert_true(to_count <= SEALED_MAX);
    *s = (struct sealed){.chunks = BUF_INIT(4096), .fd = file_of("", 0)};
    for (size_t i = 0; i < to_count; i++)
        s->pkesk[i].cap = 512;
    s->seal = (struct pgp_seal){.in_fd = in,
                                .out_fd = s->fd,
                                .to = to,
                                .to_count = to_count,
                                .ocb = ocb,
                                .in_size = n,
                                .pkesk = s->pkesk,
                                .chunks = &s->chunks};
    ok(pgp_seal(from->p, &s->seal, e));
    close(in);
    assert_int_equal(lseek(s->fd, 0, SEEK_SET), 0);
}

void sealed_free(struct sealed *s)
{
    for (size_t i = 0; i < SEALED_MAX; i++)
        buf_free(&s->pkesk[i]);
    buf_free(&s->chunks);
    close(s->fd);
}

int unseal_octets(struct peer *to, const struct pgp_pub *from, const struct buf *pkesk,
                  const void *blob, size_t blob_len, uint64_t max, struct buf *plain,
                  struct error *e)
{
    int in = file_of(blob, blob_len), out = file_of("", 0);
    struct pgp_unseal u = {.pkesk = pkesk->data,
                           .pkesk_len = pkesk->len,
                           .blob_fd = in,
                           .out_fd = out,
                           .max_size = max,
                           .from = *from};
    struct buf written = BUF_INIT(256 * 1024 * 1024);
    int result = pgp_unseal(to->p, &u, e);
    file_all(out, &written);
    assert_true(written.len <= max);
    if (result == 0) {
        uint8_t hash[HASH_LEN];
        assert_int_equal(u.size, written.len);
        sha256(written.data, written.len, hash);
        assert_memory_equal(hash, u.hash, HASH_LEN);
    }
    if (plain != NULL)
        assert_int_equal(buf_append(plain, written.data, written.len), 0);
    buf_free(&written);
    close(in);
    close(out);
    return result;
}
