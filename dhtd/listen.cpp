/* SPDX-License-Identifier: GPL-3.0-or-later */
/* listen.cpp - telling peers of new values under the keys they listen to (P-8.9). */
#include "engine_private.h"

namespace
{

constexpr size_t LISTENING_MAX = 4096;
constexpr size_t TOLD_MAX = 10000;
constexpr size_t CLAIMED_MAX = 2000; /* polling finds what is beyond it */
constexpr size_t CLAIMANTS_MAX = 8;

} // namespace

/* Registers with the engine, which then sends the requests that ListenById changes. What it hears
 * itself is nothing new: what is stored here is told by accept_new() and hold(), what others hold
 * by hear().
 */
void Engine::engage(const std::shared_ptr<Listening> &l)
{
    if (l->alive)
        *l->alive = false;
    auto alive = std::make_shared<bool>(true);
    l->alive = alive;
    l->early = !connected();
    dht::ValueCallback on_values = [alive](const std::vector<Value> &, bool) { return *alive; };
    l->token =
        dht_->listen(hash_from(l->key), on_values, {}, dht::Where().valueType(policy::TYPE_ENTRY));
}

void Engine::tell(const policy::Key &key, uint64_t id, const policy::Record &r)
{
    auto it = listening_.find(key);
    if (it == listening_.end())
        return;
    auto &told = it->second->told;
    if (told.size() >= TOLD_MAX)
        told.clear();
    auto before = told.find(id);
    if (before != told.end() && before->second >= r.expiry)
        return;
    told[id] = r.expiry;
    auto value = std::make_shared<policy::Blob>(r.value, r.value + r.value_len);
    policy::Record copy = r;
    copy.value = value->data();
    later([this, key, id, copy, value] {
        auto again = listening_.find(key);
        if (again == listening_.end())
            return;
        auto heard = again->second->heard; /* a copy: they may unlisten */
        for (const auto &h : heard)
            h.second(id, copy);
    });
}

/* Nodes near the key say that they hold something new: the first is asked for it. */
void Engine::hear(const policy::Key &key, const dht::SockAddr &from, const filter::Datagram &d)
{
    auto it = listening_.find(key);
    if (it == listening_.end())
        return;
    auto &told = it->second->told;
    auto &claimed = it->second->claimed;
    for (const auto &claim : d.claims) {
        if (claim.type != policy::TYPE_ENTRY || told.count(claim.id))
            continue;
        auto known = claimed.find(claim.id);
        if (known != claimed.end()) {
            if (known->second.size() < CLAIMANTS_MAX)
                known->second.push_back(from);
        } else if (claimed.size() < CLAIMED_MAX) {
            claimed[claim.id];
            fetch_heard(key, claim.id, {from});
        }
    }
}

/* The others that have claimed it meanwhile are asked when this brings nothing. */
void Engine::fetch_heard(const policy::Key &key, uint64_t id, std::vector<dht::SockAddr> from)
{
    fetches_->start(key, id, false, std::move(from), [this, key, id](const policy::Blob *data) {
        auto copy = data ? std::make_shared<policy::Blob>(*data) : nullptr;
        later([this, key, id, copy] {
            auto it = listening_.find(key);
            if (it == listening_.end())
                return;
            auto others = it->second->claimed.extract(id);
            policy::Record r;
            if (copy && policy::parse(key, id, policy::TYPE_ENTRY, copy->data(), copy->size(), r)) {
                tell(key, id, r);
            } else if (!others.empty() && !others.mapped().empty()) {
                it->second->claimed[id];
                fetch_heard(key, id, std::move(others.mapped()));
            }
        });
    });
}

uint64_t Engine::listen(const std::string &key_text, Heard heard)
{
    policy::Key key = policy::key_of(key_text.c_str());
    auto &l = listening_[key];
    if (!l) {
        if (listening_.size() > LISTENING_MAX) {
            listening_.erase(key);
            return 0;
        }
        l = std::make_shared<Listening>();
        l->key = key;
        engage(l);
    }
    uint64_t ticket = next_ticket_++;
    l->heard[ticket] = std::move(heard);
    return ticket;
}

void Engine::unlisten(uint64_t ticket)
{
    for (auto it = listening_.begin(); it != listening_.end(); ++it) {
        if (it->second->heard.erase(ticket) == 0)
            continue;
        if (it->second->heard.empty()) {
            *it->second->alive = false;
            if (it->second->token != 0)
                dht_->cancelListen(hash_from(it->first), it->second->token);
            listening_.erase(it);
        }
        return;
    }
}
