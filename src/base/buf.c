/* SPDX-License-Identifier: GPL-3.0-or-later */
/* buf.c - see buf.h. One octet more than len is always allocated, for buf_str's NUL. */
#include "base/buf.h"
#include "base/crypt.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

uint8_t *buf_reserve(struct buf *b, size_t n)
{
    if (b->len > b->cap || n > b->cap - b->len || b->cap > SIZE_MAX / 4)
        return NULL;
    size_t want = b->len + n + 1;
    if (want > b->size) {
        size_t size = b->size < 64 ? 64 : b->size;
        while (size < want)
            size += size / 2;
        if (size > b->cap + 1)
            size = b->cap + 1;
        uint8_t *data = realloc(b->data, size);
        if (data == NULL)
            return NULL;
        b->data = data;
        b->size = size;
    }
    return b->data + b->len;
}

int buf_append(struct buf *b, const void *p, size_t n)
{
    uint8_t *to = buf_reserve(b, n);
    if (to == NULL)
        return -1;
    if (n > 0)
        memcpy(to, p, n);
    b->len += n;
    return 0;
}

int buf_printf(struct buf *b, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    va_list again;
    va_copy(again, ap);
    int n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    uint8_t *to = n < 0 ? NULL : buf_reserve(b, (size_t)n);
    if (to != NULL) {
        (void)vsnprintf((char *)to, (size_t)n + 1, fmt, again);
        b->len += (size_t)n;
    }
    va_end(again);
    return to == NULL ? -1 : 0;
}

void buf_consume(struct buf *b, size_t n)
{
    if (n > b->len)
        n = b->len;
    b->len -= n;
    if (b->len > 0 && n > 0)
        memmove(b->data, b->data + n, b->len);
}

const char *buf_str(struct buf *b)
{
    if (b->data == NULL && buf_reserve(b, 0) == NULL)
        return NULL;
    b->data[b->len] = '\0';
    return (const char *)b->data;
}

uint8_t *buf_steal(struct buf *b, size_t *len_r)
{
    uint8_t *data = b->data;
    if (len_r != NULL)
        *len_r = b->len;
    b->data = NULL;
    b->len = b->size = 0;
    return data;
}

void buf_free(struct buf *b)
{
    free(b->data);
    b->data = NULL;
    b->len = b->size = 0;
}

void buf_wipe(struct buf *b)
{
    if (b->data != NULL)
        wipe(b->data, b->size);
    buf_free(b);
}
