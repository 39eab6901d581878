/* SPDX-License-Identifier: GPL-3.0-or-later */
/* assembly.cpp - see assembly.h. */
#include "assembly.h"

namespace
{

/* The engine forgets after ten seconds at the latest. */
constexpr auto LIFE = std::chrono::seconds(11);
constexpr auto EARLY_LIFE = std::chrono::seconds(2);
constexpr size_t MESSAGE_COST = 256, VALUE_COST = 128, EARLY_COST = 512;

} // namespace

bool Assembly::pay(const std::string &from, size_t cost)
{
    size_t &source = sources_[from];
    if (cost_ + cost > COST_MAX || source + cost > COST_PER_SOURCE) {
        if (source == 0)
            sources_.erase(from);
        return false;
    }
    source += cost;
    cost_ += cost;
    return true;
}

void Assembly::pay_back(const std::string &from, size_t cost)
{
    cost_ -= cost;
    auto source = sources_.find(from);
    if ((source->second -= cost) == 0)
        sources_.erase(source);
}

void Assembly::forget(Messages::iterator it)
{
    pay_back(it->second.source, it->second.cost);
    messages_.erase(it);
}

/* A message that announces values by their size. While the engine may still know an earlier one of
 * this transaction, a second one does not pass. */
bool Assembly::begin(const std::string &from, const std::string &source, const filter::Datagram &d,
                     Time now)
{
    if (messages_.count(d.tid))
        return false;
    Message m{from, source, now, 0, false, {}};
    for (size_t i = 0; i < d.items.size(); i++)
        if (d.items[i].packed_size > 0)
            m.values[(uint32_t)i] = {d.items[i].packed_size, {}};
    m.cost = MESSAGE_COST + VALUE_COST * d.items.size();
    if (!pay(source, m.cost))
        return false;
    messages_.emplace(d.tid, std::move(m));
    return true;
}

/* Does it leave a gap? Its sender puts one piece into a datagram. */
bool Assembly::is_early(const Message &m, const filter::Datagram &d) const
{
    auto value = m.values.find(d.pieces[0].index);
    return d.pieces.size() == 1 && value != m.values.end() &&
           d.pieces[0].offset > value->second.data.size() &&
           d.pieces[0].offset < value->second.size;
}

Assembly::Fate Assembly::pass(const std::string &from, const std::string &source,
                              const filter::Datagram &d, Time now)
{
    if (d.kind != filter::Kind::Part) {
        for (const auto &item : d.items)
            if (item.packed_size > 0)
                return begin(from, source, d, now) ? Fate::Pass : Fate::Drop;
        return Fate::Pass;
    }
    auto it = messages_.find(d.tid);
    if (it == messages_.end())
        return d.pieces.size() == 1 ? Fate::Early : Fate::Drop;
    Message &m = it->second;
    if (m.from != from || m.poisoned)
        return Fate::Drop;
    if (is_early(m, d))
        return Fate::Early;
    for (const auto &piece : d.pieces) {
        auto value = m.values.find(piece.index);
        if (value == m.values.end() || value->second.data.size() >= value->second.size ||
            piece.offset != value->second.data.size())
            continue;
        if (!pay(m.source, piece.data.size())) {
            m.poisoned = true;
            return Fate::Drop;
        }
        m.cost += piece.data.size();
        value->second.data.insert(value->second.data.end(), piece.data.begin(), piece.data.end());
    }
    for (const auto &v : m.values)
        if (v.second.data.size() < v.second.size)
            return Fate::Pass;
    for (const auto &v : m.values) {
        filter::Item item;
        if (!filter::read_value(v.second.data.data(), v.second.data.size(), item)) {
            m.poisoned = true;
            return Fate::Drop;
        }
    }
    forget(it);
    return Fate::Pass;
}

void Assembly::keep(const std::string &from, Early early)
{
    if (pay(early.source, EARLY_COST + 2 * early.octets.size()))
        early_.emplace(std::pair{from, early.d.tid}, std::move(early));
}

bool Assembly::next(const std::string &from, uint32_t tid, Early &early)
{
    auto m = messages_.find(tid);
    if (m == messages_.end() || m->second.from != from)
        return false;
    auto [begin, end] = early_.equal_range({from, tid});
    for (auto it = begin; it != end; ++it) {
        if (is_early(m->second, it->second.d))
            continue;
        early = std::move(it->second);
        early_.erase(it);
        pay_back(early.source, EARLY_COST + 2 * early.octets.size());
        return true;
    }
    return false;
}

void Assembly::tick(Time now)
{
    for (auto it = messages_.begin(); it != messages_.end();) {
        auto next = std::next(it);
        if (now - it->second.started > LIFE)
            forget(it);
        it = next;
    }
    for (auto it = early_.begin(); it != early_.end();) {
        const Early &e = it->second;
        bool over = now - e.came > EARLY_LIFE;
        if (over)
            pay_back(e.source, EARLY_COST + 2 * e.octets.size());
        it = over ? early_.erase(it) : std::next(it);
    }
}

size_t Assembly::cost() const
{
    return cost_;
}
