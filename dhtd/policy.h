/* SPDX-License-Identifier: GPL-3.0-or-later */
/* policy.h - entries and tombstones as they stand in the DHT (P-9.1 to P-9.3), and which of them a
 * node stores (P-9.4 to P-9.8). Everything here is decided from the bytes and the time alone. */
#ifndef RESTANTE_DHTD_POLICY_H
#define RESTANTE_DHTD_POLICY_H

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace policy
{

using Key = std::array<uint8_t, 20>;
using Hash = std::array<uint8_t, 32>;
using Blob = std::vector<uint8_t>;

/* The engine's value types: small numbers, as ids travel together with their types. */
constexpr unsigned TYPE_ENTRY = 0x20, TYPE_TOMB = 0x21;
constexpr uint64_t WEEK = 7 * 86400, SLACK = 3600;
constexpr uint64_t ENTRY_LIFE = WEEK - SLACK; /* the longest a putter may ask for */
constexpr uint64_t ENTRY_LIFE_SEEN = WEEK;    /* the longest a storing node accepts */
constexpr uint64_t TOMB_LIFE = WEEK + SLACK;  /* outlives every entry it can meet */
constexpr uint64_t TOMB_LIFE_SEEN = WEEK + 2 * SLACK;
constexpr size_t VALUE_MAX = 16 * 1024;
constexpr size_t ENTRY_HEAD = 2 + 8 + 32, TOMB_LEN = 2 + 8 + 32 + 32;

struct Record { /* what an entry or a tombstone says; value points into the input */
    bool tomb;
    uint64_t expiry; /* seconds since 1970 */
    Hash lock;       /* of an entry; of a tombstone, computed from its token */
    Hash value_hash;
    const uint8_t *value;
    size_t value_len;
};

uint64_t wall(); /* seconds since 1970 */
Key key_of(const char *text);
Hash hash_of(const void *p, size_t n);
Hash lock_of(const Hash &token);
uint64_t id_of(const Key &key, const Hash &lock, const Hash &value_hash);

/* Reads a stored value. False unless its form is exact and its id is the one that key, lock and
 * value bind. */
bool parse(const Key &key, uint64_t id, unsigned type, const uint8_t *p, size_t n, Record &r);
Blob make_entry(uint64_t expiry, const Hash &lock, const void *value, size_t n);
Blob make_tomb(uint64_t expiry, const Hash &token, const Hash &value_hash);

/* May a node store this at the time now? */
bool fresh(const Record &r, uint64_t now);
/* May next take the place of old, which has the same key and id? Both were parsed. A tombstone
 * replaces the entry whose whole lock and value hash it has, and a tombstone that ends earlier; an
 * entry only prolongs itself. */
bool replaces(const Record &old, const Record &next, uint64_t now);

} // namespace policy

#endif
