/* SPDX-License-Identifier: GPL-3.0-or-later */
/* token_cache.h - what the nodes near a key have just said of their neighbourhood (P-9.16). The
 * engine keeps who they are and their tokens, but asks each of them once more for every value it
 * puts: that question took more octets than the tombstone it was asked for. Who has answered within
 * the last minutes is not asked again, and the engine is given that answer; the put itself is
 * confirmed by each node, as ever. */
#ifndef RESTANTE_DHTD_TOKEN_CACHE_H
#define RESTANTE_DHTD_TOKEN_CACHE_H

#include "lookup.h"

class TokenCache
{
  public:
    /* A question of ours leaves. Not empty: the answer to it, which spares it. */
    policy::Blob sent(const dht::SockAddr &to, const filter::Datagram &d);
    /* A datagram of n octets came. */
    void received(const dht::SockAddr &from, const filter::Datagram &d, const uint8_t *p, size_t n);
    void tick(Clock::time_point now);

  private:
    using Way = std::pair<dht::SockAddr, policy::Key>;
    struct Asked {
        policy::Key key;
        Clock::time_point when;
    };
    struct Answer {
        policy::Blob octets;
        Clock::time_point when;
    };
    std::map<std::pair<dht::SockAddr, uint32_t>, Asked> asked_;
    std::map<Way, Answer> answers_; /* by node and key */
};

#endif
