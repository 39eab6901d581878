/* SPDX-License-Identifier: GPL-3.0-or-later */
/* passphrase.c - see passphrase.h. */
#include "pgp/passphrase.h"
#include "base/file.h"
#include "pgp/internal.h"
#include <errno.h>
#include <string.h>
#include <unistd.h>

static bool read_some(void *ctx, void *p, size_t n, size_t *got)
{
    const int *fd = ctx;
    ssize_t r;
    do
        r = read(*fd, p, n);
    while (r < 0 && errno == EINTR);
    *got = r > 0 ? (size_t)r : 0;
    return r >= 0;
}

static bool write_some(void *ctx, const void *p, size_t n)
{
    const int *fd = ctx;
    return write_all(*fd, p, n, NULL) == 0;
}

static void nothing_to_close(void *ctx)
{
}

static void nothing_to_discard(void *ctx, bool discard)
{
}

struct streams {
    rnp_ffi_t ffi;
    rnp_input_t in;
    rnp_output_t out;
    int in_fd, out_fd;
};

static int streams_open(struct streams *s, struct error *e)
{
    if (ffi_new(&s->ffi, e) < 0)
        return -1;
    rnp_result_t r =
        rnp_input_from_callback(&s->in, read_some, nothing_to_close, (void *)&s->in_fd);
    if (r == RNP_SUCCESS)
        r = rnp_output_to_callback(&s->out, write_some, nothing_to_discard, (void *)&s->out_fd);
    return r == RNP_SUCCESS ? 0 : rnp_fail(e, "OpenPGP could not be set up", r);
}

static void streams_close(struct streams *s)
{
    (void)rnp_output_destroy(s->out);
    (void)rnp_input_destroy(s->in);
    (void)rnp_ffi_destroy(s->ffi);
}

int passphrase_lock(const char *passphrase, int in_fd, int out_fd, struct error *e)
{
    PGP_QUIET;
    struct streams s = {.in_fd = in_fd, .out_fd = out_fd};
    rnp_op_encrypt_t op = NULL;
    if (streams_open(&s, e) < 0) {
        streams_close(&s);
        return -1;
    }
    rnp_result_t r = rnp_op_encrypt_create(&op, s.ffi, s.in, s.out);
    if (r == RNP_SUCCESS)
        r = rnp_op_encrypt_set_cipher(op, PGP_CIPHER);
    if (r == RNP_SUCCESS)
        r = rnp_op_encrypt_add_password(op, passphrase, PGP_HASH, 0, PGP_CIPHER);
    if (r == RNP_SUCCESS)
        r = rnp_op_encrypt_execute(op);
    if (r == RNP_SUCCESS)
        r = rnp_output_finish(s.out);
    (void)rnp_op_encrypt_destroy(op);
    streams_close(&s);
    return r == RNP_SUCCESS ? 0 : rnp_fail(e, "It could not be encrypted", r);
}

static bool give_passphrase(rnp_ffi_t ffi, void *ctx, rnp_key_handle_t key, const char *why,
                            char buf[], size_t n)
{
    const char *passphrase = ctx;
    if (strlen(passphrase) >= n)
        return false;
    memcpy(buf, passphrase, strlen(passphrase) + 1);
    return true;
}

int passphrase_unlock(const char *passphrase, int in_fd, int out_fd, struct error *e)
{
    PGP_QUIET;
    struct streams s = {.in_fd = in_fd, .out_fd = out_fd};
    if (streams_open(&s, e) < 0) {
        streams_close(&s);
        return -1;
    }
    rnp_result_t r = rnp_ffi_set_pass_provider(s.ffi, give_passphrase, (void *)passphrase);
    if (r == RNP_SUCCESS)
        r = rnp_decrypt(s.ffi, s.in, s.out);
    if (r == RNP_SUCCESS)
        r = rnp_output_finish(s.out);
    streams_close(&s);
    return r == RNP_SUCCESS
               ? 0
               : rnp_fail(e, "It could not be decrypted: the passphrase is wrong, or it is damaged",
                          r);
}
