/* SPDX-License-Identifier: GPL-3.0-or-later */
/* craft.c - see craft.h. */
#include "craft.h"
#include "pgp/packet.h"

#include <rnp/rnp.h>
#include <rnp/rnp_err.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define must(call) assert_int_equal((call), RNP_SUCCESS)

static void take(rnp_output_t mem, struct buf *out)
{
    uint8_t *data = NULL;
    size_t n = 0;
    must(rnp_output_memory_get_buf(mem, &data, &n, false));
    assert_int_equal(buf_append(out, data, n), 0);
    must(rnp_output_destroy(mem));
}

/* Brings a key into ffi and finds its primary key. */
static rnp_key_handle_t enter(rnp_ffi_t ffi, const void *key, size_t n, const uint8_t *fpr)
{
    rnp_key_handle_t handle = NULL;
    rnp_input_t in = NULL;
    char hex[2 * PGP_FPR_LEN + 1];
    must(rnp_input_from_memory(&in, key, n, false));
    must(rnp_import_keys(ffi, in, RNP_LOAD_SAVE_PUBLIC_KEYS | RNP_LOAD_SAVE_SECRET_KEYS, NULL));
    must(rnp_input_destroy(in));
    hex_encode(fpr, PGP_FPR_LEN, hex);
    must(rnp_locate_key(ffi, "fingerprint", hex, &handle));
    assert_non_null(handle);
    return handle;
}

static rnp_key_handle_t enter_peer(rnp_ffi_t ffi, const struct peer *peer)
{
    uint8_t fpr[PGP_FPR_LEN];
    pgp_own_fpr(peer->p, fpr);
    return enter(ffi, peer->secret.data, peer->secret.len, fpr);
}

static void sign(rnp_op_encrypt_t op, rnp_ffi_t ffi, const struct peer *by)
{
    rnp_key_handle_t key = enter_peer(ffi, by);
    must(rnp_op_encrypt_add_signature(op, key, NULL));
    rnp_key_handle_destroy(key);
}

void craft(const struct craft *c, struct buf *pkesk, struct buf *blob)
{
    rnp_ffi_t ffi = NULL;
    rnp_input_t in = NULL;
    rnp_output_t mem = NULL;
    rnp_op_encrypt_t op = NULL;
    rnp_key_handle_t to;
    struct key_scan scan;
    struct packet_header h;
    struct buf all = BUF_INIT(64 * 1024 * 1024);
    size_t at = 0;
    must(rnp_ffi_create(&ffi, "GPG", "GPG"));
    must(rnp_input_from_memory(&in, c->data, c->len, false));
    must(rnp_output_to_memory(&mem, 0));
    must(rnp_op_encrypt_create(&op, ffi, in, mem));
    ok(key_scan(c->to, &scan, e));
    to = enter(ffi, c->to->data, c->to->len, scan.fpr);
    must(rnp_op_encrypt_add_recipient(op, to));
    must(rnp_op_encrypt_set_hash(op, c->hash != NULL ? c->hash : "SHA256"));
    must(rnp_op_encrypt_set_compression(op, c->level > 0 ? "ZLIB" : "Uncompressed", c->level));
    must(rnp_op_encrypt_set_flags(op, c->nowrap ? RNP_ENCRYPT_NOWRAP : 0));
    if (c->time != 0)
        must(rnp_op_encrypt_set_creation_time(op, (uint32_t)c->time));
    if (c->password != NULL)
        must(rnp_op_encrypt_add_password(op, c->password, NULL, 0, NULL));
    for (size_t i = 0; i < 4 && c->signers[i] != NULL; i++)
        sign(op, ffi, c->signers[i]);
    if (c->twice)
        sign(op, ffi, c->signers[0]);
    must(rnp_op_encrypt_execute(op));
    must(rnp_op_encrypt_destroy(op));
    take(mem, &all);
    while (packet_whole(all.data + at, all.len - at, &h) == 0 && (h.tag == 1 || h.tag == 3))
        at += h.header_len + h.body_len;
    assert_int_equal(buf_append(pkesk, all.data, at), 0);
    assert_int_equal(buf_append(blob, all.data + at, all.len - at), 0);
    buf_free(&all);
    rnp_key_handle_destroy(to);
    rnp_input_destroy(in);
    rnp_ffi_destroy(ffi);
}

/* hash, at: of the signature; at 0: now. */
static void sign_octets(const struct peer *by, const void *data, size_t n, bool detached,
                        int64_t at, const char *hash, struct buf *out)
{
    rnp_ffi_t ffi = NULL;
    rnp_input_t in = NULL;
    rnp_output_t mem = NULL;
    rnp_op_sign_t op = NULL;
    must(rnp_ffi_create(&ffi, "GPG", "GPG"));
    rnp_key_handle_t key = enter_peer(ffi, by);
    must(rnp_input_from_memory(&in, data, n, false));
    must(rnp_output_to_memory(&mem, 0));
    must(detached ? rnp_op_sign_detached_create(&op, ffi, in, mem)
                  : rnp_op_sign_create(&op, ffi, in, mem));
    must(rnp_op_sign_set_hash(op, hash));
    if (at != 0)
        must(rnp_op_sign_set_creation_time(op, (uint32_t)at));
    must(rnp_op_sign_add_signature(op, key, NULL));
    must(rnp_op_sign_execute(op));
    must(rnp_op_sign_destroy(op));
    take(mem, out);
    rnp_key_handle_destroy(key);
    rnp_input_destroy(in);
    rnp_ffi_destroy(ffi);
}

void craft_signed(const struct peer *by, const void *data, size_t n, struct buf *packets)
{
    sign_octets(by, data, n, false, 0, "SHA256", packets);
}

void craft_signature(const struct peer *by, const void *data, size_t n, int64_t at,
                     const char *hash, struct buf *sig)
{
    sign_octets(by, data, n, true, at, hash, sig);
}

void craft_key(const char *address, int64_t at, uint32_t valid, struct buf *secret,
               struct buf *public)
{
    rnp_ffi_t ffi = NULL;
    rnp_op_generate_t op = NULL;
    rnp_key_handle_t key = NULL;
    rnp_output_t mem = NULL;
    char user_id[300];
    (void)snprintf(user_id, sizeof user_id, "<%s>", address);
    must(rnp_ffi_create(&ffi, "GPG", "GPG"));
    must(rnp_set_timestamp(ffi, (uint64_t)at));
    must(rnp_op_generate_create(&op, ffi, "EDDSA"));
    must(rnp_op_generate_set_userid(op, user_id));
    must(rnp_op_generate_set_expiration(op, valid));
    must(rnp_op_generate_execute(op));
    must(rnp_op_generate_get_key(op, &key));
    must(rnp_op_generate_destroy(op));
    must(rnp_op_generate_subkey_create(&op, ffi, key, "ECDH"));
    must(rnp_op_generate_set_curve(op, "Curve25519"));
    must(rnp_op_generate_add_usage(op, "encrypt"));
    must(rnp_op_generate_set_expiration(op, valid));
    must(rnp_op_generate_execute(op));
    must(rnp_op_generate_destroy(op));
    must(rnp_output_to_memory(&mem, 0));
    must(rnp_key_export(key, mem, RNP_KEY_EXPORT_SECRET | RNP_KEY_EXPORT_SUBKEYS));
    take(mem, secret);
    must(rnp_output_to_memory(&mem, 0));
    must(rnp_key_export(key, mem, RNP_KEY_EXPORT_PUBLIC | RNP_KEY_EXPORT_SUBKEYS));
    take(mem, public);
    rnp_key_handle_destroy(key);
    rnp_ffi_destroy(ffi);
}
