/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_packet_filter.cpp - datagrams as OpenDHT sends them pass; those that kill it do not
 * (P-9.13). */
#include "assembly.h"
#include "packet_filter.h"
#include "paging.h"
#include <msgpack.hpp>

#include <csetjmp>
#include <cstdarg>
#include <cstddef>
#include <cstring>
#include <functional>
#include <map>
#include <string>
extern "C" {
#include <cmocka.h>
}

using filter::Datagram;
using filter::Kind;
using filter::Verdict;

namespace
{

constexpr uint32_t NET = 77;
using Packer = msgpack::packer<msgpack::sbuffer>;
using Write = std::function<void(Packer &)>;

void bin(Packer &pk, size_t n, char c)
{
    std::string s(n, c);
    pk.pack_bin((uint32_t)n);
    pk.pack_bin_body(s.data(), (uint32_t)n);
}

/* {part: {id, more...}, t, y, n} and further members. */
msgpack::sbuffer message(const char *part, uint32_t more, const Write &write,
                         const char *query = nullptr, uint32_t network = NET)
{
    msgpack::sbuffer b;
    Packer pk(&b);
    pk.pack_map(query ? 5 : 4);
    pk.pack(part);
    pk.pack_map(1 + more);
    pk.pack("id");
    bin(pk, 20, 'i');
    write(pk);
    if (query) {
        pk.pack("q");
        pk.pack(query);
    }
    pk.pack("t");
    pk.pack(4711);
    pk.pack("y");
    pk.pack(query ? "q" : "r");
    pk.pack("n");
    pk.pack(network);
    return b;
}

Verdict judge(const msgpack::sbuffer &b, Datagram &d)
{
    return filter::check((const uint8_t *)b.data(), b.size(), NET, d);
}

Verdict judge(const msgpack::sbuffer &b)
{
    Datagram d;
    return judge(b, d);
}

void pings_pass(void **)
{
    Datagram d;
    assert_true(judge(message(
                          "a", 0, [](Packer &) {}, "ping"),
                      d) == Verdict::Pass);
    assert_int_equal(d.tid, 4711);
    assert_int_equal(d.sender[0], 'i');
    assert_true(judge(message(
                    "a", 0, [](Packer &) {}, "ping", 78)) == Verdict::Foreign);
}

/* P-9.16: what is asked for a neighbourhood, and what shows that its answer is out of date. */
void finds_and_errors_are_told_apart(void **)
{
    Datagram d;
    auto key = [](Packer &pk) {
        pk.pack("target");
        bin(pk, 20, 'k');
    };
    assert_true(judge(message("a", 1, key, "find"), d) == Verdict::Pass);
    assert_true(d.kind == Kind::Find && d.key[7] == 'k');
    assert_true(judge(message("a", 1, key, "ping"), d) == Verdict::Pass);
    assert_true(d.kind == Kind::Other);
    auto token = [](Packer &pk) {
        pk.pack("token");
        bin(pk, 32, 't');
    };
    assert_true(judge(message("r", 1, token), d) == Verdict::Pass);
    assert_true(d.kind == Kind::Reply && d.has_token);
    msgpack::sbuffer b;
    Packer pk(&b);
    pk.pack(std::map<std::string, std::vector<int>>{{"e", {401}}});
    std::string error(b.data() + 1, b.size() - 1);
    auto reply = message("r", 0, [](Packer &) {});
    std::string whole = "\x85" + std::string(reply.data() + 1, reply.size() - 1) + error;
    assert_true(filter::check((const uint8_t *)whole.data(), whole.size(), NET, d) ==
                Verdict::Pass);
    assert_true(d.kind == Kind::Error && !d.has_token);
}

void write_query(Packer &pk, bool select, bool where)
{
    pk.pack("h");
    bin(pk, 20, 'k');
    pk.pack("q");
    pk.pack_map(2);
    pk.pack("s");
    pk.pack_array(select ? 2 : 0);
    if (select) {
        pk.pack(1);
        pk.pack(2);
    }
    pk.pack("w");
    pk.pack_array(where ? 1 : 0);
    if (where) {
        pk.pack_map(2);
        pk.pack("f");
        pk.pack(1);
        pk.pack("v");
        pk.pack(UINT64_MAX);
    }
}

void gets_are_read(void **)
{
    Datagram d;
    auto get = [](bool select, bool where) {
        return message(
            "a", 2, [=](Packer &pk) { write_query(pk, select, where); }, "get");
    };
    assert_true(judge(get(true, false), d) == Verdict::Pass);
    assert_true(d.kind == Kind::Get && d.selects_types && !d.names_id);
    assert_int_equal(d.key[5], 'k');
    assert_true(judge(get(false, true), d) == Verdict::Pass);
    assert_true(!d.selects_types && d.names_id && d.wanted_id == UINT64_MAX);
    assert_true(judge(get(false, false)) == Verdict::Bad); /* everything at once */
}

/* P-9.13: who listens is told of all entries; nothing else may be asked for as a whole. */
void listening_passes(void **)
{
    auto ask = [](const char *verb, unsigned field, unsigned value) {
        return message(
            "a", 3,
            [=](Packer &pk) {
                pk.pack("h");
                bin(pk, 20, 'k');
                pk.pack("q");
                pk.pack(std::map<std::string, std::vector<std::map<std::string, unsigned>>>{
                    {"s", {}}, {"w", {{{"f", field}, {"v", value}}}}});
                pk.pack("sid");
                pk.pack(9);
            },
            verb);
    };
    Datagram d;
    assert_true(judge(ask("listen", 2, 0x20), d) == Verdict::Pass);
    assert_true(d.kind == Kind::Listen && d.selects_all && d.sid == 9 && d.key[5] == 'k');
    assert_true(judge(ask("listen", 4, 0x20)) == Verdict::Bad);
    assert_true(judge(ask("get", 2, 0x20)) == Verdict::Bad);
    assert_true(judge(ask("put", 2, 0x20)) == Verdict::Bad);
}

void claims_are_read(void **)
{
    Datagram d;
    auto fields = [](std::vector<int> f, std::vector<uint64_t> v) {
        return message("r", 1, [=](Packer &pk) {
            pk.pack("fileds");
            pk.pack_map(2);
            pk.pack("f");
            pk.pack(f);
            pk.pack("v");
            pk.pack(v);
        });
    };
    assert_true(judge(fields({1, 2}, {10, 0x20, 11, 0x21}), d) == Verdict::Pass);
    assert_int_equal(d.claims.size(), 2);
    assert_int_equal(d.claims[1].id, 11);
    assert_int_equal(d.claims[1].type, 0x21);
    assert_true(judge(fields({1}, {10, 11})) == Verdict::Pass);
    assert_true(judge(fields({}, {10})) == Verdict::Bad);
    assert_true(judge(fields({}, {})) == Verdict::Bad);
    assert_true(judge(fields({1, 2}, {10, 0x20, 11})) == Verdict::Bad);
    assert_true(judge(fields({1, 1}, {10, 11})) == Verdict::Bad);
    assert_true(judge(fields({2, 1}, {10, 11})) == Verdict::Bad);
    assert_true(judge(fields({0, 2}, {10, 11})) == Verdict::Bad);
    assert_true(judge(fields({1, 9}, {10, 11})) == Verdict::Bad);
    assert_true(judge(fields({1, 2}, {10, 70000})) == Verdict::Bad);
}

void write_value(Packer &pk, bool owner)
{
    pk.pack_map(2);
    pk.pack("id");
    pk.pack(99);
    pk.pack("dat");
    pk.pack_map(1);
    pk.pack("body");
    pk.pack_map(owner ? 3 : 2);
    pk.pack("type");
    pk.pack(0x20);
    pk.pack("data");
    bin(pk, 40, 'd');
    if (owner) {
        pk.pack("owner");
        bin(pk, 10, 'o');
    }
}

void values_are_read(void **)
{
    Datagram d;
    auto values = [](const Write &write) {
        return message("r", 1, [&](Packer &pk) {
            pk.pack("values");
            pk.pack_array(1);
            write(pk);
        });
    };
    assert_true(judge(values([](Packer &pk) { write_value(pk, false); }), d) == Verdict::Pass);
    assert_int_equal(d.items.size(), 1);
    assert_int_equal(d.items[0].packed_size, 0);
    assert_int_equal(d.items[0].id, 99);
    assert_int_equal(d.items[0].data.size(), 40);
    assert_true(judge(values([](Packer &pk) { pk.pack(2000); }), d) == Verdict::Pass);
    assert_int_equal(d.items[0].packed_size, 2000);
    assert_true(judge(values([](Packer &pk) { write_value(pk, true); })) == Verdict::Bad);
    assert_true(judge(values([](Packer &pk) { pk.pack(0); })) == Verdict::Bad);
    assert_true(judge(values([](Packer &pk) { pk.pack(UINT64_MAX); })) == Verdict::Bad);
    assert_true(judge(values([](Packer &pk) { pk.pack(-1); })) == Verdict::Bad);
    assert_true(judge(values([](Packer &pk) { pk.pack_nil(); })) == Verdict::Bad);

    msgpack::sbuffer b;
    Packer pk(&b);
    write_value(pk, false);
    filter::Item item;
    assert_true(filter::read_value((const uint8_t *)b.data(), b.size(), item));
    assert_int_equal(item.type, 0x20);
    assert_false(filter::read_value((const uint8_t *)b.data(), b.size() - 1, item));
}

void pieces_are_read(void **)
{
    msgpack::sbuffer b;
    Packer pk(&b);
    pk.pack_map(4);
    pk.pack("n");
    pk.pack(NET);
    pk.pack("y");
    pk.pack("p");
    pk.pack("t");
    pk.pack(5);
    pk.pack("p");
    pk.pack_map(1);
    pk.pack(3);
    pk.pack_map(2);
    pk.pack("o");
    pk.pack(1280);
    pk.pack("d");
    bin(pk, 100, 'x');
    Datagram d;
    assert_true(judge(b, d) == Verdict::Pass);
    assert_true(d.kind == Kind::Part);
    assert_int_equal(d.pieces.size(), 1);
    assert_int_equal(d.pieces[0].index, 3);
    assert_int_equal(d.pieces[0].offset, 1280);
    assert_int_equal(d.pieces[0].data.size(), 100);
    for (size_t n = 0; n < b.size(); n++)
        assert_true(filter::check((const uint8_t *)b.data(), n, NET, d) == Verdict::Bad);
}

/* A member that the engine reads, with something else in it. */
void shapes(void **)
{
    static const char *const members[] = {"h",  "target", "sid",    "token", "vid", "n4",
                                          "n6", "sa",     "c",      "exp",   "re",  "w",
                                          "ve", "q",      "values", "fileds"};
    static const Write wrong[] = {
        [](Packer &pk) { pk.pack_nil(); },
        [](Packer &pk) { pk.pack(-5); },
        [](Packer &pk) { pk.pack(1.5); },
        [](Packer &pk) { bin(pk, 7, 'x'); },
        [](Packer &pk) { pk.pack("text"); },
        [](Packer &pk) { pk.pack_array(1).pack_nil(); },
        [](Packer &pk) { pk.pack_map(1).pack(1).pack(1); },
    };
    for (const char *name : members)
        for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
            if (i == 3 && strcmp(name, "token") == 0)
                continue; /* seven octets are a token */
            auto b = message("r", 1, [&](Packer &pk) {
                pk.pack(name);
                wrong[i](pk);
            });
            assert_true(judge(b) == Verdict::Bad);
        }
}

void killers(void **)
{
    auto raw = [](std::vector<uint8_t> v) {
        Datagram d;
        return filter::check(v.data(), v.size(), NET, d);
    };
    assert_true(raw({}) == Verdict::Bad);
    assert_true(raw({0xdd, 0xff, 0xff, 0xff, 0xff}) == Verdict::Bad);
    assert_true(raw({0xdf, 0xff, 0xff, 0xff, 0xff}) == Verdict::Bad);
    assert_true(raw(std::vector<uint8_t>(60000, 0x91)) == Verdict::Bad);
    for (int what = 0; what < 5; what++) {
        msgpack::sbuffer b;
        Packer pk(&b);
        pk.pack_map(what == 4 ? 4 : 3);
        if (what == 0) {
            pk.pack("e");
            pk.pack_array(0);
        } else if (what == 1) {
            pk.pack("a");
            pk.pack(1);
        } else if (what == 2) {
            pk.pack("e"); /* an error that is alone is read as a map */
            pk.pack_array(2).pack(201).pack("x");
        } else if (what == 3) {
            pk.pack("r");
            pk.pack_array(1).pack(1);
        } else {
            pk.pack("r"); /* twice the same member */
            pk.pack_map(1).pack("id");
            bin(pk, 20, 'i');
            pk.pack("r");
            pk.pack(1);
        }
        pk.pack("t");
        pk.pack(1);
        pk.pack("n");
        pk.pack(NET);
        assert_true(judge(b) == Verdict::Bad);
    }
}

struct Pieces { /* a message that announces one value, and the value in pieces */
    Datagram header;
    std::vector<uint8_t> value;
    Pieces(uint32_t tid, bool good)
    {
        msgpack::sbuffer b;
        Packer pk(&b);
        if (good)
            write_value(pk, false);
        else
            pk.pack_array(70).pack_bin(60);
        value.assign(b.data(), b.data() + b.size());
        header.tid = tid;
        header.kind = Kind::Reply;
        filter::Item item{};
        item.packed_size = (uint32_t)value.size();
        header.items.push_back(item);
    }
    Datagram part(size_t from, size_t to) const
    {
        Datagram d;
        d.kind = Kind::Part;
        d.tid = header.tid;
        d.pieces.push_back(
            {0, (uint32_t)from,
             std::vector<uint8_t>(value.begin() + (ptrdiff_t)from, value.begin() + (ptrdiff_t)to)});
        return d;
    }
};

/* An answer with this many ids, split and read again (P-9.14). */
void pages(void **)
{
    auto answer = [](size_t ids, int second) {
        return message("r", 2, [=](Packer &pk) {
            pk.pack("token");
            bin(pk, 32, 't');
            pk.pack("fileds");
            pk.pack_map(2);
            pk.pack("f");
            pk.pack_array(2).pack(1).pack(second);
            pk.pack("v");
            pk.pack_array((uint32_t)(2 * ids));
            for (size_t i = 0; i < ids; i++)
                pk.pack(UINT64_MAX - i).pack(0x20);
        });
    };
    auto split = [](const msgpack::sbuffer &b) {
        return paging::split((const uint8_t *)b.data(), b.size());
    };
    assert_int_equal(split(answer(400, 2)).size(), 0);
    assert_int_equal(split(answer(500, 4)).size(), 0); /* other fields: not ours */
    auto parts = split(answer(20000, 2));
    assert_int_equal(parts.size(), 50);
    size_t claims = 0;
    for (size_t i = 0; i < parts.size(); i++) {
        Datagram d;
        assert_true(parts[i].size() < 5000);
        assert_true(filter::check(parts[i].data(), parts[i].size(), NET, d) == Verdict::Pass);
        assert_true(d.kind == Kind::Reply && d.page == i && d.pages == 50 && d.tid == 4711);
        assert_int_equal(d.claims[0].id, UINT64_MAX - i * 400);
        claims += d.claims.size();
    }
    assert_int_equal(claims, 20000);
    assert_true(parts[49].size() > parts[48].size()); /* it alone has the other members */
}

using Fate = Assembly::Fate;

void whole_values_are_looked_at(void **)
{
    Assembly a;
    Assembly::Time now{};
    Pieces good(1, true), bad(2, false);
    assert_true(a.pass("x:1", "x", good.header, now) == Fate::Pass);
    assert_true(a.pass("x:1", "x", good.header, now) == Fate::Drop); /* not twice */
    assert_true(a.pass("x:1", "x", good.part(0, 10), now) == Fate::Pass);
    assert_true(a.pass("y:1", "y", good.part(10, 12), now) == Fate::Drop); /* of somebody else */
    assert_true(a.pass("x:1", "x", good.part(10, good.value.size()), now) == Fate::Pass);
    assert_int_equal(a.cost(), 0);

    assert_true(a.pass("x:1", "x", bad.header, now) == Fate::Pass);
    assert_true(a.pass("x:1", "x", bad.part(0, 2), now) == Fate::Pass);
    assert_true(a.pass("x:1", "x", bad.part(2, bad.value.size()), now) == Fate::Drop);
    /* And not in a second try either, until the engine has forgotten it. */
    assert_true(a.pass("x:1", "x", bad.part(2, bad.value.size()), now) == Fate::Drop);
    assert_true(a.pass("x:1", "x", bad.header, now) == Fate::Drop);
    a.tick(now + std::chrono::seconds(12));
    assert_int_equal(a.cost(), 0);
    assert_true(a.pass("x:1", "x", bad.header, now) == Fate::Pass);
}

/* P-9.13: pieces that overtook others, and what announces them, wait for their turn. */
void overtaking_pieces_wait(void **)
{
    Assembly a;
    Assembly::Time now{};
    Assembly::Early e;
    Pieces p(1, true);
    auto come = [&](const Datagram &d) {
        auto fate = a.pass("x:1", "x", d, now);
        if (fate == Fate::Early)
            a.keep("x:1", {d, {1, 2, 3}, "x", now});
        return fate;
    };
    assert_true(come(p.part(10, p.value.size())) == Fate::Early);
    assert_true(come(p.part(0, 5)) == Fate::Early);
    assert_false(a.next("x:1", p.header.tid, e)); /* nothing is announced */
    assert_true(come(p.header) == Fate::Pass);
    assert_false(a.next("y:1", p.header.tid, e)); /* of somebody else */
    assert_true(a.next("x:1", p.header.tid, e) && e.d.pieces[0].offset == 0);
    assert_int_equal(e.octets.size(), 3);
    assert_true(come(e.d) == Fate::Pass);
    assert_false(a.next("x:1", p.header.tid, e)); /* 5 to 10 are missing */
    assert_true(come(p.part(5, 10)) == Fate::Pass);
    assert_true(a.next("x:1", p.header.tid, e) && e.d.pieces[0].offset == 10);
    assert_true(come(e.d) == Fate::Pass);
    assert_int_equal(a.cost(), 0);

    assert_true(come(p.part(0, 5)) == Fate::Early); /* sent again, too late */
    assert_true(a.cost() > 0);
    a.tick(now + std::chrono::seconds(3));
    assert_int_equal(a.cost(), 0);
}

void unfinished_values_are_limited(void **)
{
    Assembly a;
    Assembly::Time now{};
    uint32_t tid = 0;
    while (a.pass("x:1", "x", Pieces(tid, true).header, now) == Fate::Pass)
        tid++;
    assert_true(a.cost() <= Assembly::COST_PER_SOURCE && a.cost() > Assembly::COST_PER_SOURCE / 2);
    for (unsigned i = 0; i < 100000; i++)
        a.keep("x:1", {Pieces(tid + 1, true).part(0, 5), std::vector<uint8_t>(1000), "x", now});
    assert_true(a.cost() <= Assembly::COST_PER_SOURCE);
    assert_true(a.pass("y:1", "y", Pieces(tid, true).header, now) == Fate::Pass);
    for (unsigned i = 0; i < 20; i++) {
        std::string source = "z" + std::to_string(i);
        while (a.pass(source, source, Pieces(tid, true).header, now) == Fate::Pass)
            tid++;
    }
    assert_true(a.cost() <= Assembly::COST_MAX);
    a.tick(now + std::chrono::seconds(12));
    assert_int_equal(a.cost(), 0);
}

} // namespace

int main()
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pings_pass),
        cmocka_unit_test(finds_and_errors_are_told_apart),
        cmocka_unit_test(gets_are_read),
        cmocka_unit_test(listening_passes),
        cmocka_unit_test(claims_are_read),
        cmocka_unit_test(values_are_read),
        cmocka_unit_test(pieces_are_read),
        cmocka_unit_test(shapes),
        cmocka_unit_test(killers),
        cmocka_unit_test(pages),
        cmocka_unit_test(whole_values_are_looked_at),
        cmocka_unit_test(overtaking_pieces_wait),
        cmocka_unit_test(unfinished_values_are_limited),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
