/* SPDX-License-Identifier: GPL-3.0-or-later */
/* record.h - what the files of the single record types share. Only src/proto uses it; everybody
 * else includes records.h. */
#ifndef RESTANTE_PROTO_RECORD_H
#define RESTANTE_PROTO_RECORD_H

#include "proto/cbor_in.h"
#include "proto/cbor_out.h"
#include "proto/records.h"

#define BLOB_SIZE_MAX ((uint64_t)CHUNK_LEN * CHUNKS_MAX)

/* Begins a payload: array head, type, network, key, and the body map of this many fields. */
void record_begin(struct cbor_out *out, struct buf *b, const struct record_place *at,
                  const char *type, size_t fields);
/* Reads the same up to and into the body map. 0, -1 or RECORD_UNKNOWN. */
int record_open(struct cbor_in *in, const uint8_t *payload, size_t n, const struct record_place *at,
                const char *type, struct error *e);
/* The same without a limit on n: for what does not stand in the DHT. */
int record_open_large(struct cbor_in *in, const uint8_t *payload, size_t n,
                      const struct record_place *at, const char *type, struct error *e);
/* Leaves body and payload and checks the end; the error is said to be in `type`. */
int record_close(struct cbor_in *in, const char *type, struct error *e);

/* Fields that several records have; in_* make the reader fail by themselves. */
int in_address(struct cbor_in *in, char out[ADDRESS_MAX + 1]);
int in_key(struct cbor_in *in, struct span *pubkey);
int in_expiry(struct cbor_in *in, int64_t *expiry);
/* The group master's fingerprint, an optional field with this number. */
void in_master(struct cbor_in *in, uint64_t field, bool *has, uint8_t fpr[FPR_LEN]);
void out_field_text(struct cbor_out *out, uint64_t field, const char *s);
void out_field_bytes(struct cbor_out *out, uint64_t field, const void *p, size_t n);
void out_field_uint(struct cbor_out *out, uint64_t field, uint64_t v);
/* A time; a negative one makes the writer fail. */
void out_field_time(struct cbor_out *out, uint64_t field, int64_t v);

/* Is key prefix + address, or, for "ns:", that with a shard ("/" number) or lane ("#" text) behind?
 */
bool key_is(const char *key, const char *prefix, const char *address);
bool key_is_ns(const char *key, const char *address);

/* What zlib knows before it reads or writes a head (P-4.14). */
extern const char head_words[];
extern const size_t head_words_len;

#endif
