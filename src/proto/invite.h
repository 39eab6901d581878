/* SPDX-License-Identifier: GPL-3.0-or-later */
/* invite.h - the line that a person gives to another one to be written to (P-15.1), and the proof
 * by which the first mail shows that its signer was given it (P-15.3). No I/O. */
#ifndef RESTANTE_PROTO_INVITE_H
#define RESTANTE_PROTO_INVITE_H

#include "base/buf.h"
#include "base/error.h"
#include "proto/address.h"
#include "proto/records.h"

#define INVITE_PREFIX "restante:"
#define INVITE_ID_LEN 8
#define INVITE_ID_HEX (2 * INVITE_ID_LEN)
#define INVITE_SECRET_LEN 16

struct invite {
    uint32_t network;
    char address[ADDRESS_MAX + 1]; /* who invites, and the key it has */
    uint8_t fpr[FPR_LEN];
    uint8_t id[INVITE_ID_LEN];
    uint8_t secret[INVITE_SECRET_LEN];
    int64_t expiry_s;
    bool group; /* into the inviter's group, whose master it is */
    char node[INVITE_NODES_MAX][INVITE_NODE_MAX + 1]; /* "host:port" of nodes of the DHT */
    size_t nodes;
};

/* The line, without a line end, into out (of at most INVITE_LINE_MAX octets). -1: something in it
 * may not be written, or out is full. */
int invite_format(const struct invite *v, struct buf *out);
/* Reads a line: white space around and inside it does not count, as mail programs break it. -1 and
 * a sentence that says what is wrong with the line. Does not look at clock, network or addresses of
 * this peer. The secret is the caller's to wipe. */
int invite_parse(const char *text, size_t n, struct invite *v_r, struct error *e);
/* Is this "host:port", the host a name or an address as in P-2.6 (IPv6 in brackets)? */
bool invite_node_ok(const char *text);

/* Who proves to have been given an invite, and to whom. */
struct invite_claim {
    uint32_t network;
    const uint8_t *inviter_fpr; /* FPR_LEN octets */
    const uint8_t *fpr;         /* of the key that signs the first mail */
    const char *address;        /* and its address */
    uint8_t id[INVITE_ID_LEN];
    uint8_t proof[HASH_LEN];
};
/* The proof by this secret; of c everything but the proof is read. */
void invite_prove(const struct invite_claim *c, const uint8_t secret[INVITE_SECRET_LEN],
                  uint8_t proof_r[HASH_LEN]);

/* The header field of the first mail. */
#define INVITE_FIELD "Restante-Invite"
#define INVITE_FIELD_LEN (2 + INVITE_ID_HEX + 1 + HASH_HEX)
void invite_field(const struct invite_claim *c, char out[INVITE_FIELD_LEN + 1]);
/* Reads its value: fills id and proof. -1: it is none of this version. */
int invite_field_parse(const char *value, size_t n, struct invite_claim *c);

#endif
