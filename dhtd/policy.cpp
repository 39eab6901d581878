/* SPDX-License-Identifier: GPL-3.0-or-later */
/* policy.cpp - the forms of P-9 and the rules of storing. */
#include "policy.h"
#include <cstring>
extern "C" {
#include "base/clock.h"
#include "base/crypt.h"
#include "proto/entry.h"
}

namespace policy
{
namespace
{

uint64_t get64(const uint8_t *p)
{
    uint64_t v = 0;
    for (int i = 0; i < 8; i++)
        v = v << 8 | p[i];
    return v;
}

void put64(uint8_t *p, uint64_t v)
{
    for (int i = 7; i >= 0; i--, v >>= 8)
        p[i] = (uint8_t)v;
}

} // namespace

uint64_t wall()
{
    int64_t ms = clock_wall_ms();
    return ms > 0 ? (uint64_t)ms / 1000 : 0;
}

Key key_of(const char *text)
{
    Key key;
    entry_infohash(text, key.data());
    return key;
}

Hash hash_of(const void *p, size_t n)
{
    Hash h;
    sha256(p, n, h.data());
    return h;
}

Hash lock_of(const Hash &token)
{
    Hash lock;
    entry_lock(token.data(), lock.data());
    return lock;
}

uint64_t id_of(const Key &key, const Hash &lock, const Hash &value_hash)
{
    uint8_t id[ENTRY_ID_LEN];
    entry_id(key.data(), lock.data(), value_hash.data(), id);
    return get64(id);
}

bool parse(const Key &key, uint64_t id, unsigned type, const uint8_t *p, size_t n, Record &r)
{
    r = Record{};
    if (type == TYPE_ENTRY) {
        if (n < ENTRY_HEAD || n > ENTRY_HEAD + VALUE_MAX || p[0] != 'E' || p[1] != 1)
            return false;
        memcpy(r.lock.data(), p + 10, r.lock.size());
        r.value = p + ENTRY_HEAD;
        r.value_len = n - ENTRY_HEAD;
        r.value_hash = hash_of(r.value, r.value_len);
    } else if (type == TYPE_TOMB) {
        if (n != TOMB_LEN || p[0] != 'T' || p[1] != 1)
            return false;
        Hash token;
        r.tomb = true;
        memcpy(token.data(), p + 10, token.size());
        memcpy(r.value_hash.data(), p + 42, r.value_hash.size());
        r.lock = lock_of(token);
    } else {
        return false;
    }
    r.expiry = get64(p + 2);
    return id_of(key, r.lock, r.value_hash) == id;
}

Blob make_entry(uint64_t expiry, const Hash &lock, const void *value, size_t n)
{
    Blob b(ENTRY_HEAD + n);
    b[0] = 'E';
    b[1] = 1;
    put64(&b[2], expiry);
    memcpy(&b[10], lock.data(), lock.size());
    if (n > 0)
        memcpy(&b[ENTRY_HEAD], value, n);
    return b;
}

Blob make_tomb(uint64_t expiry, const Hash &token, const Hash &value_hash)
{
    Blob b(TOMB_LEN);
    b[0] = 'T';
    b[1] = 1;
    put64(&b[2], expiry);
    memcpy(&b[10], token.data(), token.size());
    memcpy(&b[42], value_hash.data(), value_hash.size());
    return b;
}

bool fresh(const Record &r, uint64_t now)
{
    return r.expiry > now && r.expiry - now <= (r.tomb ? TOMB_LIFE_SEEN : ENTRY_LIFE_SEEN);
}

bool replaces(const Record &old, const Record &next, uint64_t now)
{
    if (!fresh(next, now) || old.lock != next.lock || old.value_hash != next.value_hash)
        return false;
    if (old.tomb)
        return next.tomb && next.expiry > old.expiry;
    return next.tomb || next.expiry > old.expiry;
}

} // namespace policy
