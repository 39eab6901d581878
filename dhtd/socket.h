/* SPDX-License-Identifier: GPL-3.0-or-later */
/* socket.h - the UDP sockets of the node. OpenDHT's own class reads on a second thread, with
 * select() and the default receive buffer; ours is read by the one loop, and shows what is sent. */
#ifndef RESTANTE_DHTD_SOCKET_H
#define RESTANTE_DHTD_SOCKET_H

#include "common.h"
#include "policy.h"
#include <functional>
#include <string>

class Socket final : public dht::net::DatagramSocket
{
  public:
    /* Sees what is sent. False: it need not be. What it puts into instead, if anything, is sent in
     * its place. */
    using Spy = std::function<bool(const dht::SockAddr &to, const uint8_t *p, size_t n,
                                   policy::Blob &instead)>;

    /* Binds; "" means all addresses, "none" not this family. When IPv6 was not asked for by name
     * it may be missing. Port 0 takes a free one, the same for both families where possible.
     * Throws std::runtime_error with a sentence. */
    Socket(const std::string &bind4, const std::string &bind6, bool need6, uint16_t port);
    ~Socket() override;
    Socket(const Socket &) = delete;
    Socket &operator=(const Socket &) = delete;

    int sendTo(const dht::SockAddr &to, const uint8_t *p, size_t n, bool replied) override;
    bool hasIPv4() const override;
    bool hasIPv6() const override;
    const dht::SockAddr &getBoundRef(sa_family_t family) const override;
    /* Always nothing: names are looked up outside (resolver.h), never while the loop runs. */
    std::vector<dht::SockAddr> resolve(const std::string &host,
                                       const std::string &service) override;
    void stop() override;

    int fd4() const;
    int fd6() const;
    /* Called for each datagram before it leaves. */
    void set_spy(Spy spy);

  private:
    int s4 = -1, s6 = -1;
    dht::SockAddr bound4, bound6;
    Spy spy_;
};

#endif
