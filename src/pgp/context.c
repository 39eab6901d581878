/* SPDX-License-Identifier: GPL-3.0-or-later */
/* context.c - the own secret key in a context of its own. */
#include "pgp/internal.h"
#include "base/clock.h"
#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

uint32_t pgp_sign_time(const struct pgp *p)
{
    uint32_t now = pgp_now();
    return now < p->created ? p->created : now;
}

int pgp_new(struct pgp **p_r, struct error *e)
{
    PGP_QUIET;
    struct pgp *p = mem_new(sizeof *p);
    *p_r = NULL;
    p->pub.cap = 64 * 1024;
    if (ffi_new(&p->ffi, e) < 0) {
        free(p);
        return -1;
    }
    *p_r = p;
    return 0;
}

void pgp_free(struct pgp **p)
{
    if (*p == NULL)
        return;
    PGP_QUIET;
    rnp_key_handle_destroy((*p)->primary);
    rnp_ffi_destroy((*p)->ffi);
    buf_free(&(*p)->pub);
    free(*p);
    *p = NULL;
}

int pgp_need_secret(const struct pgp *p, struct error *e)
{
    return p->primary != NULL ? 0 : error_set(e, "No secret key is loaded.");
}

void pgp_own_fpr(const struct pgp *p, uint8_t fpr_r[PGP_FPR_LEN])
{
    memcpy(fpr_r, p->fpr, PGP_FPR_LEN);
}

/* The one primary key in the context, whatever order its packets had. */
static int find_primary(rnp_ffi_t ffi, rnp_key_handle_t *primary_r, struct error *e)
{
    rnp_identifier_iterator_t it = NULL;
    const char *fpr = NULL;
    int found = 0;
    *primary_r = NULL;
    if (rnp_identifier_iterator_create(ffi, &it, "fingerprint") != RNP_SUCCESS)
        return error_set(e, "The secret key cannot be listed.");
    while (rnp_identifier_iterator_next(it, &fpr) == RNP_SUCCESS && fpr != NULL) {
        rnp_key_handle_t key = NULL;
        bool primary = false;
        if (rnp_locate_key(ffi, "fingerprint", fpr, &key) != RNP_SUCCESS || key == NULL)
            continue;
        if (rnp_key_is_primary(key, &primary) == RNP_SUCCESS && primary && found++ == 0)
            *primary_r = key;
        else
            rnp_key_handle_destroy(key);
    }
    rnp_identifier_iterator_destroy(it);
    if (found == 1)
        return 0;
    rnp_key_handle_destroy(*primary_r);
    *primary_r = NULL;
    return error_set(e, "The secret key file must hold exactly one key; it holds %d.", found);
}

static int check_secret(rnp_key_handle_t key, struct error *e)
{
    uint32_t made = 0;
    bool secret = false, locked = true, valid = false, sign = false;
    if (rnp_key_have_secret(key, &secret) != RNP_SUCCESS || !secret)
        return error_set(e, "The key file holds no secret key.");
    if (rnp_key_is_protected(key, &locked) != RNP_SUCCESS || locked)
        return error_set(e, "The secret key is protected by a passphrase; remove it first.");
    if (rnp_key_is_valid(key, &valid) != RNP_SUCCESS || !valid) {
        int64_t now = clock_wall_ms() / 1000;
        if (rnp_key_get_creation(key, &made) == RNP_SUCCESS && (int64_t)made > now)
            return error_set(e,
                             "This computer's clock is %lld hours before the time at which its own "
                             "key was made: set the clock.",
                             (long long)(made - now) / 3600);
        return error_set(e, "The own key is not valid: expired, revoked or badly signed.");
    }
    if (rnp_key_allows_usage(key, "sign", &sign) != RNP_SUCCESS || !sign)
        return error_set(e, "The own primary key may not sign.");
    return 0;
}

/* The encryption subkey's secret may be missing or locked although the primary key's is not. */
static int check_secret_subkey(rnp_key_handle_t primary, struct error *e)
{
    rnp_key_handle_t sub = NULL;
    bool secret = false, locked = true;
    if (key_encryption_subkey(primary, &sub, e) < 0)
        return -1;
    (void)rnp_key_have_secret(sub, &secret);
    (void)rnp_key_is_protected(sub, &locked);
    rnp_key_handle_destroy(sub);
    return secret && !locked ? 0 : error_set(e, "The secret key lacks its part for decryption.");
}

int pgp_load_secret(struct pgp *p, const uint8_t *secret, size_t len, struct error *e)
{
    PGP_QUIET;
    rnp_input_t in = NULL;
    if (p->primary != NULL)
        return error_set(e, "A secret key is loaded already.");
    if (len == 0) /* RNP calls this a null pointer */
        return error_set(e, "The secret key is empty.");
    rnp_result_t r = rnp_input_from_memory(&in, secret, len, false);
    if (r == RNP_SUCCESS)
        r = rnp_import_keys(p->ffi, in, RNP_LOAD_SAVE_PUBLIC_KEYS | RNP_LOAD_SAVE_SECRET_KEYS,
                            NULL);
    rnp_input_destroy(in);
    if (r != RNP_SUCCESS)
        return rnp_fail(e, "The secret key cannot be read", r);
    if (find_primary(p->ffi, &p->primary, e) < 0)
        return -1;
    if (check_secret(p->primary, e) < 0 || check_secret_subkey(p->primary, e) < 0 ||
        key_fpr(p->primary, p->fpr) < 0 ||
        rnp_key_get_creation(p->primary, &p->created) != RNP_SUCCESS ||
        key_export(p->primary, KEY_FORM_PUBLIC, &p->pub, e) < 0) {
        rnp_key_handle_destroy(p->primary);
        p->primary = NULL;
        return -1;
    }
    return 0;
}

int64_t pgp_own_created_s(const struct pgp *p)
{
    return p->created;
}

int64_t pgp_own_expiry_s(const struct pgp *p)
{
    PGP_QUIET;
    rnp_key_handle_t sub = NULL;
    uint32_t life = 0, life_sub = 0, made_sub = 0;
    struct error e;
    (void)rnp_key_get_expiration(p->primary, &life);
    if (key_encryption_subkey(p->primary, &sub, &e) == 0) {
        (void)rnp_key_get_expiration(sub, &life_sub);
        (void)rnp_key_get_creation(sub, &made_sub);
        rnp_key_handle_destroy(sub);
    }
    int64_t end = life == 0 ? 0 : (int64_t)p->created + life;
    int64_t end_sub = life_sub == 0 ? 0 : (int64_t)made_sub + life_sub;
    return end == 0 || (end_sub != 0 && end_sub < end) ? end_sub : end;
}

int pgp_public(const struct pgp *p, struct buf *public_r, struct error *e)
{
    PGP_QUIET;
    if (pgp_need_secret(p, e) < 0)
        return -1;
    return key_export(p->primary, KEY_FORM_MINIMAL, public_r, e);
}

int pgp_secret(const struct pgp *p, struct buf *secret_r, struct error *e)
{
    PGP_QUIET;
    if (pgp_need_secret(p, e) < 0)
        return -1;
    return key_export(p->primary, KEY_FORM_SECRET, secret_r, e);
}
