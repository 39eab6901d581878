/* SPDX-License-Identifier: GPL-3.0-or-later */
/* paging.cpp - see paging.h. What is split here was packed by our own engine. */
#include "paging.h"
#include <algorithm>
#include <msgpack.hpp>
#include <string_view>

namespace paging
{
namespace
{

using msgpack::object;
using Packer = msgpack::packer<msgpack::sbuffer>;

bool named(const msgpack::object_kv &kv, std::string_view name)
{
    return kv.key.type == msgpack::type::STR &&
           std::string_view(kv.key.via.str.ptr, kv.key.via.str.size) == name;
}

const object *field(const object &map, std::string_view name)
{
    if (map.type == msgpack::type::MAP)
        for (uint32_t i = 0; i < map.via.map.size; i++)
            if (named(map.via.map.ptr[i], name))
                return &map.via.map.ptr[i].val;
    return nullptr;
}

/* Our own look-ups ask for these two fields; whoever asks for others cannot put pages together. */
bool is_ids_and_types(const object &names)
{
    const auto &a = names.via.array;
    return a.size == 2 && a.ptr[0].type == msgpack::type::POSITIVE_INTEGER &&
           a.ptr[0].via.u64 == 1 && a.ptr[1].type == msgpack::type::POSITIVE_INTEGER &&
           a.ptr[1].via.u64 == 2;
}

/* {f: names, v: the values from..to} */
void pack_fields(Packer &pk, const object &names, const object &values, size_t from, size_t to)
{
    pk.pack_map(2);
    pk.pack("f");
    pk.pack(names);
    pk.pack("v");
    pk.pack_array((uint32_t)(to - from));
    for (size_t i = from; i < to; i++)
        pk.pack(values.via.array.ptr[i]);
}

/* The members of the reply; on all pages but the last, only those that say whose it is. */
void pack_reply(Packer &pk, const object &reply, const object &names, const object &values,
                size_t from, size_t to, bool last)
{
    const auto &map = reply.via.map;
    pk.pack_map(last ? map.size : 2);
    for (uint32_t i = 0; i < map.size; i++) {
        bool fields = named(map.ptr[i], "fileds");
        if (!last && !fields && !named(map.ptr[i], "id"))
            continue;
        pk.pack(map.ptr[i].key);
        if (fields)
            pack_fields(pk, names, values, from, to);
        else
            pk.pack(map.ptr[i].val);
    }
}

std::vector<uint8_t> page(const object &all, const object &reply, const object &names,
                          const object &values, size_t index, size_t count)
{
    size_t width = names.via.array.size, total = values.via.array.size;
    size_t from = index * PAGE_IDS * width, to = std::min(total, from + PAGE_IDS * width);
    msgpack::sbuffer b;
    Packer pk(&b);
    pk.pack_map(all.via.map.size + 1);
    for (uint32_t i = 0; i < all.via.map.size; i++) {
        const auto &kv = all.via.map.ptr[i];
        pk.pack(kv.key);
        if (&kv.val == &reply)
            pack_reply(pk, reply, names, values, from, to, index + 1 == count);
        else
            pk.pack(kv.val);
    }
    pk.pack("m");
    pk.pack_array(2);
    pk.pack(index);
    pk.pack(count);
    return {b.data(), b.data() + b.size()};
}

} // namespace

std::vector<std::vector<uint8_t>> split(const uint8_t *p, size_t n)
{
    std::vector<std::vector<uint8_t>> pages;
    try {
        auto handle = msgpack::unpack((const char *)p, n);
        const object &all = handle.get();
        const object *reply = field(all, "r");
        const object *fields = reply ? field(*reply, "fileds") : nullptr;
        const object *names = fields ? field(*fields, "f") : nullptr;
        const object *values = fields ? field(*fields, "v") : nullptr;
        if (!names || !values || names->type != msgpack::type::ARRAY ||
            values->type != msgpack::type::ARRAY || !is_ids_and_types(*names))
            return pages;
        size_t ids = values->via.array.size / names->via.array.size;
        size_t count = (ids + PAGE_IDS - 1) / PAGE_IDS;
        if (count < 2 || count > PAGES_MAX)
            return pages;
        for (size_t i = 0; i < count; i++)
            pages.push_back(page(all, *reply, *names, *values, i, count));
    } catch (const std::exception &) {
        pages.clear();
    }
    return pages;
}

} // namespace paging
