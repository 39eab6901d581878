/* SPDX-License-Identifier: GPL-3.0-or-later */
/* resolver.cpp - see resolver.h. The child answers each octet it reads with one datagram that holds
 * all addresses, 19 octets each: the length of the address (4 or 16), its octets, the port. */
#include "resolver.h"
#include <cerrno>
#include <csignal>
#include <cstring>
#include <netdb.h>
#include <stdexcept>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

using dht::SockAddr;

namespace
{

constexpr size_t ITEM = 19, ITEMS_MAX = 64;

void look_up(const Resolver::Host &host, int flags, std::vector<SockAddr> &out)
{
    addrinfo hints{}, *info = nullptr;
    hints.ai_socktype = SOCK_DGRAM;
    hints.ai_flags = flags;
    if (getaddrinfo(host.first.c_str(), host.second.c_str(), &hints, &info) != 0)
        return;
    for (addrinfo *i = info; i; i = i->ai_next)
        if (i->ai_family == AF_INET || i->ai_family == AF_INET6)
            out.push_back(SockAddr(i->ai_addr, i->ai_addrlen));
    freeaddrinfo(info);
}

} // namespace

Resolver::Resolver(const std::vector<Host> &hosts)
{
    std::vector<Host> names;
    for (const auto &h : hosts) {
        size_t before = numeric_.size();
        look_up(h, AI_NUMERICHOST, numeric_);
        if (numeric_.size() == before)
            names.push_back(h);
    }
    if (names.empty())
        return;
    int pair[2];
    pid_t pid = -1;
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0 || (pid = fork()) < 0)
        throw std::runtime_error(std::string("cannot start the look-up of names: ") +
                                 strerror(errno));
    if (pid == 0) {
        close(pair[0]);
        child(pair[1], names);
    }
    close(pair[1]);
    fd_ = pair[0];
    ask();
}

Resolver::~Resolver()
{
    if (fd_ < 0)
        return;
    close(fd_); /* the child sees it and ends */
}

void Resolver::child(int fd, const std::vector<Host> &names)
{
    uint8_t octet;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    while (recv(fd, &octet, 1, 0) == 1) {
        std::vector<SockAddr> found;
        for (const auto &n : names)
            look_up(n, 0, found);
        uint8_t out[ITEM * ITEMS_MAX] = {};
        size_t n = 0;
        for (const auto &a : found) {
            if (n == ITEMS_MAX)
                break;
            uint8_t *p = out + n++ * ITEM;
            bool v4 = a.getFamily() == AF_INET;
            p[0] = v4 ? 4 : 16;
            memcpy(p + 1,
                   v4 ? (const void *)&a.getIPv4().sin_addr : (const void *)&a.getIPv6().sin6_addr,
                   p[0]);
            p[17] = (uint8_t)(a.getPort() >> 8);
            p[18] = (uint8_t)a.getPort();
        }
        if (send(fd, out, n > 0 ? n * ITEM : 1, MSG_NOSIGNAL) < 0)
            break;
    }
    _exit(0);
}

int Resolver::fd() const
{
    return fd_;
}

void Resolver::ask()
{
    if (fd_ >= 0)
        (void)!send(fd_, "?", 1, MSG_NOSIGNAL | MSG_DONTWAIT);
}

bool Resolver::read()
{
    uint8_t in[ITEM * ITEMS_MAX];
    ssize_t n = recv(fd_, in, sizeof in, MSG_DONTWAIT);
    if (n < 0 && errno == EAGAIN)
        return false;
    if (n <= 0) { /* the child is gone: what is known stays */
        close(fd_);
        fd_ = -1;
        return false;
    }
    if (n % (ssize_t)ITEM)
        return false; /* nothing was found: keep what was known */
    named_.clear();
    for (const uint8_t *p = in; p < in + n; p += ITEM) {
        SockAddr a;
        a.setFamily(p[0] == 4 ? AF_INET : AF_INET6);
        if (p[0] == 4)
            memcpy(&a.getIPv4().sin_addr, p + 1, 4);
        else
            memcpy(&a.getIPv6().sin6_addr, p + 1, 16);
        a.setPort((in_port_t)(p[17] << 8 | p[18]));
        named_.push_back(std::move(a));
    }
    return true;
}

std::vector<SockAddr> Resolver::addresses() const
{
    auto all = numeric_;
    all.insert(all.end(), named_.begin(), named_.end());
    return all;
}
