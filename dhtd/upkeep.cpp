/* SPDX-License-Identifier: GPL-3.0-or-later */
/* upkeep.cpp - what the node does unasked: connecting, meshing, letting go of what is over, and
 * putting again what it holds where replicas are missing (P-9.12). */
#include "engine_private.h"
#include <algorithm>

#define LOG_AREA "dht"

using dht::SockAddr;
using namespace std::chrono_literals;

namespace
{

constexpr auto SETTLE = 4s; /* requests wait so long for the first connection */
const unsigned bootstrap_gaps[] = {1, 1, 1, 1, 2, 4, 8}; /* seconds without a connection, then: */
constexpr unsigned BOOTSTRAP_GAP = 15;
constexpr auto PACE = 20ms;        /* between keys of one round */
constexpr auto PACE_VALUES = 10ms; /* between values that are put again */
constexpr unsigned REPAIRS_AT_ONCE = 4;
constexpr size_t REPLICAS = 8;
constexpr size_t SWEEP_AT_ONCE = 500;
const unsigned walk_gaps[] = {1, 2, 3, 5, 10, 20}; /* seconds, then: */
constexpr unsigned WALK_GAP = 300;

uint32_t random32()
{
    uint32_t r;
    random_bytes(&r, sizeof r);
    return r;
}

} // namespace

void Engine::set_bootstraps(std::vector<SockAddr> addresses)
{
    bootstraps_ = std::move(addresses);
    next_bootstrap_ = Clock::now();
}

/* Runs fn when there is a network, or when it is clear that there is none for now. */
void Engine::when_ready(std::function<void()> fn)
{
    bool expect = !ever_connected_ && config_.bootstraps && Clock::now() - started_ < SETTLE;
    if (connected() || !expect)
        fn();
    else
        waiting_.push_back(std::move(fn));
}

void Engine::upkeep(Clock::time_point now)
{
    bool is = connected();
    if (is && !was_connected_) {
        ever_connected_ = true;
        log_info("connected to the network");
        for (auto &l : listening_)
            if (l.second->early)
                engage(l.second);
        next_round_ = now + 2s; /* what was stored while alone */
    }
    if (!is && was_connected_) {
        log_info("not connected to the network any more");
        bootstraps_tried_ = 0;
        next_bootstrap_ = now;
    }
    was_connected_ = is;
    if (!waiting_.empty() && (is || now - started_ >= SETTLE)) {
        auto ready = std::move(waiting_);
        waiting_.clear();
        for (auto &fn : ready)
            later(std::move(fn));
    }
    if (now >= next_second_) {
        next_second_ = now + 1s;
        finds_.tick(now);
        token_cache_.tick(now);
        assembly_.tick(now);
        while (!promises_.empty() && (!*promises_.front().fn || promises_.front().due <= now)) {
            auto call = promises_.front().call;
            promises_.pop_front();
            call(false); /* does nothing when the engine has answered */
        }
        sweep();
        for (auto it = recent_.begin(); it != recent_.end();)
            it = now - it->second.when > 10s ? recent_.erase(it) : std::next(it);
        for (auto it = warm_.begin(); it != warm_.end();)
            it = it->second < now ? warm_.erase(it) : std::next(it);
        if (now >= next_round_)
            begin_round();
    }
    if (now >= next_bootstrap_)
        bootstrap();
    if (now >= next_walk_)
        walk();
    if (now >= next_repair_)
        repair_next(now);
}

/* One step of a round: a value that is missing elsewhere, or else the next key. */
void Engine::repair_next(Clock::time_point now)
{
    next_repair_ = now + (again_.empty() ? PACE : PACE_VALUES);
    if (!again_.empty()) {
        auto slot = again_.front();
        again_.pop_front();
        Value v = connected() ? held(slot.first, slot.second) : Value{};
        if (v)
            hold(slot.first, slot.second, v->data, true, [](bool, const std::string &) {});
    } else if (round_.empty()) {
        next_repair_ = repairing_ > 0 ? now + 100ms : Clock::time_point::max();
    } else if (repairing_ < REPAIRS_AT_ONCE) {
        policy::Key key = round_.back();
        round_.pop_back();
        repairing_++;
        find(key, 0, [this](const std::shared_ptr<Find> &f) {
            repairing_--;
            repair(f);
        });
    }
}

/* Somebody who puts the same bytes again moves the engine's own expiry, so the storage quota
 * decides. */
void Engine::sweep()
{
    for (const auto &slot : quota_.expired(policy::wall(), SWEEP_AT_ONCE))
        erase_here(slot.first, slot.second);
}

void Engine::bootstrap()
{
    size_t gaps = sizeof bootstrap_gaps / sizeof *bootstrap_gaps, tried = bootstraps_tried_++;
    next_bootstrap_ =
        Clock::now() + std::chrono::seconds(tried < gaps ? bootstrap_gaps[tried] : BOOTSTRAP_GAP);
    if (connected())
        return;
    for (const auto &a : bootstraps_)
        ping(a);
}

void Engine::ping(const SockAddr &address)
{
    dht_->pingNode(address, [](bool) {});
}

/* Looks up our own id and random ones in turn: small idle networks do not mesh by themselves. */
void Engine::walk()
{
    auto now = Clock::now();
    if (!connected()) {
        next_walk_ = now + 500ms;
        return;
    }
    size_t gaps = sizeof walk_gaps / sizeof *walk_gaps;
    next_walk_ = now + std::chrono::seconds(walks_ < gaps ? walk_gaps[walks_] : WALK_GAP);
    policy::Key key = key_from(dht_->getNodeId());
    if (walks_++ % 2)
        random_bytes(key.data(), key.size());
    approach(key);
}

/* A search that asks for nothing but who is near. */
void Engine::approach(const policy::Key &key)
{
    dht_->query(
        hash_from(key),
        [](const std::vector<std::shared_ptr<dht::FieldValueIndex>> &) { return true; },
        [](bool, const std::vector<std::shared_ptr<dht::Node>> &) {},
        dht::Query(dht::Select().field(dht::Value::Field::Id),
                   dht::Where().valueType(TYPE_ERASED)));
}

void Engine::begin_round()
{
    next_round_ = Clock::time_point::max();
    if (config_.republish > 0)
        next_round_ = Clock::now() + std::chrono::milliseconds((uint64_t)config_.republish *
                                                               (500 + random32() % 1000));
    if (!connected())
        return;
    again_.clear();
    round_ = quota_.keys();
    std::shuffle(round_.begin(), round_.end(), std::minstd_rand(random32()));
    next_repair_ = Clock::now();
}

/* The engine never restores lost replicas. Every holder looks which of the closest nodes lack what
 * it holds, and puts that again; when all have it, the look was all it cost. */
void Engine::repair(const std::shared_ptr<Find> &f)
{
    if (!connected() || !f->ok || f->answers.empty())
        return;
    std::vector<uint16_t> order = f->closest(REPLICAS);
    auto *here = quota_.under(f->key);
    std::vector<std::pair<uint64_t, bool>> mine;
    if (here)
        for (const auto &[id, held] : *here)
            mine.push_back({id, held.tomb});
    for (const auto &[id, tomb] : mine) {
        const Find::Claims &c = f->ids[id];
        if (!tomb && !c.tomb.empty()) {
            check_tomb(f, id, [](bool) {});
            continue;
        }
        const auto &have = tomb ? c.tomb : c.entry;
        size_t missing = 0;
        for (uint16_t node : order)
            missing += std::find(have.begin(), have.end(), node) == have.end();
        if (missing > 0)
            again_.push_back({f->key, id});
    }
}

std::vector<dht::NodeExport> Engine::nodes() const
{
    return dht_->exportNodes();
}

void Engine::each_held(
    const std::function<void(const policy::Key &, const policy::Blob &)> &fn) const
{
    for (const auto &key : quota_.keys())
        for (const auto &v : dht_->getLocal(hash_from(key)))
            if (quota_.find({key, v->id}))
                fn(key, v->data);
}

bool Engine::restore(const policy::Key &key, const policy::Blob &data)
{
    if (data.size() < policy::ENTRY_HEAD)
        return false;
    policy::Hash lock, value_hash;
    bool tomb = data[0] == 'T';
    std::copy_n(data.begin() + 10, lock.size(), lock.begin());
    if (tomb) {
        if (data.size() != policy::TOMB_LEN)
            return false;
        lock = policy::lock_of(lock);
        std::copy_n(data.begin() + 42, value_hash.size(), value_hash.begin());
    } else {
        value_hash =
            policy::hash_of(data.data() + policy::ENTRY_HEAD, data.size() - policy::ENTRY_HEAD);
    }
    uint64_t id = policy::id_of(key, lock, value_hash);
    return hold(key, id, data, false, [](bool, const std::string &) {});
}

size_t Engine::stored() const
{
    return quota_.bytes();
}

uint64_t Engine::changes() const
{
    return changes_;
}
