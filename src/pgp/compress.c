/* SPDX-License-Identifier: GPL-3.0-or-later */
/* compress.c - whether compression pays: samples of the message are deflated and weighed. Deflating
 * takes ten times as long as signing and encrypting together: a large message must shrink by more
 * than what base64 added (a quarter) to be worth the wait; see doc/architecture.md. */
#include "pgp/internal.h"

#include <stdlib.h>
#include <sys/types.h>
#include <unistd.h>
#include <zlib.h>

#define SAMPLE_LEN (64 * 1024)
#define SMALL_SIZE (256 * 1024)       /* below: the best ratio; above: the fastest level */
#define LARGE_SIZE (16 * 1024 * 1024) /* above: only what shrinks to two thirds or less */
#define LEVEL_SMALL 6
#define LEVEL_LARGE 1

static ssize_t sample_read(int fd, off_t at, uint8_t *p, size_t n)
{
    size_t done = 0;
    while (done < n) {
        ssize_t r = pread(fd, p + done, n - done, at + (off_t)done);
        if (r <= 0)
            break;
        done += (size_t)r;
    }
    return (ssize_t)done;
}

struct samples {
    uint8_t in[SAMPLE_LEN];
    uint8_t out[SAMPLE_LEN + 1024];
};

/* Octets after deflation at the fastest level. */
static size_t sample_deflated(struct samples *s, size_t n)
{
    uLongf out_len = sizeof s->out;
    return compress2(s->out, &out_len, s->in, n, 1) == Z_OK ? out_len : n;
}

/* One sample that shrinks by a tenth is enough, but of a large message all together must shrink
 * by a third. */
static bool samples_pay(struct samples *s, int fd, off_t start, uint64_t size)
{
    size_t in = 0, out = 0;
    /* The start of a large message says little: header and text. Its quarters are what weighs. */
    for (uint64_t i = size > 4 * SAMPLE_LEN ? 1 : 0; i < 4; i++) {
        ssize_t n = sample_read(fd, start + (off_t)(size / 4 * i), s->in, SAMPLE_LEN);
        size_t deflated = n > 0 ? sample_deflated(s, (size_t)n) : 0;
        if (n > 0 && size <= LARGE_SIZE && deflated * 10 <= (size_t)n * 9)
            return true;
        in += n > 0 ? (size_t)n : 0;
        out += deflated;
    }
    return size > LARGE_SIZE && out * 3 <= in * 2;
}

int compress_level(int fd, uint64_t size)
{
    int level = size <= SMALL_SIZE ? LEVEL_SMALL : LEVEL_LARGE;
    off_t start = lseek(fd, 0, SEEK_CUR);
    bool pays = false;
    if (start < 0) /* a pipe: no second look at what was read */
        return level;
    struct samples *s = malloc(sizeof *s);
    if (s == NULL)
        return 0;
    pays = samples_pay(s, fd, start, size);
    wipe(s, sizeof *s);
    free(s);
    return pays ? level : 0;
}
