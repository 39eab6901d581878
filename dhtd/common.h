/* SPDX-License-Identifier: GPL-3.0-or-later */
/* common.h - OpenDHT's headers and the project's, in the one order in which they fit: both define
 * HASH_LEN, each for itself. */
#ifndef RESTANTE_DHTD_COMMON_H
#define RESTANTE_DHTD_COMMON_H

#include <opendht/dht.h>
#include <opendht/network_utils.h>
#undef HASH_LEN

extern "C" {
#include "base/buf.h"
#include "base/clock.h"
#include "base/crypt.h"
#include "base/error.h"
#include "base/file.h"
#include "base/log.h"
#include "proto/dht_frames.h"
#include "proto/entry.h"
}

/* A buffer of base/buf.h with this cap: its own initializer is not C++. */
inline buf empty_buf(size_t cap)
{
    buf b{};
    b.cap = cap;
    return b;
}

/* Where an exported node is: OpenDHT 2 tells it in two fields, 3 in one. */
template <typename Node> auto address_of(const Node &n) -> decltype(dht::SockAddr(n.addr))
{
    return n.addr;
}

template <typename Node> auto address_of(const Node &n) -> decltype(dht::SockAddr(n.ss, n.sslen))
{
    return {n.ss, n.sslen};
}

#endif
