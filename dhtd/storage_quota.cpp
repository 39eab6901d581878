/* SPDX-License-Identifier: GPL-3.0-or-later */
/* storage_quota.cpp - see storage_quota.h. */
#include "storage_quota.h"

StorageQuota::StorageQuota(size_t max) : max_(max)
{
}

bool StorageQuota::room(const Slot &slot, size_t size, const std::string &source) const
{
    size_t own = 0, own_source = 0;
    if (const Held *old = find(slot)) {
        own = old->size;
        own_source = old->source == source ? old->size : 0;
    } else {
        auto key = held_.find(slot.first);
        if (key != held_.end() && key->second.size() >= KEY_MAX)
            return false;
    }
    if (bytes_ - own + size + OVERHEAD > max_)
        return false;
    if (source.empty())
        return true;
    auto used = sources_.find(source);
    size_t before = used == sources_.end() ? 0 : used->second;
    return before - own_source + size + OVERHEAD <= max_ / 4;
}

void StorageQuota::keep(const Slot &slot, Held held)
{
    drop(slot);
    held.size += OVERHEAD;
    bytes_ += held.size;
    count_++;
    sources_[held.source] += held.size;
    by_expiry_.insert({held.expiry, slot.first, slot.second});
    held_[slot.first][slot.second] = std::move(held);
}

void StorageQuota::drop(const Slot &slot)
{
    auto key = held_.find(slot.first);
    if (key == held_.end())
        return;
    auto it = key->second.find(slot.second);
    if (it == key->second.end())
        return;
    const Held &h = it->second;
    bytes_ -= h.size;
    count_--;
    auto source = sources_.find(h.source);
    if ((source->second -= h.size) == 0)
        sources_.erase(source);
    by_expiry_.erase({h.expiry, slot.first, slot.second});
    key->second.erase(it);
    if (key->second.empty())
        held_.erase(key);
}

const StorageQuota::Held *StorageQuota::find(const Slot &slot) const
{
    auto key = held_.find(slot.first);
    if (key == held_.end())
        return nullptr;
    auto it = key->second.find(slot.second);
    return it == key->second.end() ? nullptr : &it->second;
}

const std::map<uint64_t, StorageQuota::Held> *StorageQuota::under(const policy::Key &key) const
{
    auto it = held_.find(key);
    return it == held_.end() ? nullptr : &it->second;
}

std::vector<StorageQuota::Slot> StorageQuota::expired(uint64_t now, size_t max) const
{
    std::vector<Slot> slots;
    for (const auto &[expiry, key, id] : by_expiry_) {
        if (expiry > now || slots.size() >= max)
            break;
        slots.push_back({key, id});
    }
    return slots;
}

std::vector<policy::Key> StorageQuota::keys() const
{
    std::vector<policy::Key> all;
    all.reserve(held_.size());
    for (const auto &k : held_)
        all.push_back(k.first);
    return all;
}

size_t StorageQuota::count() const
{
    return count_;
}

size_t StorageQuota::bytes() const
{
    return bytes_;
}
