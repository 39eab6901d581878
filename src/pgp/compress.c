/* SPDX-License-Identifier: GPL-3.0-or-later */
/* compress.c - whether compression pays: samples of the message are deflated and weighed. */
#include "pgp/internal.h"

#include <stdlib.h>
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

struct samples {
    uint8_t in[SAMPLE_LEN];
    uint8_t out[SAMPLE_LEN + 1024];
};

/* At most nine tenths of its size after deflation at the fastest level. */
static bool sample_pays(struct samples *s, size_t n)
{
    uLongf out_len = sizeof(s->out);

    return compress2(s->out, &out_len, s->in, n, 1) == Z_OK && out_len * 10 <= n * 9;
}

int compress_level(int fd, uint64_t size)
{
    int level = size <= SMALL_SIZE ? LEVEL_SMALL : LEVEL_LARGE;
    off_t start = lseek(fd, 0, SEEK_CUR);
    struct samples *s;
    bool pays = false;

    if (start < 0) /* a pipe: no second look at what was read */
        return level;
    s = malloc(sizeof(*s));
    if (s == NULL)
        return 0;
    /* The start of a large message says little: header and text. Its quarters are what weighs. */
    for (uint64_t i = size > 4 * SAMPLE_LEN ? 1 : 0; i < 4 && !pays; i++) {
        ssize_t n = sample_read(fd, start + (off_t)(size / 4 * i), s->in, SAMPLE_LEN);

        pays = n > 0 && sample_pays(s, (size_t)n);
    }
    wipe(s, sizeof(*s));
    free(s);
    return pays ? level : 0;
}
