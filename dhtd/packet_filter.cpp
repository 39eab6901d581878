/* SPDX-License-Identifier: GPL-3.0-or-later */
/* packet_filter.cpp - the shapes of the messages that OpenDHT 2.4.12 exchanges, as strict as its
 * own sender allows. Keys that we do not know are let through: their values were bounded by the
 * unpacker. */
#include "packet_filter.h"
#include "paging.h"
#include <msgpack.hpp>
#include <cstring>
#include <string_view>

namespace filter
{
namespace
{

using msgpack::object;
using msgpack::object_kv;
namespace type = msgpack::type;

constexpr size_t DEPTH_MAX = 8;
constexpr size_t FIELDS_MAX = 5; /* OpenDHT's Value::Field: 1 to 5 */
constexpr uint64_t FIELD_ID = 1, FIELD_TYPE = 2;
constexpr uint64_t TIME_MAX = 1ull << 34; /* seconds; above, its arithmetic overflows */
constexpr size_t NODE4_LEN = 26, NODE6_LEN = 38, NODES_MAX = 64;
constexpr size_t ID_LEN = 20;
constexpr uint64_t PACKED_MAX = 17 * 1024; /* of one value */

bool is_uint(const object &o, uint64_t max)
{
    return o.type == type::POSITIVE_INTEGER && o.via.u64 <= max;
}

bool is_bin(const object &o, size_t max)
{
    return o.type == type::BIN && o.via.bin.size <= max;
}

bool is_bin_of(const object &o, size_t n)
{
    return o.type == type::BIN && o.via.bin.size == n;
}

bool is_text(const object &o, size_t max)
{
    return o.type == type::STR && o.via.str.size <= max;
}

std::string_view text_of(const object &o)
{
    return {o.via.str.ptr, o.via.str.size};
}

/* A map whose keys are text, each once: the engine takes the first of two equal ones in one place
 * and the last in another. */
bool is_map(const object &o, size_t max)
{
    if (o.type != type::MAP || o.via.map.size > max)
        return false;
    for (uint32_t i = 0; i < o.via.map.size; i++) {
        const object &key = o.via.map.ptr[i].key;
        if (!is_text(key, 32))
            return false;
        for (uint32_t j = 0; j < i; j++)
            if (text_of(o.via.map.ptr[j].key) == text_of(key))
                return false;
    }
    return true;
}

const object *field(const object &map, std::string_view name)
{
    for (uint32_t i = 0; i < map.via.map.size; i++)
        if (text_of(map.via.map.ptr[i].key) == name)
            return &map.via.map.ptr[i].val;
    return nullptr;
}

bool is_uints(const object &o, size_t count, uint64_t max)
{
    if (o.type != type::ARRAY || o.via.array.size > count)
        return false;
    for (uint32_t i = 0; i < o.via.array.size; i++)
        if (!is_uint(o.via.array.ptr[i], max))
            return false;
    return true;
}

/* A list of different fields in ascending order, as its sender writes them. */
bool is_selection(const object &o, bool ordered)
{
    if (!is_uints(o, FIELDS_MAX, FIELDS_MAX))
        return false;
    for (uint32_t i = 0; i < o.via.array.size; i++) {
        if (o.via.array.ptr[i].via.u64 == 0)
            return false;
        if (ordered && i > 0 && o.via.array.ptr[i].via.u64 <= o.via.array.ptr[i - 1].via.u64)
            return false;
    }
    return true;
}

bool check_query(const object &o, Datagram &d)
{
    if (!is_map(o, 4))
        return false;
    const object *select = field(o, "s"), *where = field(o, "w");
    if (!select || !where || !is_selection(*select, false))
        return false;
    if (where->type != type::ARRAY || where->via.array.size > FIELDS_MAX)
        return false;
    for (uint32_t i = 0; i < where->via.array.size; i++) {
        const object &filter = where->via.array.ptr[i];
        if (!is_map(filter, 2))
            return false;
        const object *f = field(filter, "f"), *v = field(filter, "v");
        if (!f || !v || !is_uint(*f, FIELDS_MAX))
            return false;
        if (!is_uint(*v, UINT64_MAX) && !is_bin(*v, 64))
            return false;
        if (f->via.u64 == FIELD_ID && v->type == type::POSITIVE_INTEGER) {
            d.names_id = true;
            d.wanted_id = v->via.u64;
        } else if (f->via.u64 == FIELD_TYPE && v->type == type::POSITIVE_INTEGER) {
            d.names_type = true;
        }
    }
    const auto &s = select->via.array;
    d.selects_types = s.size == 2 && s.ptr[0].via.u64 == FIELD_ID && s.ptr[1].via.u64 == FIELD_TYPE;
    d.selects_all = s.size == 0 && !d.names_id;
    return true;
}

/* {id, dat: {body: {type, data}}}: plain values only. Signed and encrypted ones have no place here
 * and their keys would be parsed by the engine. */
bool check_value(const object &o, Item &item)
{
    if (!is_map(o, 3))
        return false;
    const object *id = field(o, "id"), *dat = field(o, "dat"), *prio = field(o, "p");
    if (!id || !dat || !is_uint(*id, UINT64_MAX) || !is_map(*dat, 1))
        return false;
    if (o.via.map.size != 2u + (prio != nullptr) || (prio && !is_uint(*prio, UINT32_MAX)))
        return false;
    const object *body = field(*dat, "body");
    if (!body || !is_map(*body, 2))
        return false;
    const object *kind = field(*body, "type"), *data = field(*body, "data");
    if (!kind || !data || !is_uint(*kind, UINT16_MAX) || data->type != type::BIN)
        return false;
    item.packed_size = 0;
    item.id = id->via.u64;
    item.type = (uint32_t)kind->via.u64;
    item.data.assign(data->via.bin.ptr, data->via.bin.ptr + data->via.bin.size);
    return true;
}

bool check_values(const object &o, Datagram &d)
{
    if (o.type != type::ARRAY)
        return false;
    for (uint32_t i = 0; i < o.via.array.size; i++) {
        const object &v = o.via.array.ptr[i];
        Item item{};
        if (is_uint(v, PACKED_MAX) && v.via.u64 > 0)
            item.packed_size = (uint32_t)v.via.u64;
        else if (!check_value(v, item))
            return false;
        d.items.push_back(std::move(item));
    }
    return true;
}

/* {f: fields, v: their values in a row}. An empty list of fields divides the engine by zero. */
bool check_fields(const object &o, Datagram &d)
{
    if (!is_map(o, 2))
        return false;
    const object *f = field(o, "f"), *v = field(o, "v");
    if (!f || !v || !is_selection(*f, true) || f->via.array.size == 0 || v->type != type::ARRAY)
        return false;
    const auto &names = f->via.array;
    const auto &all = v->via.array;
    if (all.size % names.size)
        return false;
    for (uint32_t i = 0; i < all.size; i++)
        if (!is_uint(all.ptr[i], UINT64_MAX) && !is_bin(all.ptr[i], 64))
            return false;
    if (names.size != 2 || names.ptr[0].via.u64 != FIELD_ID || names.ptr[1].via.u64 != FIELD_TYPE)
        return true;
    d.claims.reserve(all.size / 2);
    for (uint32_t i = 0; i < all.size; i += 2) {
        if (!is_uint(all.ptr[i], UINT64_MAX) || !is_uint(all.ptr[i + 1], UINT16_MAX))
            return false;
        d.claims.push_back({all.ptr[i].via.u64, (uint32_t)all.ptr[i + 1].via.u64});
    }
    return true;
}

bool check_argument(std::string_view key, const object &v, Datagram &d)
{
    if (key == "id") {
        if (!is_bin_of(v, ID_LEN))
            return false;
        memcpy(d.sender.data(), v.via.bin.ptr, ID_LEN);
        return true;
    }
    if (key == "h" || key == "target") {
        if (!is_bin_of(v, ID_LEN))
            return false;
        memcpy(d.key.data(), v.via.bin.ptr, ID_LEN);
        return true;
    }
    if (key == "sid") {
        d.sid = v.type == type::POSITIVE_INTEGER ? (uint32_t)v.via.u64 : 0;
        return is_uint(v, UINT32_MAX);
    }
    if (key == "token") {
        d.has_token = true;
        return is_bin(v, 64);
    }
    if (key == "vid")
        return is_uint(v, UINT64_MAX);
    if (key == "n4")
        return is_bin(v, NODE4_LEN * NODES_MAX) && v.via.bin.size % NODE4_LEN == 0;
    if (key == "n6")
        return is_bin(v, NODE6_LEN * NODES_MAX) && v.via.bin.size % NODE6_LEN == 0;
    if (key == "sa")
        return is_bin_of(v, 4) || is_bin_of(v, 16);
    if (key == "c")
        return is_uint(v, TIME_MAX);
    if (key == "exp" || key == "re")
        return is_uints(v, UINT16_MAX, UINT64_MAX);
    if (key == "w")
        return is_uints(v, 4, UINT16_MAX);
    if (key == "ve")
        return is_uint(v, 1000);
    if (key == "q")
        return check_query(v, d);
    if (key == "values")
        return check_values(v, d);
    if (key == "fileds") /* as OpenDHT spells it */
        return check_fields(v, d);
    return true;
}

bool check_arguments(const object &o, Datagram &d)
{
    if (!is_map(o, 24))
        return false;
    for (uint32_t i = 0; i < o.via.map.size; i++) {
        const object_kv &kv = o.via.map.ptr[i];
        if (!check_argument(text_of(kv.key), kv.val, d))
            return false;
    }
    return field(o, "id") != nullptr;
}

/* {index: {o: offset, d: data}} */
bool check_pieces(const object &o, Datagram &d)
{
    if (o.type != type::MAP || o.via.map.size == 0 || o.via.map.size > 64)
        return false;
    for (uint32_t i = 0; i < o.via.map.size; i++) {
        const object_kv &kv = o.via.map.ptr[i];
        if (!is_uint(kv.key, UINT16_MAX) || !is_map(kv.val, 2))
            return false;
        const object *offset = field(kv.val, "o"), *data = field(kv.val, "d");
        if (!offset || !data || !is_uint(*offset, PACKED_MAX) || data->type != type::BIN)
            return false;
        const auto &bin = data->via.bin;
        d.pieces.push_back({(uint32_t)kv.key.via.u64, (uint32_t)offset->via.u64,
                            std::vector<uint8_t>(bin.ptr, bin.ptr + bin.size)});
    }
    return true;
}

bool check_error(const object &o)
{
    return o.type == type::ARRAY && o.via.array.size >= 1 && o.via.array.size <= 4 &&
           is_uint(o.via.array.ptr[0], UINT16_MAX);
}

/* [index, count] of a page: P-9.14. */
bool check_page(const object &o, Datagram &d)
{
    if (!is_uints(o, 2, paging::PAGES_MAX) || o.via.array.size != 2)
        return false;
    d.page = (uint32_t)o.via.array.ptr[0].via.u64;
    d.pages = (uint32_t)o.via.array.ptr[1].via.u64;
    return d.pages >= 2 && d.page < d.pages;
}

/* The members around the arguments. */
bool check_frame(const object &o)
{
    const object *y = field(o, "y"), *v = field(o, "v"), *n = field(o, "n"), *s = field(o, "s");
    const object *q = field(o, "q"), *t = field(o, "t"), *e = field(o, "e");
    return t && is_uint(*t, UINT32_MAX) && (!y || is_text(*y, 8)) && (!v || is_text(*v, 64)) &&
           (!n || is_uint(*n, UINT32_MAX)) && (!s || s->type == type::BOOLEAN) &&
           (!q || is_text(*q, 16)) && (!e || check_error(*e));
}

/* Nobody of us asks for all values at once; who listens is told of all of one type. */
bool check_request(std::string_view verb, const object &a, Datagram &d)
{
    if (verb == "get") {
        d.kind = Kind::Get;
        return field(a, "h") && field(a, "q") && !d.selects_all;
    }
    if (verb == "update") {
        d.kind = Kind::Update;
        /* Of what was refreshed or has expired, without values, the key is not said. */
        return field(a, "sid") && !field(a, "q") && (field(a, "h") || d.items.empty());
    }
    if (verb == "listen") {
        d.kind = Kind::Listen;
        return field(a, "h") && field(a, "q") && (!d.selects_all || d.names_type);
    }
    if (verb == "put")
        d.kind = Kind::Put;
    if (verb == "find" && field(a, "target"))
        d.kind = Kind::Find;
    return !field(a, "q");
}

Verdict check_message(const object &o, uint32_t network, Datagram &d)
{
    if (!is_map(o, 16) || !check_frame(o))
        return Verdict::Bad;
    const object *a = field(o, "a"), *r = field(o, "r"), *u = field(o, "u"), *p = field(o, "p");
    const object *e = field(o, "e"), *q = field(o, "q"), *n = field(o, "n");
    /* Exactly one of them: with only e the engine would read an array as a map. An error comes with
     * r, which names its sender. */
    if ((a != nullptr) + (r != nullptr) + (u != nullptr) + (p != nullptr) != 1 || (e && !r))
        return Verdict::Bad;
    d.tid = (uint32_t)field(o, "t")->via.u64;
    const object *m = field(o, "m");
    if (m && (!r || e || !check_page(*m, d)))
        return Verdict::Bad;
    if (p) {
        d.kind = Kind::Part;
        if (!check_pieces(*p, d))
            return Verdict::Bad;
    } else {
        if (!check_arguments(a ? *a : r ? *r : *u, d))
            return Verdict::Bad;
        if (r)
            d.kind = e ? Kind::Error : Kind::Reply;
        if (a && (!q || !check_request(text_of(*q), *a, d)))
            return Verdict::Bad;
    }
    return (n ? n->via.u64 : 0) == network ? Verdict::Pass : Verdict::Foreign;
}

msgpack::unpack_limit limits(size_t n)
{
    /* No element takes less than an octet, so a longer array or map is a lie about memory. */
    return {n, n, n, n, 0, DEPTH_MAX};
}

} // namespace

Verdict check(const uint8_t *p, size_t n, uint32_t network, Datagram &d)
{
    d = Datagram{};
    try {
        size_t used = 0;
        auto handle = msgpack::unpack((const char *)p, n, used, nullptr, nullptr, limits(n));
        if (used != n)
            return Verdict::Bad;
        return check_message(handle.get(), network, d);
    } catch (const std::exception &) {
        return Verdict::Bad;
    }
}

bool read_value(const uint8_t *p, size_t n, Item &item)
{
    try {
        size_t used = 0;
        auto handle = msgpack::unpack((const char *)p, n, used, nullptr, nullptr, limits(n));
        return used == n && check_value(handle.get(), item);
    } catch (const std::exception &) {
        return false;
    }
}

} // namespace filter
