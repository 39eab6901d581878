/* SPDX-License-Identifier: GPL-3.0-or-later */
/* lookup.cpp - see lookup.h. */
#include "lookup.h"
#include <algorithm>

using dht::SockAddr;
using namespace std::chrono_literals;

namespace
{

constexpr auto FORGET = 15s;        /* the engine asks three times within three seconds */
constexpr auto PATIENCE = 1s;       /* without a datagram of a transfer */
constexpr size_t WINDOW = 48;       /* transfers under way */
constexpr size_t ATTEMPTS_MAX = 10; /* questions for one value */
constexpr size_t ANSWERS_MAX = 64;  /* nodes heard in one look-up */
constexpr size_t IDS_MAX = 100000;  /* ids gathered in one look-up */
constexpr uint32_t PACKED_MAX = policy::ENTRY_HEAD + policy::VALUE_MAX + 128;

policy::Blob question(const policy::Key &node, const policy::Key &key, uint64_t id, uint32_t tid,
                      uint32_t network)
{
    msgpack::sbuffer b;
    msgpack::packer<msgpack::sbuffer> pk(&b);
    auto bin = [&pk](const policy::Key &k) {
        pk.pack_bin((uint32_t)k.size());
        pk.pack_bin_body((const char *)k.data(), (uint32_t)k.size());
    };
    pk.pack_map(network ? 6 : 5);
    pk.pack("a");
    pk.pack_map(3);
    pk.pack("id");
    bin(node);
    pk.pack("h");
    bin(key);
    pk.pack("q");
    pk.pack_map(2);
    pk.pack("s");
    pk.pack_array(0);
    pk.pack("w");
    pk.pack_array(1);
    pk.pack_map(2);
    pk.pack("f");
    pk.pack(1);
    pk.pack("v");
    pk.pack(id);
    pk.pack("q");
    pk.pack("get");
    pk.pack("t");
    pk.pack(tid);
    pk.pack("y");
    pk.pack("q");
    pk.pack("v");
    pk.pack("RNG1");
    if (network) {
        pk.pack("n");
        pk.pack(network);
    }
    return policy::Blob(b.data(), b.data() + b.size());
}

} // namespace

std::vector<uint16_t> Find::closest(size_t n) const
{
    std::vector<uint16_t> order(answers.size());
    for (size_t i = 0; i < order.size(); i++)
        order[i] = (uint16_t)i;
    std::sort(order.begin(), order.end(), [this](uint16_t a, uint16_t b) {
        const policy::Key &x = answers[a].node, &y = answers[b].node;
        for (size_t i = 0; i < key.size(); i++)
            if (x[i] != y[i])
                return (x[i] ^ key[i]) < (y[i] ^ key[i]);
        return false;
    });
    order.resize(std::min(order.size(), n));
    return order;
}

std::vector<SockAddr> Find::holders(uint64_t id, bool tomb) const
{
    std::vector<SockAddr> all;
    auto it = ids.find(id);
    if (it != ids.end())
        for (uint16_t i : tomb ? it->second.tomb : it->second.entry)
            all.push_back(answers[i].address);
    return all;
}

void Finds::add(const std::shared_ptr<Find> &find)
{
    active_.emplace(find->key, find);
}

void Finds::remove(const std::shared_ptr<Find> &find)
{
    auto [from, to] = active_.equal_range(find->key);
    for (auto it = from; it != to; ++it)
        if (it->second == find) {
            active_.erase(it);
            return;
        }
}

void Finds::sent(const SockAddr &to, const filter::Datagram &d)
{
    if (d.kind != filter::Kind::Get || !d.selects_types)
        return;
    if (active_.find(d.key) == active_.end())
        return;
    Asked &asked = asked_[{to, d.tid}]; /* perhaps asked again, with some pages there already */
    asked.key = d.key;
    asked.id = d.names_id ? d.wanted_id : 0;
    asked.when = Clock::now();
}

void Finds::note(Find &find, const Asked &asked, const SockAddr &from, const filter::Datagram &d)
{
    if (asked.id != 0 && asked.id != find.want)
        return;
    size_t index = 0;
    while (index < find.answers.size() && find.answers[index].node != d.sender)
        index++;
    if (index >= ANSWERS_MAX)
        return;
    if (index == find.answers.size())
        find.answers.push_back({d.sender, from});
    for (const auto &claim : d.claims) {
        bool tomb = claim.type == policy::TYPE_TOMB;
        if ((find.want != 0 && claim.id != find.want) ||
            (!tomb && claim.type != policy::TYPE_ENTRY))
            continue;
        auto it = find.ids.find(claim.id);
        if (it == find.ids.end()) {
            if (find.ids.size() >= IDS_MAX)
                return;
            it = find.ids.emplace(claim.id, Find::Claims{}).first;
        }
        auto &list = tomb ? it->second.tomb : it->second.entry;
        if (std::find(list.begin(), list.end(), index) == list.end())
            list.push_back((uint16_t)index);
    }
}

/* Is this the answer's only page, or the one that completes it? */
bool Finds::complete(Asked &asked, const filter::Datagram &d, const uint8_t *data, size_t n)
{
    if (d.pages == 1)
        return true;
    if (asked.pages.size() != d.pages) {
        asked.pages.assign(d.pages, false);
        asked.missing = d.pages;
        asked.last.clear();
    }
    if (!asked.pages[d.page])
        asked.missing--;
    asked.pages[d.page] = true;
    if (d.page + 1 == d.pages)
        asked.last.assign(data, data + n);
    return asked.missing == 0;
}

policy::Blob Finds::received(const SockAddr &from, const filter::Datagram &d, const uint8_t *data,
                             size_t n)
{
    policy::Blob whole(data, data + n);
    if (d.kind != filter::Kind::Reply)
        return whole;
    auto it = asked_.find({from, d.tid});
    if (it == asked_.end())
        return d.pages == 1 ? whole : policy::Blob{};
    auto [begin, end] = active_.equal_range(it->second.key);
    for (auto find = begin; find != end; ++find)
        note(*find->second, it->second, from, d);
    if (!complete(it->second, d, data, n))
        return {};
    if (d.pages > 1)
        whole = std::move(it->second.last);
    asked_.erase(it);
    return whole;
}

void Finds::tick(Clock::time_point now)
{
    for (auto it = asked_.begin(); it != asked_.end();)
        it = now - it->second.when > FORGET ? asked_.erase(it) : std::next(it);
}

Fetches::Fetches(Send send, uint32_t network, const policy::Key &node)
    : send_(std::move(send)), network_(network), node_(node)
{
}

void Fetches::start(const policy::Key &key, uint64_t id, bool tomb,
                    std::vector<SockAddr> candidates, Done done)
{
    /* Spread the load: different ids begin at different nodes. */
    if (!candidates.empty()) {
        auto middle = candidates.begin() + (ptrdiff_t)((id >> 8) % candidates.size());
        std::rotate(candidates.begin(), middle, candidates.end());
    }
    waiting_.push_back({key, id, tomb, std::move(candidates), 0, std::move(done)});
    pump();
}

void Fetches::pump()
{
    while (under_way_.size() < WINDOW && !waiting_.empty()) {
        Fetch fetch = std::move(waiting_.front());
        waiting_.pop_front();
        ask(std::move(fetch));
    }
}

void Fetches::ask(Fetch fetch)
{
    size_t attempts = std::min(2 * fetch.candidates.size(), ATTEMPTS_MAX);
    if (fetch.attempts >= attempts) {
        fetch.done(nullptr);
        return;
    }
    const SockAddr to = fetch.candidates[fetch.attempts++ % fetch.candidates.size()];
    uint32_t tid;
    do
        random_bytes(&tid, sizeof tid);
    while (under_way_.count({to, tid}));
    policy::Blob q = question(node_, fetch.key, fetch.id, tid, network_);
    Transfer t;
    t.fetch = std::move(fetch);
    t.last = Clock::now();
    under_way_.emplace(Way{to, tid}, std::move(t));
    send_(to, q.data(), q.size());
}

void Fetches::next(Fetch fetch)
{
    waiting_.push_front(std::move(fetch));
    pump();
}

/* The value has arrived; is it what was asked for? */
void Fetches::finish(std::map<Way, Transfer>::iterator it, const filter::Item &item)
{
    Fetch fetch = std::move(it->second.fetch);
    under_way_.erase(it);
    policy::Record r;
    bool good =
        item.id == fetch.id &&
        policy::parse(fetch.key, item.id, item.type, item.data.data(), item.data.size(), r) &&
        r.tomb == fetch.tomb && policy::fresh(r, policy::wall());
    if (!good) {
        next(std::move(fetch));
        return;
    }
    fetch.done(&item.data);
    pump();
}

void Fetches::whole(std::map<Way, Transfer>::iterator it)
{
    Transfer &t = it->second;
    std::vector<uint8_t> packed;
    packed.reserve(t.size);
    for (const auto &[offset, data] : t.pieces)
        if (offset == packed.size())
            packed.insert(packed.end(), data.begin(), data.end());
    filter::Item item{};
    if (packed.size() == t.size && filter::read_value(packed.data(), packed.size(), item)) {
        finish(it, item);
        return;
    }
    Fetch fetch = std::move(t.fetch);
    under_way_.erase(it);
    next(std::move(fetch));
}

bool Fetches::received(const SockAddr &from, filter::Datagram &d)
{
    auto it = under_way_.find({from, d.tid});
    if (it == under_way_.end())
        return false;
    Transfer &t = it->second;
    if (d.kind == filter::Kind::Reply && t.size == 0) {
        if (d.items.size() != 1 || d.items[0].packed_size > PACKED_MAX) {
            Fetch fetch = std::move(t.fetch);
            under_way_.erase(it);
            next(std::move(fetch));
            return true;
        }
        if (d.items[0].packed_size == 0) {
            finish(it, d.items[0]);
            return true;
        }
        t.size = d.items[0].packed_size;
    } else if (d.kind == filter::Kind::Part) {
        for (auto &piece : d.pieces) {
            if (piece.index != 0 || piece.data.empty() || t.have + piece.data.size() > PACKED_MAX)
                continue;
            uint32_t n = (uint32_t)piece.data.size();
            if (t.pieces.emplace(piece.offset, std::move(piece.data)).second)
                t.have += n;
        }
    } else {
        return false;
    }
    t.last = Clock::now();
    if (t.size != 0 && t.have >= t.size)
        whole(it);
    return true;
}

Clock::time_point Fetches::tick(Clock::time_point now)
{
    std::vector<Fetch> late;
    auto due = Clock::time_point::max();
    for (auto it = under_way_.begin(); it != under_way_.end();) {
        if (now - it->second.last >= PATIENCE) {
            late.push_back(std::move(it->second.fetch));
            it = under_way_.erase(it);
        } else {
            due = std::min(due, it->second.last + PATIENCE);
            ++it;
        }
    }
    for (auto &fetch : late)
        next(std::move(fetch));
    return late.empty() ? due : now + 10ms;
}
