/* SPDX-License-Identifier: GPL-3.0-or-later */
/* joining.cpp - see joining.h. What is joined here was packed by our own engine. */
#include "joining.h"
#include <algorithm>
#include <string_view>

namespace
{

using msgpack::object;
constexpr size_t JOINED_KEPT = 512;

using Packer = msgpack::packer<msgpack::sbuffer>;

std::string_view name_of(const msgpack::object_kv &kv)
{
    return {kv.key.via.str.ptr, kv.key.via.str.size};
}

/* Who fetches one value, or is told of one, asks for no neighbourhood and puts nothing. */
bool needed(const msgpack::object_kv &kv, bool reply)
{
    static const std::string_view others[] = {"sa", "n4", "n6", "token"};
    return !reply ||
           std::find(std::begin(others), std::end(others), name_of(kv)) == std::end(others);
}

/* The head with the packed value, if there is one, in the place of its size. */
policy::Blob join(const policy::Blob &head, const policy::Blob *value)
{
    auto handle = msgpack::unpack((const char *)head.data(), head.size());
    const auto &all = handle.get().via.map;
    msgpack::sbuffer b;
    Packer pk(&b);
    pk.pack_map(all.size);
    for (uint32_t i = 0; i < all.size; i++) {
        bool reply = name_of(all.ptr[i]) == "r";
        pk.pack(all.ptr[i].key);
        if (!reply && name_of(all.ptr[i]) != "a") {
            pk.pack(all.ptr[i].val);
            continue;
        }
        const auto &inner = all.ptr[i].val.via.map;
        pk.pack_map((uint32_t)std::count_if(inner.ptr, inner.ptr + inner.size,
                                            [&](const auto &kv) { return needed(kv, reply); }));
        for (uint32_t j = 0; j < inner.size; j++) {
            if (!needed(inner.ptr[j], reply))
                continue;
            pk.pack(inner.ptr[j].key);
            if (value && name_of(inner.ptr[j]) == "values") {
                pk.pack_array(1);
                b.write((const char *)value->data(), value->size());
            } else {
                pk.pack(inner.ptr[j].val);
            }
        }
    }
    return policy::Blob(b.data(), b.data() + b.size());
}

} // namespace

policy::Blob Joining::lean(const uint8_t *p, size_t n)
{
    return join(policy::Blob(p, p + n), nullptr);
}

bool Joining::holding() const
{
    return size_ > 0;
}

Joining::Fate Joining::sent(const dht::SockAddr &to, const gate::Datagram &d, const uint8_t *p,
                            size_t n, policy::Blob &whole)
{
    if (d.kind == gate::Kind::Part && holding() && d.tid == tid_ && to == to_) {
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
    bool put = d.kind == gate::Kind::Put, known = put || d.kind == gate::Kind::Reply;
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
