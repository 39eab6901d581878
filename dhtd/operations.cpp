/* SPDX-License-Identifier: GPL-3.0-or-later */
/* operations.cpp - what peers ask of the node: put, del, list, get, look, listen (P-8.4 to P-8.9),
 * by the rules of the network (P-9.10, P-9.11). */
#include "engine_private.h"
#include <algorithm>

using dht::InfoHash;
using namespace std::chrono_literals;

namespace
{

constexpr auto RECENT = 10s;   /* a get after a list needs no look-up of its own */
constexpr auto PATIENCE = 30s; /* with the engine */
constexpr size_t REPLICAS = 8;
constexpr size_t GET_WINDOW = 48;     /* values of one get under way */
constexpr size_t SUSPECTS_MAX = 2000; /* tombstones verified in one look-up */
constexpr size_t LISTENING_MAX = 4096;
constexpr size_t TOLD_MAX = 10000;
const char *const FULL = "the store of this node is full";
const char *const OFFLINE = "not connected";

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
        done(ok);
    });
    dht_->query(
        hash_from(f->key),
        [](const std::vector<std::shared_ptr<dht::FieldValueIndex>> &) { return true; },
        [call](bool ok, const std::vector<std::shared_ptr<dht::Node>> &) { call(ok); },
        dht::Query(std::move(select), std::move(where)));
}

std::shared_ptr<Find> Engine::new_find(const policy::Key &key, uint64_t want) const
{
    auto f = std::make_shared<Find>();
    f->key = key;
    f->want = want;
    if (auto *here = ledger_.under(key))
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

Engine::Value Engine::held(const policy::Key &key, uint64_t id) const
{
    return ledger_.find({key, id}) ? dht_->getLocalById(hash_from(key), id) : Value{};
}

/* The engine's import is the only way to store here without telling others. */
void Engine::store_here(const policy::Key &key, const dht::Value &v, Clock::time_point created)
{
    msgpack::sbuffer b;
    msgpack::packer<msgpack::sbuffer> pk(&b);
    pk.pack_array(1);
    pk.pack_array(2);
    pk.pack(created.time_since_epoch().count());
    v.msgpack_pack(pk);
    dht_->importValues({{hash_from(key), dht::Blob(b.data(), b.data() + b.size())}});
}

void Engine::erase_here(const policy::Key &key, uint64_t id)
{
    ledger_.drop({key, id});
    changes_++;
    store_here(key, dht::Value(TYPE_ERASED, dht::Blob{}, id), Clock::now());
}

/* Stores here, by the rules, and tells the network when announce. False: not stored. done comes
 * from the network's answer, or at once when not announced. */
bool Engine::hold(const policy::Key &key, uint64_t id, policy::Blob data, bool announce, Done done)
{
    policy::Record r, before;
    uint64_t now = policy::wall();
    if (!policy::parse(key, id, type_for(data), data.data(), data.size(), r) ||
        !policy::fresh(r, now))
        return false;
    Value old = held(key, id);
    if (old && parse_value(key, *old, before) && !policy::replaces(before, r, now)) {
        if (before.tomb && !r.tomb)
            return false;
        data = old->data; /* what is here lives at least as long */
        policy::parse(key, id, old->type, data.data(), data.size(), r);
    }
    if (!ledger_.room({key, id}, data.size(), ""))
        return false;
    keep(key, id, r, data.size(), "");
    if (!r.tomb)
        tell(key, id, r);
    auto left = std::chrono::seconds((int64_t)(r.expiry - now));
    auto created = Clock::now() + left - (r.tomb ? TOMB_SPAN : ENTRY_SPAN);
    dht::ValueType::Id type = type_for(data);
    auto value = std::make_shared<dht::Value>(type, std::move(data), id);
    if (!announce) {
        store_here(key, *value, created);
        later([done] { done(true, ""); });
        return true;
    }
    auto call = once([this, done](bool ok) { done(ok || !connected(), "no other node took it"); });
    dht_->put(
        hash_from(key), value,
        [call](bool ok, const std::vector<std::shared_ptr<dht::Node>> &) { call(ok); }, created);
    return true;
}

/* Is the tombstone that somebody claims to have a valid one? If so it is kept here, and put again
 * where the entry is still shown. */
void Engine::check_tomb(const std::shared_ptr<Find> &f, uint64_t id, std::function<void(bool)> done)
{
    auto it = f->ids.find(id);
    bool straggler = it != f->ids.end() && (!it->second.entry.empty() || it->second.entry_here);
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

void Engine::put(const std::string &key_text, const policy::Blob &value, uint64_t expiry,
                 const policy::Hash &lock, Done done)
{
    uint64_t now = policy::wall();
    if (value.size() > policy::VALUE_MAX || expiry <= now || expiry - now > policy::ENTRY_LIFE) {
        done(false, expiry <= now ? "the expiry is over" : "too large or for too long");
        return;
    }
    policy::Key key = policy::key_of(key_text.c_str());
    uint64_t id = policy::id_of(key, lock, policy::hash_of(value.data(), value.size()));
    policy::Blob data = policy::make_entry(expiry, lock, value.data(), value.size());
    when_ready([=] {
        if (connected())
            put_checked(key, id, data, done);
        else if (!hold(key, id, data, false, done))
            done(false, held(key, id) ? "deleted" : FULL);
    });
}

/* The nodes refuse an entry with a tombstone, but would say they took it: so look first. */
void Engine::put_checked(const policy::Key &key, uint64_t id, const policy::Blob &data, Done done)
{
    find(key, id, [=](const std::shared_ptr<Find> &f) {
        auto finish = [=](bool deleted) {
            if (deleted)
                done(false, "deleted");
            else if (!hold(key, id, data, connected(), done))
                done(false, FULL);
        };
        auto it = f->ids.find(id);
        if (it != f->ids.end() && (it->second.tomb_here || !it->second.tomb.empty()))
            check_tomb(f, id, finish);
        else
            finish(false);
    });
}

void Engine::del(const std::string &key_text, const policy::Hash &value_hash,
                 const policy::Hash &token, Done done)
{
    policy::Key key = policy::key_of(key_text.c_str());
    uint64_t id = policy::id_of(key, policy::lock_of(token), value_hash);
    policy::Blob tomb = policy::make_tomb(policy::wall() + policy::TOMB_LIFE, token, value_hash);
    when_ready([=] {
        if (connected())
            del_checked(key, id, tomb, done);
        else
            del_here(key, id, tomb, done);
    });
}

void Engine::del_here(const policy::Key &key, uint64_t id, const policy::Blob &tomb, Done done)
{
    if (!held(key, id))
        done(false, whole() ? "absent" : OFFLINE);
    else if (!hold(key, id, tomb, false, done))
        done(false, FULL);
}

/* The engine acknowledges refused edits too, so find out first whether there is what this token
 * deletes: the id binds it. */
void Engine::del_checked(const policy::Key &key, uint64_t id, const policy::Blob &tomb, Done done)
{
    find(key, id, [=](const std::shared_ptr<Find> &f) {
        auto delete_it = [=](bool there) {
            if (!there)
                done(false, f->ok ? "absent" : "the look-up did not complete");
            else if (!hold(key, id, tomb, connected(), done))
                done(false, FULL);
            else
                deletions_++;
        };
        auto it = f->ids.find(id);
        if (it == f->ids.end())
            delete_it(false);
        else if (it->second.tomb_here || !it->second.tomb.empty())
            check_tomb(f, id, [=](bool deleted) {
                if (deleted)
                    done(true, "");
                else
                    check_entry(f, id, delete_it);
            });
        else
            check_entry(f, id, delete_it);
    });
}

void Engine::listed_here(const policy::Key &key, Listed listed)
{
    std::vector<uint64_t> ids;
    if (auto *here = ledger_.under(key))
        for (const auto &[id, held] : *here)
            if (!held.tomb)
                ids.push_back(id);
    listed(whole(), ids);
}

void Engine::list(const std::string &key_text, Listed listed)
{
    policy::Key key = policy::key_of(key_text.c_str());
    when_ready([=] {
        if (!connected()) {
            listed_here(key, listed);
            return;
        }
        find_live(key, [=](const std::shared_ptr<Find> &f) {
            std::vector<uint64_t> suspects;
            for (const auto &[id, c] : f->ids)
                if ((c.entry_here || !c.entry.empty()) && (c.tomb_here || !c.tomb.empty()))
                    suspects.push_back(id);
            check_tombs(f, std::move(suspects), [=](std::set<uint64_t> deleted) {
                std::vector<uint64_t> ids;
                for (const auto &[id, c] : f->ids)
                    if ((c.entry_here || !c.entry.empty()) && !deleted.count(id))
                        ids.push_back(id);
                recent_[key] = {Clock::now(), f, deleted};
                listed(f->ok, ids);
            });
        });
    });
}

void Engine::get(const std::string &key_text, std::vector<uint64_t> ids, Ready ready, Got got,
                 Done done)
{
    auto op = std::make_shared<GetOp>();
    op->key = policy::key_of(key_text.c_str());
    op->ids = std::move(ids);
    op->ready = std::move(ready);
    op->got = std::move(got);
    op->done = std::move(done);
    when_ready([=] { start_get(op); });
}

void Engine::start_get(const std::shared_ptr<GetOp> &op)
{
    if (!connected()) {
        op->find = std::make_shared<Find>();
        op->ok = whole();
        pump(op);
        return;
    }
    auto recent = recent_.find(op->key);
    if (recent != recent_.end() && Clock::now() - recent->second.when < RECENT) {
        op->find = recent->second.find;
        op->deleted = recent->second.deleted;
        op->ok = op->find->ok;
        pump(op);
        return;
    }
    auto found = [=](const std::shared_ptr<Find> &f) {
        std::vector<uint64_t> suspects;
        for (uint64_t id : op->ids) {
            auto it = f->ids.find(id);
            if (it != f->ids.end() && (it->second.tomb_here || !it->second.tomb.empty()))
                suspects.push_back(id);
        }
        op->find = f;
        op->ok = f->ok;
        check_tombs(f, std::move(suspects), [=](std::set<uint64_t> deleted) {
            op->deleted = std::move(deleted);
            pump(op);
        });
    };
    if (op->ids.size() == 1)
        find(op->key, op->ids[0], found);
    else
        find_live(op->key, found);
}

void Engine::pump(const std::shared_ptr<GetOp> &op)
{
    while (op->busy < GET_WINDOW && op->next < op->ids.size()) {
        Pace pace = op->ready();
        if (pace == Pace::Wait) {
            if (op->busy == 0)
                paused_.push_back(op);
            return;
        }
        if (pace == Pace::Stop) {
            op->next = op->ids.size();
            break;
        }
        get_one(op, op->ids[op->next++]);
    }
    if (op->busy == 0 && op->next == op->ids.size()) {
        op->next++; /* done() once */
        op->done(op->ok, op->ok ? "" : OFFLINE);
    }
}

void Engine::get_one(const std::shared_ptr<GetOp> &op, uint64_t id)
{
    if (op->deleted.count(id))
        return;
    policy::Record r;
    if (Value mine = held(op->key, id)) {
        if (parse_value(op->key, *mine, r) && !r.tomb && policy::fresh(r, policy::wall()))
            op->got(id, r);
        return;
    }
    auto holders = op->find->holders(id, false);
    if (holders.empty())
        return;
    op->busy++;
    fetches_->start(op->key, id, false, std::move(holders), [=](const policy::Blob *data) {
        auto copy = data ? std::make_shared<policy::Blob>(*data) : nullptr;
        later([=] {
            policy::Record got;
            if (copy &&
                policy::parse(op->key, id, policy::TYPE_ENTRY, copy->data(), copy->size(), got))
                op->got(id, got);
            op->busy--;
            pump(op);
        });
    });
}

void Engine::look(const std::string &key_text, uint64_t id, Looked looked)
{
    policy::Key key = policy::key_of(key_text.c_str());
    when_ready([=] {
        if (!connected()) {
            const Ledger::Held *h = ledger_.find({key, id});
            looked(whole() || h, !h ? FRAME_ABSENT : h->tomb ? FRAME_DELETED : FRAME_PRESENT);
            return;
        }
        find(key, id, [=](const std::shared_ptr<Find> &f) {
            auto entry = [=](bool there) { looked(f->ok, there ? FRAME_PRESENT : FRAME_ABSENT); };
            auto it = f->ids.find(id);
            if (it == f->ids.end())
                entry(false);
            else if (it->second.tomb_here || !it->second.tomb.empty())
                check_tomb(f, id, [=](bool deleted) {
                    if (deleted)
                        looked(true, FRAME_DELETED);
                    else
                        check_entry(f, id, entry);
                });
            else
                check_entry(f, id, entry);
        });
    });
}

/* Registers with the engine. Its local half does not work without IPv6, so what is stored here is
 * told by accept_new() and hold(). */
void Engine::engage(const std::shared_ptr<Listening> &l)
{
    if (l->alive)
        *l->alive = false;
    auto alive = std::make_shared<bool>(true);
    l->alive = alive;
    l->early = !connected();
    policy::Key key = l->key;
    dht::ValueCallback on_values = [this, key, alive](const std::vector<Value> &values,
                                                      bool expired) {
        if (stopping_ || !*alive)
            return false;
        for (const auto &v : values) {
            policy::Record r;
            if (!expired && parse_value(key, *v, r) && !r.tomb && policy::fresh(r, policy::wall()))
                tell(key, v->id, r);
        }
        return true;
    };
    l->token =
        dht_->listen(hash_from(key), on_values, {}, dht::Where().valueType(policy::TYPE_ENTRY));
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
