/* SPDX-License-Identifier: GPL-3.0-or-later */
/* assembly.h - follows how the engine puts values together from several datagrams.
 *
 * The engine unpacks a completed value without any limit, so a few octets can claim gigabytes. Here
 * the same pieces are put together first; the datagram that would complete something that is not a
 * value never reaches the engine. The memory that unfinished values take is limited, too, in all
 * and for one source. */
#ifndef RESTANTE_DHTD_ASSEMBLY_H
#define RESTANTE_DHTD_ASSEMBLY_H

#include "gate.h"
#include <chrono>
#include <map>
#include <string>

class Assembly
{
  public:
    using Time = std::chrono::steady_clock::time_point;
    static constexpr size_t COST_MAX = 64u << 20, COST_PER_SOURCE = 16u << 20;

    struct News { /* the values of an update, once all of them are there */
        std::array<uint8_t, 20> key;
        std::vector<gate::Item> items;
    };

    /* May the engine see this datagram? from: address and port; source: whose quota it uses.
     * news: filled when the datagram is, or completes, an update. */
    bool pass(const std::string &from, const std::string &source, const gate::Datagram &d, Time now,
              News &news);
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
        bool update;
        std::array<uint8_t, 20> key;
        std::vector<gate::Item> whole; /* of an update: values that came in one piece */
        std::map<uint32_t, Value> values;
    };
    using Messages = std::map<uint32_t, Message>;

    bool begin(const std::string &from, const std::string &source, const gate::Datagram &d,
               Time now);
    bool pay(Message &m, size_t cost);
    void forget(Messages::iterator it);

    Messages messages_; /* by transaction, as the engine keeps them */
    std::map<std::string, size_t> sources_;
    size_t cost_ = 0;
};

#endif
