/* SPDX-License-Identifier: GPL-3.0-or-later */
/* unseal.c - session-key packet and blob back to the plaintext, and who signed it. The plaintext is
 * written while it comes, before the verdict: only the return value makes it usable. */
#include "pgp/internal.h"
#include "base/file.h"

#include <errno.h>
#include <string.h>

struct unsealing {
    struct pgp_unseal *u;
    struct error *e;
    bool failed;       /* a callback wrote the error */
    size_t pkesk_done; /* octets of the session-key packet handed over */
    struct packet_stream stream;
    struct sha256 *hash;
    uint64_t asked; /* of what was written, sent to the disk */
};

static bool unseal_read(void *ctx, void *p, size_t n, size_t *n_r)
{
    struct unsealing *w = ctx;
    if (w->failed)
        return false;
    if (w->pkesk_done < w->u->pkesk_len) {
        size_t left = w->u->pkesk_len - w->pkesk_done;
        *n_r = left < n ? left : n;
        memcpy(p, w->u->pkesk + w->pkesk_done, *n_r);
        w->pkesk_done += *n_r;
        return true;
    }
    ssize_t r = growing_read(w->u->grows, w->u->blob_fd, p, n);
    if (r < 0) {
        (void)error_set(w->e, "The sealed message cannot be read: %s.", strerror(errno));
        w->u->local = true;
    }
    w->failed = r < 0 || packet_stream_feed(&w->stream, p, (size_t)r, w->e) < 0;
    *n_r = w->failed ? 0 : (size_t)r;
    return !w->failed;
}

static bool unseal_write(void *ctx, const void *data, size_t n)
{
    struct unsealing *w = ctx;
    if (w->failed)
        return false;
    if (n > w->u->max_size - w->u->size) {
        w->failed = true;
        (void)error_set(w->e, "The opened message is larger than announced.");
        return false;
    }
    w->failed = w->u->local = write_all(w->u->out_fd, data, n, w->e) < 0;
    if (w->failed)
        return false;
    sha256_add(w->hash, data, n);
    w->u->size += n;
    writeback_ask(w->u->out_fd, &w->asked, w->u->size);
    return true;
}

/* What RNP left unread must still belong to the blob's one packet. */
static int drain(struct unsealing *w)
{
    uint8_t rest[4096];
    size_t n = 0;
    do
        if (!unseal_read(w, rest, sizeof rest, &n))
            return -1;
    while (n > 0);
    return packet_stream_end(&w->stream, w->e);
}

static int unseal_judge(struct unsealing *w, rnp_op_verify_t op, rnp_result_t r,
                        const uint8_t fpr[PGP_FPR_LEN])
{
    if (w->failed)
        return -1;
    if (r == RNP_ERROR_NO_SUITABLE_KEY)
        return error_set(w->e, "The sealed message is not encrypted to our key.");
    if (r == RNP_ERROR_SIGNATURE_INVALID || r == RNP_ERROR_SIGNATURE_EXPIRED)
        return op_verdict(op, fpr, w->e) < 0 ? -1 : rnp_fail(w->e, "The signature is not valid", r);
    w->u->local = r == RNP_ERROR_OUT_OF_MEMORY || r == RNP_ERROR_RNG;
    if (r != RNP_SUCCESS)
        return rnp_fail(w->e, "The sealed message cannot be opened", r);
    /* Encryption inside encryption fails here too: RNP does not vouch for both layers. */
    if (drain(w) < 0 || op_integrity(op, w->e) < 0)
        return -1;
    return op_verdict(op, fpr, w->e);
}

static int unseal_run(struct pgp *p, struct unsealing *w, const uint8_t fpr[PGP_FPR_LEN])
{
    rnp_input_t in = NULL;
    rnp_output_t out = NULL;
    rnp_op_verify_t op = NULL;
    rnp_result_t r = rnp_input_from_callback(&in, unseal_read, NULL, w);
    if (r == RNP_SUCCESS)
        r = rnp_output_to_callback(&out, unseal_write, NULL, w);
    if (r == RNP_SUCCESS)
        r = rnp_op_verify_create(&op, p->ffi, in, out);
    if (r == RNP_SUCCESS)
        r = rnp_op_verify_set_flags(op, RNP_VERIFY_REQUIRE_ALL_SIGS);
    if (r == RNP_SUCCESS)
        r = rnp_op_verify_execute(op);
    int result = unseal_judge(w, op, r, fpr);
    rnp_op_verify_destroy(op);
    rnp_output_destroy(out);
    rnp_input_destroy(in);
    return result;
}

/* Brings the sender's key beside our own for one operation. A foreign key that holds one of our
 * keys as its own subkey would mix with ours inside RNP: refused. *key_r stays NULL for mail to
 * oneself. */
static int sender_enter(struct pgp *p, const struct pgp_pub *from, rnp_key_handle_t *key_r,
                        uint8_t fpr_r[PGP_FPR_LEN], bool *local_r, struct error *e)
{
    struct pgp_pub own_pub = {p->pub.data, p->pub.len};
    struct key_scan own, other;
    if (key_scan(from, &other, e) < 0 || key_scan(&own_pub, &own, e) < 0)
        return -1;
    memcpy(fpr_r, other.fpr, PGP_FPR_LEN);
    if (memcmp(other.fpr, p->fpr, PGP_FPR_LEN) == 0)
        return 0;
    if (key_scan_overlap(&own, &other))
        return error_set(e, "The sender's key claims one of our own keys as its own.");
    int rc = key_import(p->ffi, from, key_r, NULL, e);
    *local_r = rc < 0; /* it was good when the message was announced */
    return rc;
}

static void sender_leave(struct pgp *p, rnp_key_handle_t key)
{
    if (key == NULL)
        return;
    (void)rnp_key_remove(key, RNP_KEY_REMOVE_PUBLIC | RNP_KEY_REMOVE_SUBKEYS);
    rnp_key_handle_destroy(key);
}

int pgp_unseal(struct pgp *p, struct pgp_unseal *u, struct error *e)
{
    PGP_QUIET;
    struct unsealing w = {.u = u, .e = e};
    uint8_t keyid[KEYID_LEN], fpr[PGP_FPR_LEN];
    rnp_key_handle_t sender = NULL;
    int result = -1;
    u->size = 0;
    u->local = p == NULL || pgp_need_secret(p, e) < 0;
    if (u->local)
        return p == NULL ? error_set(e, "OpenPGP did not start.") : -1;
    if (packet_session_key(u->pkesk, u->pkesk_len, keyid, e) < 0)
        return -1;
    ffi_clock(p->ffi, PGP_CLOCK_SLACK);
    if (sender_enter(p, &u->from, &sender, fpr, &u->local, e) < 0)
        return -1;
    w.hash = sha256_new();
    result = unseal_run(p, &w, fpr);
    sha256_end(&w.hash, u->hash);
    sender_leave(p, sender);
    return result;
}
