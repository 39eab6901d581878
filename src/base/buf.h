/* SPDX-License-Identifier: GPL-3.0-or-later */
/* buf.h - a growing byte buffer that knows how far it may grow.
 * Every buffer that input can fill is one of these: the cap stands where the buffer is made. */
#ifndef RESTANTE_BASE_BUF_H
#define RESTANTE_BASE_BUF_H

#include <stddef.h>
#include <stdint.h>

struct buf {
    uint8_t *data; /* owned; NULL while empty */
    size_t len;    /* bytes in use */
    size_t size;   /* bytes allocated */
    size_t cap;    /* len never exceeds this */
};

#define BUF_INIT(max)                                                                              \
    {                                                                                              \
        .cap = (max)                                                                               \
    }

/* Appends n bytes. -1 when the cap would be exceeded or memory is short; b is then unchanged. */
int buf_append(struct buf *b, const void *p, size_t n);
/* Appends formatted text without its NUL. Errors as buf_append. */
int buf_printf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Makes room for n more bytes and returns where they go (then add to len), or NULL. */
uint8_t *buf_reserve(struct buf *b, size_t n);
/* Removes the first n bytes (n <= len). */
void buf_consume(struct buf *b, size_t n);
/* The bytes as a C string (a NUL is kept behind len, not counted), or NULL without memory. */
const char *buf_str(struct buf *b);
/* Takes the bytes out: the caller owns the returned memory, b is empty again. */
uint8_t *buf_steal(struct buf *b, size_t *len_r);
/* Frees; the cap stays. buf_wipe overwrites first: for secrets. */
void buf_free(struct buf *b);
void buf_wipe(struct buf *b);

#endif
