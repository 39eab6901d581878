/* SPDX-License-Identifier: GPL-3.0-or-later */
/* search.cpp - who holds what, and whether it is true (P-9.11). */
#include "engine_private.h"
#include <algorithm>

using namespace std::chrono_literals;

namespace
{

constexpr auto PATIENCE = 30s; /* with the engine */
constexpr size_t REPLICAS = 8;
constexpr size_t SUSPECTS_MAX = 2000; /* tombstones verified in one look-up */
constexpr size_t ENOUGH = 5; /* of the closest nodes: "nothing is there" needs their answers */

} // namespace

/* Calls fn once: with what the engine says, or with false when it says nothing for too long. */
std::function<void(bool)> Engine::once(std::function<void(bool)> fn)
{
    auto shared = std::make_shared<std::function<void(bool)>>(std::move(fn));
    auto call = [this, shared](bool ok) {
        if (stopping_ || !*shared)
            return;
        later([ok, fn = std::move(*shared)] { fn(ok); });
        *shared = nullptr;
    };
    promises_.push_back({Clock::now() + PATIENCE, shared, call});
    return call;
}

/* Asks the nodes closest to f's key; finds_ gathers what they say. */
void Engine::ask(const std::shared_ptr<Find> &f, dht::Where where, std::function<void(bool)> done)
{
    auto select = dht::Select().field(dht::Value::Field::Id).field(dht::Value::Field::ValueType);
    finds_.add(f);
    auto call = once([this, f, done](bool ok) {
        finds_.remove(f);
        f->ok = ok;
        f->enough = ok && f->answers.size() >= answers_needed();
        done(ok);
    });
    dht_->query(
        hash_from(f->key),
        [](const std::vector<std::shared_ptr<dht::FieldValueIndex>> &) { return true; },
        [call](bool ok, const std::vector<std::shared_ptr<dht::Node>> &) { call(ok); },
        dht::Query(std::move(select), std::move(where)));
}

/* The engine calls a search done when nobody is left to ask, also when most never answered. In a
 * small network more than half of the nodes known to be good must have. */
size_t Engine::answers_needed() const
{
    auto a = dht_->getNodesStats(AF_INET), b = dht_->getNodesStats(AF_INET6);
    return std::min(ENOUGH, (size_t)(a.good_nodes + b.good_nodes) / 2 + 1);
}

std::shared_ptr<Find> Engine::new_find(const policy::Key &key, uint64_t want) const
{
    auto f = std::make_shared<Find>();
    f->key = key;
    f->want = want;
    if (auto *here = quota_.under(key))
        for (const auto &[id, held] : *here)
            if (want == 0 || want == id)
                (held.tomb ? f->ids[id].tomb_here : f->ids[id].entry_here) = true;
    return f;
}

/* Finds out who holds which entries and tombstones under key. */
void Engine::find(const policy::Key &key, uint64_t want, Found found)
{
    auto f = new_find(key, want);
    ask(f, want ? dht::Where().id(want) : dht::Where(), [f, found](bool) { found(f); });
}

/* The same for entries. The tombstones are asked for only when there is an entry that not all of
 * the closest nodes hold: otherwise none of these has a tombstone of it. A key through which much
 * mail went has many tombstones and few entries. */
void Engine::find_live(const policy::Key &key, Found found)
{
    auto f = new_find(key, 0);
    ask(f, dht::Where().valueType(policy::TYPE_ENTRY), [this, f, found](bool ok) {
        std::vector<uint16_t> order = f->closest(REPLICAS);
        bool everywhere = ok && !order.empty();
        for (const auto &[id, c] : f->ids) {
            if (c.entry.empty() && !c.entry_here)
                continue;
            for (uint16_t node : order)
                everywhere &= std::find(c.entry.begin(), c.entry.end(), node) != c.entry.end();
            everywhere &= !c.tomb_here;
        }
        if (everywhere || !ok)
            found(f);
        else
            ask(f, dht::Where().valueType(policy::TYPE_TOMB), [f, found](bool) { found(f); });
    });
}

/* Is the entry still shown here or by one of the nodes that a put reaches? One farther away finds
 * the tombstone by itself when it looks after what it holds; until then every look-up meets both.
 */
bool Engine::shown_near(const Find &f, uint64_t id)
{
    auto it = f.ids.find(id);
    if (it == f.ids.end())
        return false;
    if (it->second.entry_here)
        return true;
    for (uint16_t node : f.closest(REPLICAS))
        if (std::find(it->second.entry.begin(), it->second.entry.end(), node) !=
            it->second.entry.end())
            return true;
    return false;
}

/* Is the tombstone that somebody claims to have a valid one? If so it is kept here, and put again
 * where the entry is still shown. */
void Engine::check_tomb(const std::shared_ptr<Find> &f, uint64_t id, std::function<void(bool)> done)
{
    bool straggler = shown_near(*f, id);
    auto repair = [this, f, id, straggler](policy::Blob data) {
        if (straggler)
            hold(f->key, id, std::move(data), connected(), [](bool, const std::string &) {});
    };
    Value mine = held(f->key, id);
    if (mine && mine->type == policy::TYPE_TOMB) {
        repair(mine->data);
        later([done] { done(true); });
        return;
    }
    fetches_->start(f->key, id, true, f->holders(id, true),
                    [this, repair, done](const policy::Blob *data) {
                        auto copy = data ? std::make_shared<policy::Blob>(*data) : nullptr;
                        later([repair, done, copy] {
                            if (copy)
                                repair(*copy);
                            done(copy != nullptr);
                        });
                    });
}

void Engine::check_tombs(const std::shared_ptr<Find> &f, std::vector<uint64_t> suspects,
                         std::function<void(std::set<uint64_t>)> done)
{
    if (suspects.size() > SUSPECTS_MAX)
        suspects.resize(SUSPECTS_MAX);
    if (suspects.empty()) {
        done({});
        return;
    }
    auto deleted = std::make_shared<std::set<uint64_t>>();
    auto left = std::make_shared<size_t>(suspects.size());
    for (uint64_t id : suspects)
        check_tomb(f, id, [=](bool valid) {
            if (valid)
                deleted->insert(id);
            if (--*left == 0)
                done(std::move(*deleted));
        });
}

/* Is the entry really there, for which only an id was claimed? */
void Engine::check_entry(const std::shared_ptr<Find> &f, uint64_t id,
                         std::function<void(bool)> done)
{
    Value mine = held(f->key, id);
    if (mine && mine->type == policy::TYPE_ENTRY) {
        later([done] { done(true); });
        return;
    }
    fetches_->start(f->key, id, false, f->holders(id, false),
                    [this, done](const policy::Blob *data) {
                        bool there = data != nullptr;
                        later([done, there] { done(there); });
                    });
}
