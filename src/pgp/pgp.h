/* SPDX-License-Identifier: GPL-3.0-or-later */
/* pgp.h - OpenPGP (RFC 4880/9580) by RNP: keys, small signed or encrypted records, and sealed
 * messages that stream. A struct pgp belongs to one thread at a time (RNP's objects do).
 * Everything here is synchronous: the caller runs it on a worker thread. */
#ifndef RESTANTE_PGP_PGP_H
#define RESTANTE_PGP_PGP_H

#include "base/buf.h"
#include "base/crypt.h"
#include "base/error.h"
#include "base/growing.h"
#include "proto/limits.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PGP_FPR_LEN 20 /* version 4 fingerprint */

struct pgp;

struct pgp_pub { /* somebody's public key, binary (transferable public key); not owned */
    const uint8_t *data;
    size_t len;
};

/* A fresh RNP context without keys. */
int pgp_new(struct pgp **p_r, struct error *e);
void pgp_free(struct pgp **p);

/* Makes an Ed25519 primary (sign, certify) with an X25519 subkey (encrypt) and one user id
 * "<address>" ; no passphrase, no expiry. secret_r: transferable secret key; public_r: the minimal
 * public key. Both binary. */
int pgp_generate(const char *address, struct buf *secret_r, struct buf *public_r, struct error *e);
/* Loads one's own secret key; later calls sign and decrypt with it. */
int pgp_load_secret(struct pgp *p, const uint8_t *secret, size_t len, struct error *e);
/* Fingerprint of the loaded secret key. */
void pgp_own_fpr(const struct pgp *p, uint8_t fpr_r[PGP_FPR_LEN]);
/* When the loaded key or its subkey for decryption expires, in seconds since 1970; 0: never. */
int64_t pgp_own_expiry_s(const struct pgp *p);
/* When the loaded key was made, by the clock of that computer, in seconds since 1970. */
int64_t pgp_own_created_s(const struct pgp *p);
/* The minimal public key of the loaded secret key, which must have one user id (for keys that were
 * not made by pgp_generate). */
int pgp_public(const struct pgp *p, struct buf *public_r, struct error *e);
/* The loaded secret key, all of it, binary. Wipe secret_r. */
int pgp_secret(const struct pgp *p, struct buf *secret_r, struct error *e);
/* Checks a foreign key: one primary key, self-signatures valid, not expired or revoked, can sign,
 * has a subkey that encrypts, and one of its user ids is exactly "<address>" (address may be NULL:
 * not checked). -1 and a sentence otherwise. */
int pgp_check_pub(const struct pgp_pub *pub, const char *address, uint8_t fpr_r[PGP_FPR_LEN],
                  struct error *e);
/* ASCII armor of a public or secret key, for export to other programs. */
int pgp_armor(const uint8_t *key, size_t len, struct buf *out, struct error *e);

/* Detached binary signature (type 0x00, SHA-256) by the own key. */
int pgp_sign(struct pgp *p, const void *data, size_t n, struct buf *sig_r, struct error *e);
/* 0 only if sig is exactly one valid signature of data by pub. */
int pgp_verify(const struct pgp_pub *pub, const void *data, size_t n, const uint8_t *sig,
               size_t sig_len, struct error *e);
/* Encrypts a small record to one key (no signature). It is compressed: its keys and signatures name
 * the same fingerprints and addresses again and again. */
int pgp_encrypt(const struct pgp_pub *to, const void *data, size_t n, struct buf *out,
                struct error *e);
/* The same to several keys, at least one. */
int pgp_encrypt_all(const struct pgp_pub *to, size_t count, const void *data, size_t n,
                    struct buf *out, struct error *e);
/* Decrypts with the own key; plain's cap bounds the output; integrity protection is required. -1:
 * this record can never be opened; -2: for want of memory, say, which may be better later. */
int pgp_decrypt(struct pgp *p, const void *data, size_t n, struct buf *plain, struct error *e);

/* Sealing: sign with the own key, compress if it pays, encrypt to all receivers; the session-key
 * packets are taken off the front, the rest (the encrypted-data packet alone) is the blob. */
struct pgp_seal {
    int in_fd;             /* message m, read from its current position to the end */
    struct growing *grows; /* in_fd is still being written; NULL: it is complete */
    int out_fd;            /* the blob is written here (not synced) */
    const struct pgp_pub *to;
    size_t to_count;  /* 1 .. 10,000 */
    bool ocb;         /* OCB instead of CFB with MDC: only if every receiver announces it */
    uint64_t in_size; /* size of m, or of what is there, to choose the compression */
    /* results */
    struct buf *pkesk; /* array of to_count buffers, made by the caller with a cap: one
                        session-key packet each, in the order of `to` */
    uint64_t blob_size;
    uint8_t blob_hash[HASH_LEN]; /* h: SHA-256 of the blob */
    struct buf *chunks;          /* SHA-256 of each CHUNK_LEN piece, in a row (caller's, capped) */
};
int pgp_seal(struct pgp *p, struct pgp_seal *s, struct error *e);

/* Opening: session-key packet + blob -> plaintext, whose signer must be `from`. The plaintext in
 * out_fd must not be used unless 0 is returned. */
struct pgp_unseal {
    const uint8_t *pkesk;
    size_t pkesk_len;
    int blob_fd;           /* read from its current position to the end */
    struct growing *grows; /* blob_fd is still being written; NULL: it is complete */
    int out_fd;            /* not synced */
    uint64_t max_size;     /* more plaintext than this ends it */
    struct pgp_pub from;   /* the announced signer */
    /* results */
    uint64_t size;
    uint8_t hash[HASH_LEN]; /* SHA-256 of the plaintext */
    bool local; /* after -1: this machine's fault (no room, no memory, cannot be read, the sender's
                   key of old is not good now); says nothing about the message, try again */
};
int pgp_unseal(struct pgp *p, struct pgp_unseal *u, struct error *e);

#endif
