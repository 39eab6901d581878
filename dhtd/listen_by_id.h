/* SPDX-License-Identifier: GPL-3.0-or-later */
/* listen_by_id.h - listening for ids instead of values (P-9.15). The engine asks every node near a
 * key to send it each new value whole, so that one value would come as often as it is held. Its
 * requests are changed on their way out to ask for ids and types; the value is then fetched once.
 */
#ifndef RESTANTE_DHTD_LISTEN_BY_ID_H
#define RESTANTE_DHTD_LISTEN_BY_ID_H

#include "lookup.h"

class ListenById
{
  public:
    /* What to send instead of a datagram of the engine that was checked as d: a request to listen,
     * asking for ids. Empty: send it as it is. */
    policy::Blob sent(const dht::SockAddr &to, const filter::Datagram &d, const uint8_t *p,
                      size_t n);
    /* The key whose ids this datagram tells, or NULL. */
    const policy::Key *told(const dht::SockAddr &from, const filter::Datagram &d) const;

  private:
    std::map<std::pair<dht::SockAddr, uint32_t>, policy::Key> asked_; /* by node and sid */
};

#endif
