/* SPDX-License-Identifier: GPL-3.0-or-later */
/* inline_values.cpp - see inline_values.h. What is joined here was packed by our own engine. */
#include "inline_values.h"
#include "rewrite.h"
#include <algorithm>
#include <string_view>

namespace
{

constexpr size_t JOINED_KEPT = 512;

/* Who fetches one value, or is told of one, asks for no neighbourhood and puts nothing. */
bool needed(std::string_view top, std::string_view name)
{
    static const std::string_view others[] = {"sa", "n4", "n6", "token"};
    return top != "r" || std::find(std::begin(others), std::end(others), name) == std::end(others);
}

/* The head with the packed value, if there is one, in the place of its size. */
policy::Blob join(const policy::Blob &head, const policy::Blob *value)
{
    return rewrite::datagram(
        head, needed, [&](rewrite::Packer &pk, std::string_view top, std::string_view name) {
            if (!value || top.empty() || name != "values")
                return false;
            pk.pack_array(1).pack_bin_body((const char *)value->data(), (uint32_t)value->size());
            return true;
        });
}

} // namespace

policy::Blob InlineValues::lean(const uint8_t *p, size_t n)
{
    return join(policy::Blob(p, p + n), nullptr);
}

bool InlineValues::holding() const
{
    return size_ > 0;
}

InlineValues::Fate InlineValues::sent(const dht::SockAddr &to, const filter::Datagram &d,
                                      const uint8_t *p, size_t n, policy::Blob &whole)
{
    if (d.kind == filter::Kind::Part && holding() && d.tid == tid_ && to == to_) {
        for (const auto &piece : d.pieces)
            if (piece.index == 0 && piece.offset == value_.size())
                value_.insert(value_.end(), piece.data.begin(), piece.data.end());
        if (value_.size() < size_)
            return Fate::Held;
        size_ = 0;
        whole = join(head_, &value_);
        return Fate::Joined;
    }
    size_ = 0; /* the engine repeats what was not answered */
    bool put = d.kind == filter::Kind::Put, known = put || d.kind == filter::Kind::Reply;
    if (!known || d.items.size() != 1 || d.items[0].packed_size == 0)
        return Fate::Send;
    /* Not answered? The line may lose large datagrams: now in pieces. */
    std::pair<dht::SockAddr, uint32_t> way{to, d.tid};
    if (std::find(joined_.begin(), joined_.end(), way) != joined_.end())
        return Fate::Send;
    head_.assign(p, p + n);
    /* How long would it be? Three octets at most were its size. */
    const policy::Blob none;
    if (join(head_, &none).size() + d.items[0].packed_size >
        (put ? JOINED_PUT_MAX : JOINED_REPLY_MAX))
        return Fate::Send;
    joined_.push_back(way);
    if (joined_.size() > JOINED_KEPT)
        joined_.pop_front();
    to_ = to;
    tid_ = d.tid;
    size_ = d.items[0].packed_size;
    value_.clear();
    return Fate::Held;
}
