/* SPDX-License-Identifier: GPL-3.0-or-later */
/* engine_private.h - what the files of the engine share. */
#ifndef RESTANTE_DHTD_ENGINE_PRIVATE_H
#define RESTANTE_DHTD_ENGINE_PRIVATE_H

#include "engine.h"

constexpr dht::ValueType::Id TYPE_ERASED = 0x40;
/* The engine lets a value go at its creation plus the span of its type. */
constexpr auto ENTRY_SPAN = std::chrono::seconds(policy::ENTRY_LIFE_SEEN);
constexpr auto TOMB_SPAN = std::chrono::seconds(policy::TOMB_LIFE_SEEN);

struct Engine::GetOp {
    policy::Key key{};
    std::vector<uint64_t> ids;
    size_t next = 0, busy = 0;
    std::shared_ptr<Find> find;
    std::set<uint64_t> deleted;
    Ready ready;
    Got got;
    Done done;
    bool ok = false;
};

struct Engine::Listening {
    policy::Key key{};
    size_t token = 0;
    std::shared_ptr<bool> alive;       /* of the registration with the engine */
    bool early = false;                /* registered before there was a network */
    std::map<uint64_t, Heard> heard;   /* by ticket */
    std::map<uint64_t, uint64_t> told; /* id -> expiry: told once */
    std::map<uint64_t, std::vector<dht::SockAddr>> claimed; /* being fetched: who else has it */
};

inline policy::Key key_from(const dht::InfoHash &h)
{
    policy::Key key;
    std::copy_n(h.data(), key.size(), key.begin());
    return key;
}

inline dht::InfoHash hash_from(const policy::Key &key)
{
    return dht::InfoHash(key.data(), key.size());
}

inline dht::ValueType::Id type_for(const policy::Blob &data)
{
    bool tomb = !data.empty() && data[0] == 'T';
    return (dht::ValueType::Id)(tomb ? policy::TYPE_TOMB : policy::TYPE_ENTRY);
}

inline bool parse_value(const policy::Key &key, const dht::Value &v, policy::Record &r)
{
    return policy::parse(key, v.id, v.type, v.data.data(), v.data.size(), r);
}

#endif
