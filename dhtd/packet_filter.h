/* SPDX-License-Identifier: GPL-3.0-or-later */
/* packet_filter.h - looks at every datagram before the engine does.
 *
 * OpenDHT 2.4.12 reads some msgpack objects without looking at their type: single datagrams from
 * anybody, of any network, kill the process. So the packet filter knows the shape of each message
 * the engine reads and lets through nothing else (P-9.13). What it learns on the way (who claims to
 * have which ids, the pieces of a value) serves our own look-ups: see engine.h. */
#ifndef RESTANTE_DHTD_PACKET_FILTER_H
#define RESTANTE_DHTD_PACKET_FILTER_H

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace filter
{

enum class Kind { Other, Find, Get, Put, Listen, Reply, Error, Update, Part };

struct Claim { /* "I hold a value of this type with this id" */
    uint64_t id;
    uint32_t type;
};

struct Piece { /* of the value with this index in the sender's list, or a whole value's start */
    uint32_t index, offset;
    std::vector<uint8_t> data;
};

struct Item {             /* a value inside a reply: whole, or announced by its packed size */
    uint32_t packed_size; /* 0: whole, and the rest is filled */
    uint64_t id;
    uint32_t type;
    std::vector<uint8_t> data;
};

struct Datagram {
    Kind kind = Kind::Other;
    uint32_t tid = 0;                 /* transaction */
    std::array<uint8_t, 20> sender{}; /* node id; zero in a Part */
    std::array<uint8_t, 20> key{};    /* Find, Get, Listen, Update */
    uint32_t sid = 0;                 /* Listen: the transaction of what will be told */
    bool has_token = false;           /* Reply: with what a put needs */
    bool selects_types = false;       /* Get: asks for ids and types only */
    bool names_id = false;            /* Get: asks for one id only: */
    uint64_t wanted_id = 0;
    bool names_type = false;   /* a query for the values of one type */
    bool selects_all = false;  /* a query for whole values, not of one id */
    std::vector<Claim> claims; /* Reply to such a Get or Listen, or one page of it: */
    uint32_t page = 0, pages = 1;
    std::vector<Item> items;   /* Put; Reply to any other Get; Update: what is new under the key */
    std::vector<Piece> pieces; /* Part */
};

enum class Verdict { Pass, Foreign, Bad }; /* Foreign: of another network id, otherwise fine */

/* Looks at n octets. d is filled when the verdict is Pass; nothing throws. */
Verdict check(const uint8_t *p, size_t n, uint32_t network, Datagram &d);

/* Reads one packed value (as it is put together from its pieces). */
bool read_value(const uint8_t *p, size_t n, Item &item);

} // namespace filter

#endif
