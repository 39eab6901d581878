/* SPDX-License-Identifier: GPL-3.0-or-later */
/* neighbours.cpp - see neighbours.h. */
#include "neighbours.h"
#include <algorithm>
#include <string_view>

using dht::SockAddr;
using namespace std::chrono_literals;

namespace
{

constexpr auto FRESH = 5min; /* tokens are good for 15 at least; the engine trusts them for ten */
constexpr auto FORGET = 15s; /* the engine asks three times within three seconds */
constexpr size_t ANSWERS_MAX = 4096, ASKED_MAX = 16384;
constexpr size_t ANSWER_LEN_MAX = 1200; /* nodes of both families and some ids */

/* The answer once more, to the question tid: who it is and who is near, without what it holds. */
policy::Blob again(const policy::Blob &answer, uint32_t tid)
{
    static const std::string_view names[] = {"id", "sa", "n4", "n6", "token"};
    auto known = [](const msgpack::object &key) {
        std::string_view name(key.via.str.ptr, key.via.str.size);
        return std::find(std::begin(names), std::end(names), name) != std::end(names);
    };
    auto handle = msgpack::unpack((const char *)answer.data(), answer.size());
    const auto &all = handle.get().via.map;
    msgpack::sbuffer b;
    msgpack::packer<msgpack::sbuffer> pk(&b);
    pk.pack_map(all.size);
    for (uint32_t i = 0; i < all.size; i++) {
        std::string_view name(all.ptr[i].key.via.str.ptr, all.ptr[i].key.via.str.size);
        const msgpack::object &value = all.ptr[i].val;
        pk.pack(all.ptr[i].key);
        if (name == "t") {
            pk.pack(tid);
        } else if (name == "r") {
            const auto &r = value.via.map;
            pk.pack_map((uint32_t)std::count_if(r.ptr, r.ptr + r.size,
                                                [&](const auto &kv) { return known(kv.key); }));
            for (uint32_t j = 0; j < r.size; j++)
                if (known(r.ptr[j].key)) {
                    pk.pack(r.ptr[j].key);
                    pk.pack(r.ptr[j].val);
                }
        } else {
            pk.pack(value);
        }
    }
    return policy::Blob(b.data(), b.data() + b.size());
}

} // namespace

policy::Blob Neighbours::sent(const SockAddr &to, const gate::Datagram &d)
{
    auto now = Clock::now();
    if (d.kind == gate::Kind::Find) {
        auto it = answers_.find({to, d.key});
        if (it != answers_.end() && now - it->second.when < FRESH)
            return again(it->second.octets, d.tid);
    }
    if ((d.kind == gate::Kind::Find || d.kind == gate::Kind::Get) && asked_.size() < ASKED_MAX)
        asked_[{to, d.tid}] = {d.key, now};
    return {};
}

void Neighbours::received(const SockAddr &from, const gate::Datagram &d, const uint8_t *p, size_t n)
{
    if (d.kind == gate::Kind::Error) { /* perhaps its tokens are others now */
        auto it = answers_.lower_bound({from, policy::Key{}});
        while (it != answers_.end() && it->first.first == from)
            it = answers_.erase(it);
        return;
    }
    auto it = d.kind == gate::Kind::Reply ? asked_.find({from, d.tid}) : asked_.end();
    if (it == asked_.end())
        return;
    Way way{from, it->second.key};
    asked_.erase(it);
    if (d.has_token && d.pages == 1 && n <= ANSWER_LEN_MAX &&
        (answers_.size() < ANSWERS_MAX || answers_.count(way)))
        answers_[way] = {policy::Blob(p, p + n), Clock::now()};
}

void Neighbours::tick(Clock::time_point now)
{
    for (auto it = asked_.begin(); it != asked_.end();)
        it = now - it->second.when > FORGET ? asked_.erase(it) : std::next(it);
    for (auto it = answers_.begin(); it != answers_.end();)
        it = now - it->second.when > FRESH ? answers_.erase(it) : std::next(it);
}
