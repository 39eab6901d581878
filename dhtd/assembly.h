/* SPDX-License-Identifier: GPL-3.0-or-later */
/* assembly.h - follows how the engine puts values together from several datagrams.
 *
 * The engine unpacks a completed value without any limit, so a few octets can claim gigabytes. Here
 * the same pieces are put together first; the datagram that would complete something that is not a
 * value never reaches the engine. The memory that unfinished values take is limited, too, in all
 * and for one source.
 *
 * The engine drops a piece that overtook another one on its way, and the value is sent again only a
 * second later. So such a piece is kept here until its turn. */
#ifndef RESTANTE_DHTD_ASSEMBLY_H
#define RESTANTE_DHTD_ASSEMBLY_H

#include "packet_filter.h"
#include <chrono>
#include <map>
#include <string>

class Assembly
{
  public:
    using Time = std::chrono::steady_clock::time_point;
    static constexpr size_t COST_MAX = 64u << 20, COST_PER_SOURCE = 16u << 20;

    struct Early { /* a piece that came before its turn, with the octets of its datagram */
        filter::Datagram d;
        std::vector<uint8_t> octets;
        std::string source;
        Time came;
    };
    enum class Fate { Pass, Drop, Early };

    /* May the engine see this datagram? Early: not yet, see keep(). from: address and port; source:
     * whose quota it uses. */
    Fate pass(const std::string &from, const std::string &source, const filter::Datagram &d,
              Time now);
    /* Keeps an early piece for a while, if there is room. */
    void keep(const std::string &from, Early early);
    /* Takes out a kept piece of this transaction whose turn has come. */
    bool next(const std::string &from, uint32_t tid, Early &early);
    /* Forgets what the engine has forgotten, too. */
    void tick(Time now);
    size_t cost() const;

  private:
    struct Value {
        uint32_t size;
        std::vector<uint8_t> data;
    };
    struct Message {
        std::string from, source;
        Time started;
        size_t cost;
        bool poisoned; /* would have completed to nonsense: nothing more of it passes */
        std::map<uint32_t, Value> values;
    };
    using Messages = std::map<uint32_t, Message>;

    bool begin(const std::string &from, const std::string &source, const filter::Datagram &d,
               Time now);
    bool pay(const std::string &source, size_t cost);
    void pay_back(const std::string &source, size_t cost);
    bool is_early(const Message &m, const filter::Datagram &d) const;
    void forget(Messages::iterator it);

    Messages messages_; /* by transaction, as the engine keeps them */
    std::multimap<std::pair<std::string, uint32_t>, Early> early_; /* by from and transaction */
    std::map<std::string, size_t> sources_;
    size_t cost_ = 0;
};

#endif
