/* SPDX-License-Identifier: GPL-3.0-or-later */
/* lookup.h - who holds what, and fetching it.
 *
 * The engine finds the nodes closest to a key and asks them. But its query() hands on only the
 * first answer that is not empty, and its get() fetches each value from eight nodes. So Finds
 * listens to the engine's own datagrams and gathers what *every* node claims, and Fetches asks one
 * claimant for one value, then the next one when that fails. */
#ifndef RESTANTE_DHTD_LOOKUP_H
#define RESTANTE_DHTD_LOOKUP_H

#include "common.h"
#include "packet_filter.h"
#include "policy.h"
#include <chrono>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <vector>

using Clock = std::chrono::steady_clock;

struct Find { /* one look-up of one key */
    struct Answer {
        policy::Key node; /* its id */
        dht::SockAddr address;
    };
    struct Claims { /* about one id: indexes into answers */
        std::vector<uint16_t> entry, tomb;
        bool entry_here = false, tomb_here = false; /* this node's own store */
    };
    policy::Key key{};
    uint64_t want = 0;   /* this id only; 0: all */
    bool ok = false;     /* the search ended in the regular way */
    bool enough = false; /* and so many answered that what they do not know is not there */
    std::vector<Answer> answers;
    std::map<uint64_t, Claims> ids;

    /* The answers of the n nodes closest to the key. */
    std::vector<uint16_t> closest(size_t n) const;
    /* Addresses that claim the entry, or the tombstone. */
    std::vector<dht::SockAddr> holders(uint64_t id, bool tomb) const;
};

class Finds
{
  public:
    void add(const std::shared_ptr<Find> &find);
    void remove(const std::shared_ptr<Find> &find);
    /* A datagram of ours leaves; one of another node came. */
    void sent(const dht::SockAddr &to, const filter::Datagram &d);
    /* Which of the octets of a datagram the engine may see now: usually data itself; nothing when a
     * page of a longer answer came; when that completes the answer, its last page. */
    policy::Blob received(const dht::SockAddr &from, const filter::Datagram &d, const uint8_t *data,
                          size_t n);
    void tick(Clock::time_point now);

  private:
    struct Asked {
        policy::Key key{};
        uint64_t id = 0; /* 0: all */
        Clock::time_point when;
        std::vector<bool> pages; /* which have come */
        size_t missing = 0;
        policy::Blob last; /* the last page, when others are missing */
    };
    bool complete(Asked &asked, const filter::Datagram &d, const uint8_t *data, size_t n);
    static void note(Find &find, const Asked &asked, const dht::SockAddr &from,
                     const filter::Datagram &d);
    std::multimap<policy::Key, std::shared_ptr<Find>> active_;
    std::map<std::pair<dht::SockAddr, uint32_t>, Asked> asked_;
};

class Fetches
{
  public:
    /* data: the stored octets of a valid record of the wanted kind, or NULL. */
    using Done = std::function<void(const policy::Blob *data)>;
    using Send = std::function<void(const dht::SockAddr &to, const uint8_t *p, size_t n)>;

    Fetches(Send send, uint32_t network, const policy::Key &node);
    void start(const policy::Key &key, uint64_t id, bool tomb,
               std::vector<dht::SockAddr> candidates, Done done);
    /* True when the datagram belongs to us; the engine must not see it then. */
    bool received(const dht::SockAddr &from, filter::Datagram &d);
    /* Looks after lost datagrams; returns when to be called again. */
    Clock::time_point tick(Clock::time_point now);

  private:
    struct Fetch {
        policy::Key key;
        uint64_t id;
        bool tomb;
        std::vector<dht::SockAddr> candidates;
        size_t attempts = 0;
        Done done;
    };
    struct Transfer { /* one question under way, and the pieces of its answer */
        Fetch fetch;
        Clock::time_point last;
        uint32_t size = 0, have = 0; /* of the packed value; 0: not announced yet */
        std::map<uint32_t, std::vector<uint8_t>> pieces;
    };
    using Way = std::pair<dht::SockAddr, uint32_t>;

    void ask(Fetch fetch);
    void pump();
    void next(Fetch fetch);
    void finish(std::map<Way, Transfer>::iterator it, const filter::Item &item);
    void whole(std::map<Way, Transfer>::iterator it);

    Send send_;
    uint32_t network_;
    policy::Key node_;
    std::map<Way, Transfer> under_way_;
    std::deque<Fetch> waiting_;
};

#endif
