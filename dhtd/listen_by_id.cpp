/* SPDX-License-Identifier: GPL-3.0-or-later */
/* listen_by_id.cpp - see listen_by_id.h. */
#include "listen_by_id.h"
#include <algorithm>
#include <string_view>

using namespace std::string_view_literals;

namespace
{

constexpr size_t ASKED_MAX = 65536;

/* In the engine's own spelling: version 1 of listening sends values whatever is selected, version 0
 * what the query selects; and the selection, empty for all of a value, or fields 1 and 2. */
constexpr auto VERSION_1 = "\xa2ve\x01"sv, VERSION_0 = "\xa2ve\x00"sv;
constexpr auto WHOLE = "\xa1q\x82\xa1s\x90"sv, ID_AND_TYPE = "\xa1q\x82\xa1s\x92\x01\x02"sv;

bool replace(policy::Blob &b, std::string_view what, std::string_view with)
{
    auto at = std::search(b.begin(), b.end(), what.begin(), what.end(),
                          [](uint8_t x, char y) { return x == (uint8_t)y; });
    if (at == b.end())
        return false;
    at = b.erase(at, at + (ptrdiff_t)what.size());
    b.insert(at, with.begin(), with.end());
    return true;
}

} // namespace

policy::Blob ListenById::sent(const dht::SockAddr &to, const filter::Datagram &d, const uint8_t *p,
                              size_t n)
{
    if (d.kind != filter::Kind::Listen || !d.selects_all)
        return {};
    policy::Blob lean(p, p + n);
    if (!replace(lean, VERSION_1, VERSION_0) || !replace(lean, WHOLE, ID_AND_TYPE))
        return {};
    if (asked_.size() >= ASKED_MAX)
        asked_.clear(); /* the engine repeats its requests, which fills it again */
    asked_[{to, d.sid}] = d.key;
    return lean;
}

const policy::Key *ListenById::told(const dht::SockAddr &from, const filter::Datagram &d) const
{
    if (d.kind != filter::Kind::Reply || d.claims.empty())
        return nullptr;
    auto it = asked_.find({from, d.tid});
    return it == asked_.end() ? nullptr : &it->second;
}
