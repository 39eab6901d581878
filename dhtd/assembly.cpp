/* SPDX-License-Identifier: GPL-3.0-or-later */
/* assembly.cpp - see assembly.h. */
#include "assembly.h"

namespace
{

/* The engine forgets after ten seconds at the latest. */
constexpr auto LIFE = std::chrono::seconds(11);
constexpr size_t MESSAGE_COST = 256, VALUE_COST = 128;

} // namespace

bool Assembly::pay(Message &m, size_t cost)
{
    size_t &source = sources_[m.source];
    if (cost_ + cost > COST_MAX || source + cost > COST_PER_SOURCE) {
        if (source == 0)
            sources_.erase(m.source);
        return false;
    }
    source += cost;
    cost_ += cost;
    m.cost += cost;
    return true;
}

void Assembly::forget(Messages::iterator it)
{
    cost_ -= it->second.cost;
    auto source = sources_.find(it->second.source);
    if ((source->second -= it->second.cost) == 0)
        sources_.erase(source);
    messages_.erase(it);
}

/* A message that announces values by their size. While the engine may still know an earlier one of
 * this transaction, a second one does not pass. */
bool Assembly::begin(const std::string &from, const std::string &source, const gate::Datagram &d,
                     Time now)
{
    if (messages_.count(d.tid))
        return false;
    Message m{from, source, now, 0, false, d.kind == gate::Kind::Update, d.key, {}, {}};
    size_t cost = MESSAGE_COST;
    for (size_t i = 0; i < d.items.size(); i++) {
        const auto &item = d.items[i];
        if (item.packed_size > 0)
            m.values[(uint32_t)i] = {item.packed_size, {}};
        else if (m.update)
            m.whole.push_back(item);
        cost += VALUE_COST + (m.update ? item.data.size() : 0);
    }
    if (!pay(m, cost))
        return false;
    messages_.emplace(d.tid, std::move(m));
    return true;
}

bool Assembly::pass(const std::string &from, const std::string &source, const gate::Datagram &d,
                    Time now, News &news)
{
    news.items.clear();
    if (d.kind != gate::Kind::Part) {
        for (const auto &item : d.items)
            if (item.packed_size > 0)
                return begin(from, source, d, now);
        if (d.kind == gate::Kind::Update)
            news = {d.key, d.items};
        return true;
    }
    auto it = messages_.find(d.tid);
    if (it == messages_.end() || it->second.from != from)
        return false; /* of no use to the engine either */
    Message &m = it->second;
    if (m.poisoned)
        return false;
    for (const auto &piece : d.pieces) {
        auto value = m.values.find(piece.index);
        if (value == m.values.end() || value->second.data.size() >= value->second.size ||
            piece.offset != value->second.data.size())
            continue;
        if (!pay(m, piece.data.size())) {
            m.poisoned = true;
            return false;
        }
        value->second.data.insert(value->second.data.end(), piece.data.begin(), piece.data.end());
    }
    for (const auto &v : m.values)
        if (v.second.data.size() < v.second.size)
            return true;
    std::vector<gate::Item> items = std::move(m.whole);
    for (const auto &v : m.values) {
        gate::Item item;
        if (!gate::read_value(v.second.data.data(), v.second.data.size(), item)) {
            m.poisoned = true;
            return false;
        }
        if (m.update)
            items.push_back(std::move(item));
    }
    if (m.update)
        news = {m.key, std::move(items)};
    forget(it);
    return true;
}

void Assembly::tick(Time now)
{
    for (auto it = messages_.begin(); it != messages_.end();) {
        auto next = std::next(it);
        if (now - it->second.started > LIFE)
            forget(it);
        it = next;
    }
}

size_t Assembly::cost() const
{
    return cost_;
}
