/* SPDX-License-Identifier: GPL-3.0-or-later */
/* storage_quota.h - what this node holds, for whom and until when (P-9.9). The engine's own quota
 * can loop for ever and its expiry moves whenever somebody puts the same bytes again, so both are
 * kept here.
 */
#ifndef RESTANTE_DHTD_STORAGE_QUOTA_H
#define RESTANTE_DHTD_STORAGE_QUOTA_H

#include "policy.h"
#include <map>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

class StorageQuota
{
  public:
    struct Held {
        uint64_t expiry;
        size_t size;        /* octets, with what an entry costs besides its value */
        std::string source; /* who put it: "" for this node's own peers, else its network address */
        bool tomb;
    };
    using Slot = std::pair<policy::Key, uint64_t>;

    static constexpr size_t OVERHEAD = 512; /* memory of an entry besides its octets */
    static constexpr size_t KEY_MAX =
        50000; /* values under one key; the engine's limit is 65,536 */

    /* max: octets in all. One source may use a quarter of them. */
    explicit StorageQuota(size_t max);

    /* Is there room for this, in the place of what is held there now? */
    bool room(const Slot &slot, size_t size, const std::string &source) const;
    void keep(const Slot &slot, Held held);
    void drop(const Slot &slot);
    const Held *find(const Slot &slot) const;
    /* What is held under key, in the order of ids; NULL when nothing. */
    const std::map<uint64_t, Held> *under(const policy::Key &key) const;
    /* At most max slots whose time is over. */
    std::vector<Slot> expired(uint64_t now, size_t max) const;
    std::vector<policy::Key> keys() const;
    size_t count() const;
    size_t bytes() const;

  private:
    size_t max_, count_ = 0, bytes_ = 0;
    std::map<policy::Key, std::map<uint64_t, Held>> held_;
    std::map<std::string, size_t> sources_;
    std::set<std::tuple<uint64_t, policy::Key, uint64_t>> by_expiry_;
};

#endif
