/* SPDX-License-Identifier: GPL-3.0-or-later */
/* receipts.h - receipts that a receiver hands to their sender itself, and the sender's answer: what
 * POST /receipt carries (P-6.8, P-6.9). */
#ifndef RESTANTE_PROTO_RECEIPTS_H
#define RESTANTE_PROTO_RECEIPTS_H

#include "base/buf.h"
#include "base/error.h"
#include "proto/entry.h"
#include "proto/limits.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct receipt { /* as its entry would stand in the DHT */
    uint8_t id[ENTRY_ID_LEN], value[HASH_LEN];
};
struct receipt_answer { /* to one receipt */
    bool taken;
    uint8_t proof[HASH_LEN]; /* receipt_proof(), when taken */
};

/* 1 to RECEIPTS_MAX of them. -1 when out's cap was hit. */
int receipts_encode(const struct receipt *r, size_t count, struct buf *out);
int receipts_decode(const uint8_t *p, size_t n, struct receipt r[RECEIPTS_MAX], size_t *count_r,
                    struct error *e);
int answers_encode(const struct receipt_answer *a, size_t count, struct buf *out);
/* Exactly count answers, in the order of the receipts. */
int answers_decode(const uint8_t *p, size_t n, struct receipt_answer *a, size_t count,
                   struct error *e);

#endif
