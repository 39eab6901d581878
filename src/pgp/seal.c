/* SPDX-License-Identifier: GPL-3.0-or-later */
/* seal.c - sign, compress, encrypt; the session-key packets are taken off the front, one per
 * receiver, and what remains streams into the blob while its hashes are computed. */
#include "pgp/internal.h"
#include "base/file.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct pgp_sealing {
    struct pgp_seal *s;
    struct error *e; /* of the callbacks: the first one that failed wrote it */
    bool failed;
    struct known_key **receivers;
    size_t done; /* session-key packets seen whole */
    uint8_t head[PACKET_HEADER_MAX];
    size_t head_len;
    uint32_t body_left; /* of the session-key packet being copied */
    bool in_blob;
    struct packet_stream stream; /* holds the blob to its shape */
    struct sha256 *whole, *chunk;
    uint32_t chunk_len;                      /* octets in the current piece */
    uint64_t in_octets, in_asked, out_asked; /* read; of these and the blob's, sent to the disk */
};

static bool seal_read(void *ctx, void *p, size_t n, size_t *n_r)
{
    struct pgp_sealing *w = ctx;
    ssize_t r = growing_read(w->s->grows, w->s->in_fd, p, n);
    if (r < 0) {
        w->failed = true;
        (void)error_set(w->e, "The message cannot be read: %s.", strerror(errno));
        return false;
    }
    *n_r = (size_t)r;
    w->in_octets += (uint64_t)r;
    if (w->s->grows != NULL) /* it is new, and will be synced soon */
        writeback_ask(w->s->in_fd, &w->in_asked, w->in_octets);
    return true;
}

static int chunk_end(struct pgp_sealing *w)
{
    uint8_t hash[HASH_LEN];
    sha256_end(&w->chunk, hash);
    w->chunk_len = 0;
    if (buf_append(w->s->chunks, hash, sizeof hash) < 0)
        return error_set(w->e, "The message is too large: it has too many pieces.");
    return 0;
}

static int blob_write(struct pgp_sealing *w, const uint8_t *p, size_t n)
{
    if (packet_stream_feed(&w->stream, p, n, w->e) < 0 || write_all(w->s->out_fd, p, n, w->e) < 0)
        return -1;
    sha256_add(w->whole, p, n);
    w->s->blob_size += n;
    writeback_ask(w->s->out_fd, &w->out_asked, w->s->blob_size);
    while (n > 0) {
        size_t take = CHUNK_LEN - w->chunk_len < n ? CHUNK_LEN - w->chunk_len : n;
        if (w->chunk == NULL)
            w->chunk = sha256_new();
        sha256_add(w->chunk, p, take);
        w->chunk_len += (uint32_t)take;
        if (w->chunk_len == CHUNK_LEN && chunk_end(w) < 0)
            return -1;
        p += take;
        n -= take;
    }
    return 0;
}

/* One more octet of a packet's header, at the front of the output. */
static int front_head(struct pgp_sealing *w, uint8_t octet)
{
    struct packet_header h;
    w->head[w->head_len++] = octet;
    int r = packet_header_parse(w->head, w->head_len, &h);
    if (r == 0)
        return 0;
    size_t n = w->head_len;
    w->head_len = 0;
    if (r < 0)
        return error_set(w->e, "The OpenPGP library wrote something unknown.");
    if (h.tag == TAG_SESSION_KEY && !h.partial && h.body_len > 0 && w->done < w->s->to_count) {
        w->body_left = h.body_len;
        if (buf_append(&w->s->pkesk[w->done], w->head, n) == 0)
            return 0;
        return error_set(w->e, "A receiver's session-key packet is too large.");
    }
    if (h.tag == TAG_SESSION_KEY || w->done != w->s->to_count)
        return error_set(w->e, "The OpenPGP library wrote %s session-key packets than receivers.",
                         h.tag == TAG_SESSION_KEY ? "more" : "fewer");
    w->in_blob = true;
    return blob_write(w, w->head, n);
}

/* Octets of a session-key packet's body; the whole packet must be for the receiver whose turn it
 * is. */
static int front_body(struct pgp_sealing *w, const uint8_t *p, size_t n)
{
    struct buf *pkesk = &w->s->pkesk[w->done];
    uint8_t keyid[KEYID_LEN];
    if (buf_append(pkesk, p, n) < 0)
        return error_set(w->e, "A receiver's session-key packet is too large.");
    w->body_left -= (uint32_t)n;
    if (w->body_left > 0)
        return 0;
    if (packet_session_key(pkesk->data, pkesk->len, keyid, w->e) < 0)
        return -1;
    if (memcmp(keyid, w->receivers[w->done]->keyid, KEYID_LEN) != 0)
        return error_set(w->e, "The OpenPGP library changed the order of the receivers.");
    w->done++;
    return 0;
}

static bool seal_write(void *ctx, const void *data, size_t n)
{
    struct pgp_sealing *w = ctx;
    const uint8_t *p = data;
    while (n > 0 && !w->failed) {
        size_t take = 1;
        int r;
        if (w->in_blob) {
            take = n;
            r = blob_write(w, p, n);
        } else if (w->body_left > 0) {
            take = w->body_left < n ? w->body_left : n;
            r = front_body(w, p, take);
        } else {
            r = front_head(w, *p);
        }
        w->failed = r < 0;
        p += take;
        n -= take;
    }
    return !w->failed;
}

static rnp_result_t seal_setup(struct pgp *p, struct pgp_sealing *w, rnp_op_encrypt_t op)
{
    int level = compress_level(w->s->in_fd, w->s->in_size);
    rnp_result_t r = rnp_op_encrypt_add_signature(op, p->primary, NULL);
    if (r == RNP_SUCCESS)
        r = rnp_op_encrypt_set_hash(op, PGP_HASH);
    if (r == RNP_SUCCESS)
        r = rnp_op_encrypt_set_creation_time(op, pgp_sign_time(p));
    if (r == RNP_SUCCESS)
        r = rnp_op_encrypt_set_cipher(op, PGP_CIPHER);
    if (r == RNP_SUCCESS && w->s->ocb)
        r = rnp_op_encrypt_set_aead(op, "OCB");
    if (r == RNP_SUCCESS && w->s->ocb)
        r = rnp_op_encrypt_set_aead_bits(op, PGP_AEAD_BITS);
    if (r == RNP_SUCCESS)
        r = rnp_op_encrypt_set_compression(op, level > 0 ? "ZLIB" : "Uncompressed", level);
    if (r == RNP_SUCCESS)
        r = rnp_op_encrypt_set_file_name(op, "");
    if (r == RNP_SUCCESS)
        r = rnp_op_encrypt_set_file_mtime(op, 0);
    for (size_t i = 0; i < w->s->to_count && r == RNP_SUCCESS; i++)
        r = rnp_op_encrypt_add_recipient(op, w->receivers[i]->sub);
    return r;
}

static int seal_run(struct pgp *p, struct pgp_sealing *w, struct error *e)
{
    rnp_input_t in = NULL;
    rnp_output_t out = NULL;
    rnp_op_encrypt_t op = NULL;
    rnp_result_t r = rnp_input_from_callback(&in, seal_read, NULL, w);
    if (r == RNP_SUCCESS)
        r = rnp_output_to_callback(&out, seal_write, NULL, w);
    if (r == RNP_SUCCESS)
        r = rnp_op_encrypt_create(&op, p->ffi, in, out);
    if (r == RNP_SUCCESS)
        r = seal_setup(p, w, op);
    if (r == RNP_SUCCESS)
        r = rnp_op_encrypt_execute(op);
    rnp_op_encrypt_destroy(op);
    if (r == RNP_SUCCESS)
        r = rnp_output_finish(out);
    rnp_output_destroy(out);
    rnp_input_destroy(in);
    if (w->failed)
        return -1;
    if (r != RNP_SUCCESS)
        return rnp_fail(e, "The message cannot be sealed", r);
    if (packet_stream_end(&w->stream, e) < 0)
        return -1;
    return w->chunk != NULL ? chunk_end(w) : 0;
}

int pgp_seal(struct pgp *p, struct pgp_seal *s, struct error *e)
{
    PGP_QUIET;
    struct pgp_sealing w = {.s = s, .e = e};
    size_t known = 0;
    int result = -1;
    if (pgp_need_secret(p, e) < 0)
        return -1;
    if (s->to_count == 0 || s->to_count > RCPTS_MAX)
        return error_set(e, "A message must have 1 to %d receivers.", RCPTS_MAX);
    w.receivers = calloc(s->to_count, sizeof *w.receivers);
    if (w.receivers == NULL)
        return error_set(e, "Out of memory.");
    s->blob_size = 0;
    w.whole = sha256_new();
    while (known < s->to_count && (w.receivers[known] = known_take(&s->to[known], e)) != NULL)
        known++;
    if (known == s->to_count)
        result = seal_run(p, &w, e);
    sha256_end(&w.whole, s->blob_hash);
    sha256_end(&w.chunk, NULL);
    for (size_t i = 0; i < known; i++)
        known_give(w.receivers[i]);
    free(w.receivers);
    return result;
}
