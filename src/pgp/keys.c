/* SPDX-License-Identifier: GPL-3.0-or-later */
/* keys.c - making, exporting, importing and judging keys. */
#include "pgp/internal.h"

#include <stdio.h>
#include <string.h>

#define USER_ID_MAX 128 /* octets that the OpenPGP library gives a new key */
#define RSA_MIN_BITS 2048
#define RSA_SIGN_MAX_BITS 4096    /* a signature stays within SIGNATURE_MAX */
#define RSA_ENCRYPT_MAX_BITS 3072 /* a session-key packet stays within PKESK_MAX */

int key_fpr(rnp_key_handle_t key, uint8_t fpr_r[PGP_FPR_LEN])
{
    char *hex = NULL;
    int result = -1;
    if (rnp_key_get_fprint(key, &hex) == RNP_SUCCESS && hex != NULL)
        result = hex_decode(hex, fpr_r, PGP_FPR_LEN);
    rnp_buffer_destroy(hex);
    return result;
}

int key_export(rnp_key_handle_t key, enum key_form form, struct buf *out, struct error *e)
{
    rnp_output_t mem = NULL;
    rnp_result_t r = rnp_output_to_memory(&mem, 0);
    int result = -1;
    if (r == RNP_SUCCESS && form == KEY_FORM_MINIMAL)
        r = rnp_key_export_autocrypt(key, NULL, NULL, mem, 0);
    else if (r == RNP_SUCCESS)
        r = rnp_key_export(
            key, mem,
            RNP_KEY_EXPORT_SUBKEYS |
                (form == KEY_FORM_SECRET ? RNP_KEY_EXPORT_SECRET : RNP_KEY_EXPORT_PUBLIC));
    if (r != RNP_SUCCESS)
        (void)rnp_fail(e, "The key cannot be written", r);
    else
        result = output_take(mem, out, e);
    rnp_output_destroy(mem);
    return result;
}

/* Runs a generation that was set up so far without error, and takes its key. */
static rnp_result_t generate_run(rnp_op_generate_t op, rnp_key_handle_t *key_r)
{
    rnp_result_t r = rnp_op_generate_set_hash(op, PGP_HASH);
    if (r == RNP_SUCCESS)
        r = rnp_op_generate_set_expiration(op, 0);
    if (r == RNP_SUCCESS)
        r = rnp_op_generate_execute(op);
    if (r == RNP_SUCCESS)
        r = rnp_op_generate_get_key(op, key_r);
    return r;
}

static rnp_result_t generate_primary(rnp_ffi_t ffi, const char *user_id, rnp_key_handle_t *key_r)
{
    rnp_op_generate_t op = NULL;
    rnp_result_t r = rnp_op_generate_create(&op, ffi, "EDDSA");
    if (r == RNP_SUCCESS)
        r = rnp_op_generate_set_userid(op, user_id);
    if (r == RNP_SUCCESS)
        r = rnp_op_generate_add_usage(op, "sign");
    if (r == RNP_SUCCESS)
        r = rnp_op_generate_add_usage(op, "certify");
    if (r == RNP_SUCCESS)
        r = rnp_op_generate_add_pref_cipher(op, PGP_CIPHER);
    if (r == RNP_SUCCESS)
        r = rnp_op_generate_add_pref_hash(op, PGP_HASH);
    if (r == RNP_SUCCESS)
        r = rnp_op_generate_add_pref_compression(op, "ZLIB");
    if (r == RNP_SUCCESS)
        r = generate_run(op, key_r);
    rnp_op_generate_destroy(op);
    return r;
}

static rnp_result_t generate_subkey(rnp_ffi_t ffi, rnp_key_handle_t primary)
{
    rnp_op_generate_t op = NULL;
    rnp_key_handle_t sub = NULL;
    rnp_result_t r = rnp_op_generate_subkey_create(&op, ffi, primary, "ECDH");
    if (r == RNP_SUCCESS)
        r = rnp_op_generate_set_curve(op, "Curve25519");
    if (r == RNP_SUCCESS)
        r = rnp_op_generate_add_usage(op, "encrypt");
    if (r == RNP_SUCCESS)
        r = generate_run(op, &sub);
    rnp_key_handle_destroy(sub);
    rnp_op_generate_destroy(op);
    return r;
}

int pgp_generate(const char *address, struct buf *secret_r, struct buf *public_r, struct error *e)
{
    PGP_QUIET;
    char user_id[USER_ID_MAX + 1];
    rnp_ffi_t ffi = NULL;
    rnp_key_handle_t primary = NULL;
    int n = snprintf(user_id, sizeof user_id, "<%s>", address), result = -1;
    if (n < 0 || n > USER_ID_MAX)
        return error_set(
            e, "The address is too long for an OpenPGP key: take one of at most %d characters.",
            USER_ID_MAX - 2);
    if (ffi_new(&ffi, e) < 0)
        return -1;
    ffi_clock(ffi, 0);
    rnp_result_t r = generate_primary(ffi, user_id, &primary);
    if (r == RNP_SUCCESS)
        r = generate_subkey(ffi, primary);
    if (r != RNP_SUCCESS)
        (void)rnp_fail(e, "The key pair cannot be made", r);
    else if (key_export(primary, KEY_FORM_SECRET, secret_r, e) == 0 &&
             key_export(primary, KEY_FORM_MINIMAL, public_r, e) == 0)
        result = 0;
    rnp_key_handle_destroy(primary);
    rnp_ffi_destroy(ffi);
    return result;
}

/* Curve keys of any size RNP knows are fine; RSA has bounds. Anything else is refused. */
static int check_algorithm(rnp_key_handle_t key, uint32_t rsa_max, struct error *e)
{
    char *alg = NULL;
    uint32_t bits = 0;
    if (rnp_key_get_alg(key, &alg) != RNP_SUCCESS || alg == NULL)
        return error_set(e, "The public key's algorithm is not known.");
    bool curve = strcmp(alg, "EDDSA") == 0 || strcmp(alg, "ECDSA") == 0 || strcmp(alg, "ECDH") == 0;
    bool rsa = strcmp(alg, "RSA") == 0;
    rnp_buffer_destroy(alg);
    if (curve)
        return 0;
    if (!rsa || rnp_key_get_bits(key, &bits) != RNP_SUCCESS)
        return error_set(e, "The public key's algorithm is not accepted: use Curve25519 or RSA.");
    if (bits < RSA_MIN_BITS || bits > rsa_max)
        return error_set(e, "An RSA key of %u bits is not accepted here (%d to %u).", bits,
                         RSA_MIN_BITS, rsa_max);
    return 0;
}

int key_encryption_subkey(rnp_key_handle_t primary, rnp_key_handle_t *sub_r, struct error *e)
{
    *sub_r = NULL;
    if (rnp_key_get_default_key(primary, "encrypt", RNP_KEY_SUBKEYS_ONLY, sub_r) != RNP_SUCCESS ||
        *sub_r == NULL)
        return error_set(e, "The key has no valid subkey for encryption.");
    return 0;
}

static int check_key(rnp_key_handle_t primary, struct error *e)
{
    rnp_key_handle_t sub = NULL;
    bool revoked = false, expired = false, valid = false, sign = false;
    if (check_algorithm(primary, RSA_SIGN_MAX_BITS, e) < 0)
        return -1;
    if (rnp_key_is_revoked(primary, &revoked) != RNP_SUCCESS || revoked)
        return error_set(e, "The public key is revoked.");
    if (rnp_key_is_expired(primary, &expired) != RNP_SUCCESS || expired)
        return error_set(e, "The public key is expired.");
    if (rnp_key_is_valid(primary, &valid) != RNP_SUCCESS || !valid)
        return error_set(e, "The public key does not carry a valid signature by itself.");
    if (rnp_key_allows_usage(primary, "sign", &sign) != RNP_SUCCESS || !sign)
        return error_set(e, "The public key's primary key may not sign.");
    if (key_encryption_subkey(primary, &sub, e) < 0)
        return -1;
    int result = check_algorithm(sub, RSA_ENCRYPT_MAX_BITS, e);
    rnp_key_handle_destroy(sub);
    return result;
}

int key_import(rnp_ffi_t ffi, const struct pgp_pub *pub, rnp_key_handle_t *primary_r,
               uint8_t fpr_r[PGP_FPR_LEN], struct error *e)
{
    struct key_scan scan;
    char hex[2 * PGP_FPR_LEN + 1];
    rnp_input_t in = NULL;
    *primary_r = NULL;
    if (key_scan(pub, &scan, e) < 0)
        return -1;
    rnp_result_t r = rnp_input_from_memory(&in, pub->data, pub->len, false);
    if (r == RNP_SUCCESS)
        r = rnp_import_keys(ffi, in, RNP_LOAD_SAVE_PUBLIC_KEYS, NULL);
    rnp_input_destroy(in);
    if (r != RNP_SUCCESS)
        return rnp_fail(e, "The public key cannot be read", r);
    hex_encode(scan.fpr, PGP_FPR_LEN, hex);
    r = rnp_locate_key(ffi, "fingerprint", hex, primary_r);
    if (r != RNP_SUCCESS || *primary_r == NULL)
        return error_set(e, "The public key cannot be read.");
    if (check_key(*primary_r, e) < 0) {
        (void)rnp_key_remove(*primary_r, RNP_KEY_REMOVE_PUBLIC | RNP_KEY_REMOVE_SUBKEYS);
        rnp_key_handle_destroy(*primary_r);
        *primary_r = NULL;
        return -1;
    }
    if (fpr_r != NULL)
        memcpy(fpr_r, scan.fpr, PGP_FPR_LEN);
    return 0;
}

int pgp_armor(const uint8_t *key, size_t len, struct buf *out, struct error *e)
{
    PGP_QUIET;
    struct packet_header h;
    rnp_input_t in = NULL;
    rnp_output_t mem = NULL;
    int result = -1;
    if (packet_whole(key, len, &h) < 0 || (h.tag != TAG_PRIMARY && h.tag != TAG_PRIMARY_SECRET))
        return error_set(e, "This is not an OpenPGP key.");
    rnp_result_t r = rnp_input_from_memory(&in, key, len, false);
    if (r == RNP_SUCCESS)
        r = rnp_output_to_memory(&mem, 0);
    if (r == RNP_SUCCESS)
        r = rnp_enarmor(in, mem, h.tag == TAG_PRIMARY ? "public key" : "secret key");
    if (r != RNP_SUCCESS)
        (void)rnp_fail(e, "The key cannot be armored", r);
    else
        result = output_take(mem, out, e);
    rnp_output_destroy(mem);
    rnp_input_destroy(in);
    return result;
}
