/* SPDX-License-Identifier: GPL-3.0-or-later */
/* operations.cpp - what peers ask of the node: put, del, list, get and look (P-8.4 to P-8.8),
 * by the rules of the network (P-9.10). */
#include "engine_private.h"
#include <algorithm>

using namespace std::chrono_literals;

namespace
{

constexpr auto RECENT = 10s;      /* a get after a list needs no look-up of its own */
constexpr auto WARM = 5min;       /* the engine keeps what a search found for ten */
constexpr size_t GET_WINDOW = 48; /* values of one get under way */
const char *const FULL = "the store of this node is full";
const char *const OFFLINE = "not connected";

} // namespace

Engine::Value Engine::held(const policy::Key &key, uint64_t id) const
{
    return quota_.find({key, id}) ? dht_->getLocalById(hash_from(key), id) : Value{};
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
    quota_.drop({key, id});
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
    if (!quota_.room({key, id}, data.size(), ""))
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

void Engine::put(const std::string &key_text, const policy::Blob &value, uint64_t expiry,
                 const policy::Hash &lock, bool add, Done done)
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
        if (connected() && !add)
            put_checked(key, id, data, done);
        else if (!hold(key, id, data, connected(), done))
            done(false, held(key, id) ? FRAME_WHY_DELETED : FULL);
    });
}

void Engine::warm(const std::string &key_text)
{
    policy::Key key = policy::key_of(key_text.c_str());
    auto now = Clock::now();
    Clock::time_point &until = warm_[key];
    if (connected() && until < now) {
        until = now + WARM;
        approach(key);
    }
}

/* The nodes refuse an entry with a tombstone, but would say they took it: so look first. */
void Engine::put_checked(const policy::Key &key, uint64_t id, const policy::Blob &data, Done done)
{
    find(key, id, [=](const std::shared_ptr<Find> &f) {
        auto finish = [=](bool deleted) {
            if (deleted)
                done(false, FRAME_WHY_DELETED);
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
                 const policy::Hash &token, bool sure, Done done)
{
    policy::Key key = policy::key_of(key_text.c_str());
    uint64_t id = policy::id_of(key, policy::lock_of(token), value_hash);
    policy::Blob tomb = policy::make_tomb(policy::wall() + policy::TOMB_LIFE, token, value_hash);
    when_ready([=] {
        if (!connected())
            del_here(key, id, tomb, done);
        else if (!sure)
            del_checked(key, id, tomb, done);
        else if (!hold(key, id, tomb, true, done))
            done(false, FULL);
        else
            deletions_++;
    });
}

void Engine::del_here(const policy::Key &key, uint64_t id, const policy::Blob &tomb, Done done)
{
    if (!held(key, id))
        done(false, whole() ? FRAME_WHY_ABSENT : OFFLINE);
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
                done(false, f->ok ? FRAME_WHY_ABSENT : "the look-up did not complete");
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
    if (auto *here = quota_.under(key))
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
                listed(ids.empty() ? f->enough : f->ok, ids);
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
            const StorageQuota::Held *h = quota_.find({key, id});
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
