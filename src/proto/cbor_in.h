/* SPDX-License-Identifier: GPL-3.0-or-later */
/* cbor_in.h - strict reading of deterministic CBOR (RFC 8949 section 4.2.1, P-1.5).
 *
 * Accepted are unsigned integers, byte strings, UTF-8 text, arrays, maps, true and false: in their
 * shortest form, with definite lengths, map keys ascending and each once. Nothing is allocated and
 * nothing is copied: spans point into the input. The caller says the cap of everything it reads.
 *
 * Errors stick: after the first one every call returns -1 and yields zero or an empty span, so a
 * decoder may read a whole record and ask once, at cbor_in_end.
 *
 *     cbor_in_init(&in, p, n);
 *     cbor_in_map(&in, 4, NULL);
 *     if (cbor_in_need(&in, 1) == 0)
 *         cbor_in_uint(&in, UINT32_MAX, &size);
 *     if (cbor_in_field(&in, 2))          an optional field
 *         cbor_in_bytes(&in, 64, &name);
 *     cbor_in_leave(&in);
 *     return cbor_in_end(&in, e); */
#ifndef RESTANTE_PROTO_CBOR_IN_H
#define RESTANTE_PROTO_CBOR_IN_H

#include "base/error.h"
#include "proto/span.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CBOR_DEPTH_MAX 16 /* arrays and maps inside each other */

struct cbor_level {
    uint64_t left;   /* items still to come; a map counts keys and values */
    bool map;        /* the next item is a key when left is even */
    struct span key; /* the last key as encoded; p NULL before the first */
};

struct cbor_in {
    const uint8_t *p, *end; /* what is still to be read */
    struct cbor_level level[CBOR_DEPTH_MAX + 1];
    unsigned depth;     /* level[0] holds the one outermost item */
    const char *failed; /* static sentence of the first error, or NULL */
};

/* The input holds exactly one outermost item. p may be NULL when n is 0. */
void cbor_in_init(struct cbor_in *in, const uint8_t *p, size_t n);

/* Enters an array of at most max items, or a map of at most max pairs; count_r may be NULL. A count
 * that the remaining octets cannot hold is refused. */
int cbor_in_array(struct cbor_in *in, size_t max, size_t *count_r);
int cbor_in_map(struct cbor_in *in, size_t max, size_t *count_r);
/* Enters an array of exactly count items. */
int cbor_in_array_of(struct cbor_in *in, size_t count);
/* Leaves the innermost array or map; -1 when items are left in it. */
int cbor_in_leave(struct cbor_in *in);

/* In a map with unsigned keys: is the next key this one? If so it is consumed. Not an error when
 * not; asking for a value where a key stands is one. */
bool cbor_in_field(struct cbor_in *in, uint64_t key);
/* The same for a field that must be there: -1 when it is not next. */
int cbor_in_need(struct cbor_in *in, uint64_t key);

/* An unsigned integer of at most max. */
int cbor_in_uint(struct cbor_in *in, uint64_t max, uint64_t *v_r);
/* A byte string of at most max octets; or of exactly n, copied to out. */
int cbor_in_bytes(struct cbor_in *in, size_t max, struct span *s_r);
int cbor_in_bytes_of(struct cbor_in *in, uint8_t *out, size_t n);
/* Text of at most max octets: valid UTF-8 without NUL. cbor_in_str copies it with a NUL behind it
 * into out, which holds size octets. */
int cbor_in_text(struct cbor_in *in, size_t max, struct span *s_r);
int cbor_in_str(struct cbor_in *in, char *out, size_t size);
int cbor_in_bool(struct cbor_in *in, bool *v_r);

/* Makes the reader fail with this static sentence, for what a decoder finds wrong in a value;
 * returns -1. An earlier error stays. */
int cbor_in_fail(struct cbor_in *in, const char *why);
/* 0 when nothing failed and the input was consumed to its last octet; else -1 and e. */
int cbor_in_end(struct cbor_in *in, struct error *e);

/* Is this valid UTF-8 (RFC 3629: shortest form, no surrogates)? NUL is valid here. */
bool utf8_valid(const uint8_t *p, size_t n);

#endif
