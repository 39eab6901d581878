/* SPDX-License-Identifier: GPL-3.0-or-later */
/* rewrite.cpp - see rewrite.h. */
#include "rewrite.h"
#include <algorithm>

namespace rewrite
{
namespace
{

using msgpack::object_kv;

std::string_view name_of(const object_kv &kv)
{
    return {kv.key.via.str.ptr, kv.key.via.str.size};
}

void member(Packer &pk, std::string_view top, const object_kv &kv, const Write &write)
{
    pk.pack(kv.key);
    if (!write(pk, top, name_of(kv)))
        pk.pack(kv.val);
}

} // namespace

policy::Blob datagram(const policy::Blob &p, const Keep &keep, const Write &write)
{
    auto handle = msgpack::unpack((const char *)p.data(), p.size());
    const auto &all = handle.get().via.map;
    msgpack::sbuffer b;
    Packer pk(&b);
    pk.pack_map(all.size);
    for (uint32_t i = 0; i < all.size; i++) {
        std::string_view top = name_of(all.ptr[i]);
        if (top != "a" && top != "r") {
            member(pk, "", all.ptr[i], write);
            continue;
        }
        const auto &inner = all.ptr[i].val.via.map;
        auto stays = [&](const object_kv &kv) { return keep(top, name_of(kv)); };
        pk.pack(all.ptr[i].key);
        pk.pack_map((uint32_t)std::count_if(inner.ptr, inner.ptr + inner.size, stays));
        for (uint32_t j = 0; j < inner.size; j++)
            if (stays(inner.ptr[j]))
                member(pk, top, inner.ptr[j], write);
    }
    return policy::Blob(b.data(), b.data() + b.size());
}

} // namespace rewrite
