/* SPDX-License-Identifier: GPL-3.0-or-later */
/* internal.h - what the files of this part share: the context, small wrappers around RNP's objects,
 * and the import of a foreign key. Nothing outside src/pgp includes it. */
#ifndef RESTANTE_PGP_INTERNAL_H
#define RESTANTE_PGP_INTERNAL_H

#include "base/buf.h"
#include "base/error.h"
#include "pgp/packet.h"
#include "pgp/pgp.h"
#include <rnp/rnp.h>
#include <rnp/rnp_err.h>

/* A key or signature made up to this many seconds in our future is accepted: clocks differ. The
 * same slack as for sequence numbers; freshness is the business of the records' own expiry. */
#define PGP_CLOCK_SLACK 86400

#define PGP_HASH "SHA256"
#define PGP_CIPHER "AES256"
#define PGP_AEAD_BITS 12 /* OCB chunks of 2^(12+6) octets */

struct pgp {
    rnp_ffi_t ffi;            /* own keys; a sender's key only while its message is opened */
    rnp_key_handle_t primary; /* own, NULL until pgp_load_secret() */
    uint8_t fpr[PGP_FPR_LEN];
    uint32_t created; /* of the primary key, seconds since 1970 */
    struct buf pub;   /* own public key, all of it */
};

/* RNP writes remarks about bad input to stderr, whatever its settings. This declares, for the rest
 * of the enclosing block, that what this thread writes to stderr is dropped. */
#define PGP_QUIET __attribute__((cleanup(pgp_quiet_end), unused)) int quiet_ = pgp_quiet_begin()
int pgp_quiet_begin(void);
void pgp_quiet_end(int *unused);

/* error_set() with RNP's own words; returns -1. */
int rnp_fail(struct error *e, const char *what, rnp_result_t r);
/* An RNP context without keys, whose clock runs PGP_CLOCK_SLACK ahead, and which never asks for a
 * passphrase. */
int ffi_new(rnp_ffi_t *ffi_r, struct error *e);
/* Sets the context's clock anew; RNP would keep the time it was given once. */
void ffi_clock(rnp_ffi_t ffi, int64_t ahead);
/* Wall clock in seconds, and the time to put on a signature: never before the own key was made. */
uint32_t pgp_now(void);
uint32_t pgp_sign_time(const struct pgp *p);
/* Needs a loaded secret key. */
int pgp_need_secret(const struct pgp *p, struct error *e);

int key_fpr(rnp_key_handle_t key, uint8_t fpr_r[PGP_FPR_LEN]);
/* Writes key (primary with subkeys, or the minimal public form) into out. */
enum key_form { KEY_FORM_MINIMAL, KEY_FORM_PUBLIC, KEY_FORM_SECRET };
int key_export(rnp_key_handle_t key, enum key_form form, struct buf *out, struct error *e);
/* Scans, imports and checks a foreign key (all but its user ids). *primary_r belongs to ffi's
 * lifetime and is destroyed by the caller; fpr_r may be NULL. */
int key_import(rnp_ffi_t ffi, const struct pgp_pub *pub, rnp_key_handle_t *primary_r,
               uint8_t fpr_r[PGP_FPR_LEN], struct error *e);
/* The subkey of a checked key to encrypt to. */
int key_encryption_subkey(rnp_key_handle_t primary, rnp_key_handle_t *sub_r, struct error *e);

/* A foreign key as key_import() takes it, kept by this thread for the next time. */
struct known_key {
    rnp_ffi_t ffi;                 /* holds this key alone; its clock runs PGP_CLOCK_SLACK ahead */
    rnp_key_handle_t primary, sub; /* sub: the one to encrypt to */
    uint8_t fpr[PGP_FPR_LEN], keyid[KEYID_LEN]; /* keyid: of sub */
    uint8_t *octets;
    size_t len;
    int64_t read_ms; /* on the monotonic clock */
    unsigned users;
    bool kept;
};
/* The key with exactly these octets, or NULL with e. Given back by the same thread. */
struct known_key *known_take(const struct pgp_pub *pub, struct error *e);
void known_give(struct known_key *k); /* may be NULL */

/* Moves what an RNP memory output holds to out, wiping RNP's copy. */
int output_take(rnp_output_t mem, struct buf *out, struct error *e);

/* How to compress what fd holds from its position on; size octets are to come. Level 0: not. */
int compress_level(int fd, uint64_t size);

/* Whether op met exactly one signature, valid and made by the primary key with this fingerprint. */
int op_verdict(rnp_op_verify_t op, const uint8_t fpr[PGP_FPR_LEN], struct error *e);
/* Whether the integrity of what op decrypted was protected and held. */
int op_integrity(rnp_op_verify_t op, struct error *e);

#endif
