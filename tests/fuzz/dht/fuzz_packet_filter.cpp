/* SPDX-License-Identifier: GPL-3.0-or-later */
/* fuzz_packet_filter.cpp - the packet filter, and behind it the real engine: whatever passes must
 * not kill it. The inputs are datagrams of network 77. */
#include "assembly.h"
#include "common.h"
#include "packet_filter.h"
#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

namespace
{

using dht::SockAddr;

struct Nowhere final : public dht::net::DatagramSocket { /* what is sent is dropped */
    SockAddr bound;
    Nowhere()
    {
        bound.setFamily(AF_INET);
        bound.setAddress("127.0.0.1");
        bound.setPort(4280);
    }
    int sendTo(const SockAddr &, const uint8_t *, size_t, bool) override
    {
        return 0;
    }
    bool hasIPv4() const override
    {
        return true;
    }
    bool hasIPv6() const override
    {
        return false;
    }
    const SockAddr &getBoundRef(sa_family_t) const override
    {
        return bound;
    }
    void stop() override
    {
    }
};

constexpr uint32_t NETWORK = 77;

dht::Dht &engine()
{
    static dht::Dht *node;
    static unsigned used;
    if (++used > 2000) { /* a fresh one now and then: it remembers the nodes it hears of */
        delete node;
        node = nullptr;
        used = 0;
    }
    if (!node) {
        dht::Config c;
        c.network = NETWORK;
        c.max_req_per_sec = c.max_peer_req_per_sec = -1;
        node = new dht::Dht(std::make_unique<Nowhere>(), c, std::shared_ptr<dht::Logger>{});
    }
    return *node;
}

} // namespace

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static Assembly assembly;
    static const SockAddr from = [] {
        SockAddr a;
        a.setFamily(AF_INET);
        a.setAddress("192.0.2.1");
        a.setPort(4280);
        return a;
    }();
    filter::Datagram d;
    filter::Item item;
    filter::read_value(data, size, item);
    if (filter::check(data, size, NETWORK, d) != filter::Verdict::Pass)
        return 0;
    if (d.claims.size() > size || d.items.size() > size || d.pieces.size() > size)
        abort();
    auto now = std::chrono::steady_clock::now();
    assembly.tick(now);
    Assembly::Early e{d, {data, data + size}, "a", now};
    do {
        auto fate = assembly.pass("a:1", "a", e.d, now);
        if (fate == Assembly::Fate::Early)
            assembly.keep("a:1", e);
        if (fate != Assembly::Fate::Pass)
            break;
        engine().periodic(e.octets.data(), e.octets.size(), from, dht::clock::now());
    } while (assembly.next("a:1", d.tid, e));
    return 0;
}
