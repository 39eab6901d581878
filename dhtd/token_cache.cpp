/* SPDX-License-Identifier: GPL-3.0-or-later */
/* token_cache.cpp - see token_cache.h. */
#include "token_cache.h"
#include "rewrite.h"
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
    return rewrite::datagram(
        answer,
        [](std::string_view, std::string_view name) {
            static const std::string_view known[] = {"id", "sa", "n4", "n6", "token"};
            return std::find(std::begin(known), std::end(known), name) != std::end(known);
        },
        [&](rewrite::Packer &pk, std::string_view top, std::string_view name) {
            if (!top.empty() || name != "t")
                return false;
            pk.pack(tid);
            return true;
        });
}

} // namespace

policy::Blob TokenCache::sent(const SockAddr &to, const filter::Datagram &d)
{
    auto now = Clock::now();
    if (d.kind == filter::Kind::Find) {
        auto it = answers_.find({to, d.key});
        if (it != answers_.end() && now - it->second.when < FRESH)
            return again(it->second.octets, d.tid);
    }
    if ((d.kind == filter::Kind::Find || d.kind == filter::Kind::Get) && asked_.size() < ASKED_MAX)
        asked_[{to, d.tid}] = {d.key, now};
    return {};
}

void TokenCache::received(const SockAddr &from, const filter::Datagram &d, const uint8_t *p,
                          size_t n)
{
    if (d.kind == filter::Kind::Error) { /* perhaps its tokens are others now */
        auto it = answers_.lower_bound({from, policy::Key{}});
        while (it != answers_.end() && it->first.first == from)
            it = answers_.erase(it);
        return;
    }
    auto it = d.kind == filter::Kind::Reply ? asked_.find({from, d.tid}) : asked_.end();
    if (it == asked_.end())
        return;
    Way way{from, it->second.key};
    asked_.erase(it);
    if (d.has_token && d.pages == 1 && n <= ANSWER_LEN_MAX &&
        (answers_.size() < ANSWERS_MAX || answers_.count(way)))
        answers_[way] = {policy::Blob(p, p + n), Clock::now()};
}

void TokenCache::tick(Clock::time_point now)
{
    for (auto it = asked_.begin(); it != asked_.end();)
        it = now - it->second.when > FORGET ? asked_.erase(it) : std::next(it);
    for (auto it = answers_.begin(); it != answers_.end();)
        it = now - it->second.when > FRESH ? answers_.erase(it) : std::next(it);
}
