/* SPDX-License-Identifier: GPL-3.0-or-later */
/* inline_values.h - a value and what it belongs to in one datagram (P-9.17). The engine sends a
 * value of 600 octets or more behind its put or reply, in pieces with headers of their own: three
 * datagrams for most notifications. Both ends read a value that stands inside just as well. */
#ifndef RESTANTE_DHTD_INLINE_VALUES_H
#define RESTANTE_DHTD_INLINE_VALUES_H

#include "common.h"
#include "packet_filter.h"
#include "policy.h"
#include <deque>

/* Octets of a datagram's content: what an Ethernet frame takes with IPv6, and not much more than
 * the engine's own largest one. */
constexpr size_t JOINED_PUT_MAX = 1452, JOINED_REPLY_MAX = 1360;

class InlineValues
{
  public:
    enum class Fate { Send, Held, Joined };

    /* A datagram of ours leaves, which was checked as d. Held: it comes with what follows at once.
     * Joined: whole is sent in the place of all that were held. */
    Fate sent(const dht::SockAddr &to, const filter::Datagram &d, const uint8_t *p, size_t n,
              policy::Blob &whole);
    /* A reply of ours without its neighbourhood, token and address. */
    static policy::Blob lean(const uint8_t *p, size_t n);
    /* Is something held, so that the next datagram must be looked at? */
    bool holding() const;

  private:
    dht::SockAddr to_;
    uint32_t tid_ = 0;
    size_t size_ = 0; /* of the packed value; 0: nothing is held */
    policy::Blob head_, value_;
    std::deque<std::pair<dht::SockAddr, uint32_t>> joined_; /* lately, not to be joined again */
};

#endif
