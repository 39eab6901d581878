/* SPDX-License-Identifier: GPL-3.0-or-later */
/* records.c - signatures and encryption of small records that stand whole in memory. */
#include "pgp/internal.h"

#include <stdlib.h>
#include <string.h>

#define RECORD_LEVEL 6 /* of deflate */

static bool read_nothing(void *ctx, void *p, size_t n, size_t *n_r)
{
    *n_r = 0;
    return true;
}

/* RNP's memory input refuses to be empty. */
static rnp_result_t input_octets(rnp_input_t *in, const void *data, size_t n)
{
    if (n == 0)
        return rnp_input_from_callback(in, read_nothing, NULL, NULL);
    return rnp_input_from_memory(in, data, n, false);
}

static rnp_result_t sign_run(struct pgp *p, rnp_input_t in, rnp_output_t mem)
{
    rnp_op_sign_t op = NULL;
    rnp_result_t r = rnp_op_sign_detached_create(&op, p->ffi, in, mem);
    if (r == RNP_SUCCESS)
        r = rnp_op_sign_set_hash(op, PGP_HASH);
    if (r == RNP_SUCCESS)
        r = rnp_op_sign_set_creation_time(op, pgp_sign_time(p));
    if (r == RNP_SUCCESS)
        r = rnp_op_sign_add_signature(op, p->primary, NULL);
    if (r == RNP_SUCCESS)
        r = rnp_op_sign_execute(op);
    rnp_op_sign_destroy(op);
    return r;
}

int pgp_sign(struct pgp *p, const void *data, size_t n, struct buf *sig_r, struct error *e)
{
    PGP_QUIET;
    rnp_input_t in = NULL;
    rnp_output_t mem = NULL;
    int result = -1;
    if (pgp_need_secret(p, e) < 0)
        return -1;
    rnp_result_t r = input_octets(&in, data, n);
    if (r == RNP_SUCCESS)
        r = rnp_output_to_memory(&mem, 0);
    if (r == RNP_SUCCESS)
        r = sign_run(p, in, mem);
    if (r != RNP_SUCCESS)
        (void)rnp_fail(e, "The record cannot be signed", r);
    else
        result = output_take(mem, sig_r, e);
    rnp_output_destroy(mem);
    rnp_input_destroy(in);
    return result;
}

int op_verdict(rnp_op_verify_t op, const uint8_t fpr[PGP_FPR_LEN], struct error *e)
{
    rnp_op_verify_signature_t sig = NULL;
    rnp_key_handle_t key = NULL;
    uint8_t signer[PGP_FPR_LEN];
    size_t count = 0;
    if (rnp_op_verify_get_signature_count(op, &count) != RNP_SUCCESS || count != 1)
        return error_set(e, "There must be exactly one signature; there are %zu.", count);
    if (rnp_op_verify_get_signature_at(op, 0, &sig) != RNP_SUCCESS)
        return error_set(e, "The signature cannot be read.");
    rnp_result_t r = rnp_op_verify_signature_get_status(sig);
    if (r == RNP_ERROR_KEY_NOT_FOUND)
        return error_set(e, "The signature was made by another key than the announced one.");
    if (r != RNP_SUCCESS)
        return rnp_fail(e, "The signature is not valid", r);
    if (rnp_op_verify_signature_get_key(sig, &key) != RNP_SUCCESS || key == NULL)
        return error_set(e, "The signer's key is not known.");
    int result = key_fpr(key, signer);
    rnp_key_handle_destroy(key);
    if (result < 0 || memcmp(signer, fpr, PGP_FPR_LEN) != 0)
        return error_set(e, "The signature was made by another key than the announced one.");
    return 0;
}

static int verify_run(rnp_ffi_t ffi, rnp_input_t in, rnp_input_t sig,
                      const uint8_t fpr[PGP_FPR_LEN], struct error *e)
{
    rnp_op_verify_t op = NULL;
    rnp_result_t r = rnp_op_verify_detached_create(&op, ffi, in, sig);
    int result = -1;
    if (r != RNP_SUCCESS)
        return rnp_fail(e, "The signature cannot be checked", r);
    r = rnp_op_verify_execute(op);
    if (op_verdict(op, fpr, e) == 0)
        result = r == RNP_SUCCESS ? 0 : rnp_fail(e, "The signature is not valid", r);
    rnp_op_verify_destroy(op);
    return result;
}

int pgp_verify(const struct pgp_pub *pub, const void *data, size_t n, const uint8_t *sig,
               size_t sig_len, struct error *e)
{
    PGP_QUIET;
    struct known_key *key = NULL;
    rnp_input_t in = NULL, sig_in = NULL;
    int result = -1;
    if (packet_signature(sig, sig_len, e) < 0 || (key = known_take(pub, e)) == NULL)
        return -1;
    if (input_octets(&in, data, n) != RNP_SUCCESS ||
        rnp_input_from_memory(&sig_in, sig, sig_len, false) != RNP_SUCCESS)
        (void)error_set(e, "Out of memory.");
    else
        result = verify_run(key->ffi, in, sig_in, key->fpr, e);
    rnp_input_destroy(sig_in);
    rnp_input_destroy(in);
    known_give(key);
    return result;
}

static rnp_result_t encrypt_run(struct known_key *const *to, size_t count, rnp_input_t in,
                                rnp_output_t mem)
{
    rnp_op_encrypt_t op = NULL;
    rnp_result_t r = rnp_op_encrypt_create(&op, to[0]->ffi, in, mem);
    for (size_t i = 0; i < count && r == RNP_SUCCESS; i++)
        r = rnp_op_encrypt_add_recipient(op, to[i]->sub);
    if (r == RNP_SUCCESS)
        r = rnp_op_encrypt_set_cipher(op, PGP_CIPHER);
    if (r == RNP_SUCCESS)
        r = rnp_op_encrypt_set_compression(op, "ZIP", RECORD_LEVEL);
    if (r == RNP_SUCCESS)
        r = rnp_op_encrypt_set_file_mtime(op, 0);
    if (r == RNP_SUCCESS)
        r = rnp_op_encrypt_execute(op);
    rnp_op_encrypt_destroy(op);
    return r;
}

int pgp_encrypt_all(const struct pgp_pub *to, size_t count, const void *data, size_t n,
                    struct buf *out, struct error *e)
{
    PGP_QUIET;
    struct known_key **key = count == 0 ? NULL : calloc(count, sizeof *key);
    size_t known = 0;
    rnp_input_t in = NULL;
    rnp_output_t mem = NULL;
    rnp_result_t r;
    int result = -1;
    if (key == NULL)
        return error_set(e, count == 0 ? "A record needs a receiver." : "Out of memory.");
    while (known < count && (key[known] = known_take(&to[known], e)) != NULL)
        known++;
    if (known == count) {
        r = input_octets(&in, data, n);
        if (r == RNP_SUCCESS)
            r = rnp_output_to_memory(&mem, 0);
        if (r == RNP_SUCCESS)
            r = encrypt_run(key, count, in, mem);
        if (r != RNP_SUCCESS)
            (void)rnp_fail(e, "The record cannot be encrypted", r);
        else
            result = output_take(mem, out, e);
    }
    rnp_output_destroy(mem);
    rnp_input_destroy(in);
    for (size_t i = 0; i < known; i++)
        known_give(key[i]);
    free(key);
    return result;
}

int pgp_encrypt(const struct pgp_pub *to, const void *data, size_t n, struct buf *out,
                struct error *e)
{
    return pgp_encrypt_all(to, 1, data, n, out, e);
}

int op_integrity(rnp_op_verify_t op, struct error *e)
{
    char *mode = NULL;
    bool valid = false;
    if (rnp_op_verify_get_protection_info(op, &mode, NULL, &valid) != RNP_SUCCESS || mode == NULL)
        return error_set(e, "It is not known how the message was protected.");
    bool known = strcmp(mode, "cfb-mdc") == 0 || strcmp(mode, "aead-ocb") == 0 ||
                 strcmp(mode, "aead-eax") == 0;
    rnp_buffer_destroy(mode);
    if (!known || !valid)
        return error_set(e, "The message's integrity was not protected, or it was changed.");
    return 0;
}

struct plain_sink {
    struct buf *plain;
    bool failed; /* RNP does not always pass on that a write failed */
};

static bool plain_write(void *ctx, const void *data, size_t n)
{
    struct plain_sink *sink = ctx;
    if (buf_append(sink->plain, data, n) < 0)
        sink->failed = true;
    return !sink->failed;
}

static int decrypt_run(struct pgp *p, rnp_input_t in, rnp_output_t out, struct error *e)
{
    rnp_op_verify_t op = NULL;
    rnp_result_t r = rnp_op_verify_create(&op, p->ffi, in, out);
    int result = -1;
    if (r == RNP_SUCCESS)
        r = rnp_op_verify_execute(op);
    if (r == RNP_ERROR_NO_SUITABLE_KEY)
        (void)error_set(e, "The record is not encrypted to our key.");
    else if (r == RNP_ERROR_OUT_OF_MEMORY || r == RNP_ERROR_RNG)
        result = rnp_fail(e, "The record cannot be decrypted now", r) - 1;
    else if (r != RNP_SUCCESS)
        (void)rnp_fail(e, "The record cannot be decrypted", r);
    else
        result = op_integrity(op, e);
    rnp_op_verify_destroy(op);
    return result;
}

/* A record is session-key packets and one encrypted-data packet, nothing else. */
static int record_shape(const uint8_t *p, size_t n, struct error *e)
{
    struct packet_stream s = {0};
    struct packet_header h;
    while (packet_whole(p, n, &h) == 0 && h.tag == TAG_SESSION_KEY) {
        p += h.header_len + h.body_len;
        n -= h.header_len + h.body_len;
    }
    return packet_stream_feed(&s, p, n, e) < 0 ? -1 : packet_stream_end(&s, e);
}

int pgp_decrypt(struct pgp *p, const void *data, size_t n, struct buf *plain, struct error *e)
{
    PGP_QUIET;
    rnp_input_t in = NULL;
    rnp_output_t out = NULL;
    struct plain_sink sink = {.plain = plain};
    size_t before = plain->len;
    int result = -1;
    if (pgp_need_secret(p, e) < 0)
        return -2;
    if (record_shape(data, n, e) < 0)
        return -1;
    if (input_octets(&in, data, n) != RNP_SUCCESS ||
        rnp_output_to_callback(&out, plain_write, NULL, &sink) != RNP_SUCCESS)
        result = error_set(e, "Out of memory.") - 1;
    else
        result = decrypt_run(p, in, out, e);
    if (sink.failed)
        result = error_set(e, "The decrypted record is too large.");
    rnp_output_destroy(out);
    rnp_input_destroy(in);
    if (result < 0 && plain->len > before) {
        wipe(plain->data + before, plain->len - before);
        plain->len = before;
    }
    return result;
}
