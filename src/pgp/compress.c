/* SPDX-License-Identifier: GPL-3.0-or-later */
/* compress.c - whether compression pays: samples of the message are deflated and weighed. */
#include "pgp/internal.h"

#include <sys/types.h>
#include <unistd.h>
#include <zlib.h>

#define SAMPLE_LEN (64 * 1024)
#define SMALL_SIZE (256 * 1024) /* below: the best ratio; above: the fastest level */
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

/* At most nine tenths of its size after deflation at the fastest level. */
static bool sample_pays(const uint8_t *p, size_t n)
{
    static _Thread_local uint8_t out[SAMPLE_LEN + 1024];
    uLongf out_len = sizeof(out);
    bool pays;

    if (n == 0 || n > SAMPLE_LEN)
        return false;
    pays = compress2(out, &out_len, p, n, 1) == Z_OK && out_len * 10 <= n * 9;
    wipe(out, sizeof(out));
    return pays;
}

int compress_level(int fd, uint64_t size)
{
    static _Thread_local uint8_t sample[SAMPLE_LEN];
    off_t start = lseek(fd, 0, SEEK_CUR);
    bool pays = false;

    if (start < 0) /* a pipe: no second look at what was read */
        return size <= SMALL_SIZE ? LEVEL_SMALL : LEVEL_LARGE;
    /* The start holds the header and often a text; the middles are what weighs. */
    for (uint64_t i = 0; i < 4 && !pays; i++) {
        uint64_t at = i == 0 ? 0 : size / 4 * i;
        ssize_t n;

        if (i == 0 && size > 4 * SAMPLE_LEN)
            continue;
        n = sample_read(fd, start + (off_t)at, sample, SAMPLE_LEN);
        pays = n > 0 && sample_pays(sample, (size_t)n);
    }
    wipe(sample, sizeof(sample));
    if (!pays)
        return 0;
    return size <= SMALL_SIZE ? LEVEL_SMALL : LEVEL_LARGE;
}
