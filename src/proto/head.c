/* SPDX-License-Identifier: GPL-3.0-or-later */
/* head.c - a message's header and MIME skeleton, deflated together (P-4.9). The compressed form
 * comes from strangers: what it inflates to is capped. */
#include "proto/record.h"

#include <string.h>
#include <zlib.h>

#define PLAIN_MAX (HEADER_MAX + SKELETON_MAX + 16)
#define PIECE 16384

/* inflate(), which is told of the words when the stream was made with them. Of an unknown
 * dictionary zlib says that the stream is broken. */
static int inflate_with_words(z_stream *z, int flush)
{
    int rc = inflate(z, flush);
    if (rc == Z_NEED_DICT &&
        inflateSetDictionary(z, (const Bytef *)head_words, (uInt)head_words_len) == Z_OK)
        rc = inflate(z, flush);
    return rc;
}

/* buf_append() that tells a cap (-1) from a lack of memory. */
static int append(struct buf *out, const void *p, size_t n)
{
    if (n > out->cap || out->len > out->cap - n)
        return -1;
    return buf_append(out, p, n) == 0 ? 0 : HEAD_NO_MEMORY;
}

/* Runs a zlib stream over all its input into out; -1 when it is broken, goes on behind its end, or
 * does not fit; HEAD_NO_MEMORY. */
static int pump(z_stream *z, int (*step)(z_stream *, int), int flush, struct buf *out)
{
    uint8_t piece[PIECE];
    int rc;
    do {
        z->next_out = piece;
        z->avail_out = sizeof piece;
        rc = step(z, flush);
        size_t n = sizeof piece - z->avail_out;
        if (rc == Z_MEM_ERROR)
            return HEAD_NO_MEMORY;
        if (rc != Z_OK && rc != Z_STREAM_END)
            return -1;
        int added = n > 0 ? append(out, piece, n) : 0;
        if (added != 0)
            return added;
    } while (rc != Z_STREAM_END);
    return z->avail_in == 0 ? 0 : -1;
}

static int deflate_all(const struct buf *plain, struct buf *out)
{
    z_stream z = {.next_in = plain->data, .avail_in = (uInt)plain->len};
    size_t before = out->len;
    if (deflateInit(&z, Z_DEFAULT_COMPRESSION) != Z_OK)
        return -1;
    int rc = deflateSetDictionary(&z, (const Bytef *)head_words, (uInt)head_words_len);
    if (rc == Z_OK)
        rc = pump(&z, deflate, Z_FINISH, out);
    deflateEnd(&z);
    if (rc != 0)
        out->len = before;
    return rc;
}

int head_pack(const struct span *header, const struct span *skeleton, struct buf *out)
{
    struct buf plain = BUF_INIT(PLAIN_MAX);
    struct cbor_out w;
    if (header->n > HEADER_MAX || skeleton->n > SKELETON_MAX ||
        (header->n > 0 && memchr(header->p, 0, header->n)))
        return -1;
    cbor_out_init(&w, &plain);
    cbor_out_array(&w, 2);
    cbor_out_bytes(&w, header->p, header->n);
    cbor_out_bytes(&w, skeleton->p, skeleton->n);
    int rc = cbor_out_end(&w);
    if (rc == 0)
        rc = deflate_all(&plain, out);
    buf_free(&plain);
    return rc;
}

static int inflate_all(const uint8_t *p, size_t n, struct buf *plain)
{
    z_stream z = {.next_in = (z_const Bytef *)p, .avail_in = (uInt)n};
    if (inflateInit(&z) != Z_OK) /* it is not told what is wrong with the octets here */
        return HEAD_NO_MEMORY;
    int rc = pump(&z, inflate_with_words, Z_NO_FLUSH, plain);
    inflateEnd(&z);
    return rc;
}

/* Splits the inflated pair and appends both parts, or neither. */
static int split(const struct buf *plain, struct buf *header_r, struct buf *skeleton_r,
                 struct error *e)
{
    struct cbor_in in;
    struct span header, skeleton;
    struct error why;
    size_t before = header_r->len;
    cbor_in_init(&in, plain->data, plain->len);
    cbor_in_array_of(&in, 2);
    cbor_in_bytes(&in, HEADER_MAX, &header);
    cbor_in_bytes(&in, SKELETON_MAX, &skeleton);
    if (header.n > 0 && memchr(header.p, 0, header.n))
        cbor_in_fail(&in, "a header with a NUL in it");
    cbor_in_leave(&in);
    if (cbor_in_end(&in, &why) != 0)
        return error_set(e, "The announced head is %s.", why.text);
    int rc = append(header_r, header.p, header.n);
    if (rc != 0) {
        (void)error_set(e, "The announced header is too large.");
        return rc;
    }
    rc = append(skeleton_r, skeleton.p, skeleton.n);
    if (rc != 0) {
        header_r->len = before;
        (void)error_set(e, "The announced MIME skeleton is too large.");
    }
    return rc;
}

int head_unpack(const uint8_t *p, size_t n, struct buf *header_r, struct buf *skeleton_r,
                struct error *e)
{
    struct buf plain = BUF_INIT(PLAIN_MAX);
    int rc;
    if (n > HEAD_BLOB_MAX)
        return error_set(e, "The announced head of %zu octets is over the limit.", n);
    rc = inflate_all(p, n, &plain);
    if (rc == -1)
        (void)error_set(e, "The announced head does not inflate within its limit.");
    else if (rc == 0)
        rc = split(&plain, header_r, skeleton_r, e);
    if (rc == HEAD_NO_MEMORY)
        (void)error_set(e, "There is no memory for the announced head.");
    buf_free(&plain);
    return rc;
}
