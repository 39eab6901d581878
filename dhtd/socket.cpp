/* SPDX-License-Identifier: GPL-3.0-or-later */
/* socket.cpp - see socket.h. */
#include "socket.h"
#include "paging.h"
#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <unistd.h>

using dht::SockAddr;

namespace
{

constexpr size_t PAGED_FROM = 2000;     /* no shorter datagram holds two pages of ids */
constexpr int RECEIVE_BUFFER = 8 << 20; /* the kernel gives what it allows */

std::string why(const char *what, const SockAddr &a)
{
    std::string where = a.toString();
    if (errno == EADDRINUSE)
        return "UDP port " + std::to_string(a.getPort()) + " is taken (" + where + ")";
    return std::string("cannot ") + what + " UDP " + where + ": " + strerror(errno);
}

int open_one(const SockAddr &a, SockAddr &bound)
{
    bool v6 = a.getFamily() == AF_INET6;
    int one = 1, size = RECEIVE_BUFFER;
    int s = socket(v6 ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (s < 0)
        throw std::runtime_error(why("open", a));
    if (v6)
        setsockopt(s, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof one);
    setsockopt(s, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
    setsockopt(s, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
    sockaddr_storage ss{};
    socklen_t n = sizeof ss;
    if (bind(s, a.get(), a.getLength()) < 0 || getsockname(s, (sockaddr *)&ss, &n) < 0) {
        std::string text = why("bind", a);
        ::close(s);
        throw std::runtime_error(text);
    }
    bound = SockAddr(ss, n);
    return s;
}

SockAddr address(const std::string &text, sa_family_t family, uint16_t port)
{
    SockAddr a;
    a.setFamily(family);
    try {
        if (text.empty())
            a.setAny();
        else
            a.setAddress(text.c_str());
    } catch (const std::exception &) {
        throw std::runtime_error("\"" + text + "\" is not an IPv" +
                                 (family == AF_INET ? "4" : "6") + " address");
    }
    a.setPort(port);
    return a;
}

} // namespace

Socket::Socket(const std::string &bind4, const std::string &bind6, bool need6, uint16_t port)
{
    if (bind4 != "none")
        s4 = open_one(address(bind4, AF_INET, port), bound4);
    if (bind6 == "none")
        return;
    uint16_t same = s4 >= 0 ? bound4.getPort() : port;
    try {
        s6 = open_one(address(bind6, AF_INET6, same), bound6);
    } catch (const std::exception &) {
        if (need6 || s4 < 0 || errno == EADDRINUSE) {
            stop();
            throw;
        }
    }
}

Socket::~Socket()
{
    Socket::stop();
}

int Socket::sendTo(const SockAddr &to, const uint8_t *p, size_t n, bool replied)
{
    int s = to.getFamily() == AF_INET6 ? s6 : s4;
    if (s < 0)
        return EAFNOSUPPORT;
    policy::Blob instead;
    if (spy_ && !spy_(to, p, n, instead))
        return 0;
    if (!instead.empty()) {
        p = instead.data();
        n = instead.size();
    }
    int flags = MSG_NOSIGNAL | (replied ? MSG_CONFIRM : 0);
    if (n > PAGED_FROM) {
        auto pages = paging::split(p, n);
        for (const auto &page : pages)
            if (sendto(s, page.data(), page.size(), flags, to.get(), to.getLength()) < 0)
                return errno;
        if (!pages.empty())
            return 0;
    }
    return sendto(s, p, n, flags, to.get(), to.getLength()) < 0 ? errno : 0;
}

bool Socket::hasIPv4() const
{
    return s4 >= 0;
}

bool Socket::hasIPv6() const
{
    return s6 >= 0;
}

const SockAddr &Socket::getBoundRef(sa_family_t family) const
{
    return family == AF_INET6 ? bound6 : bound4;
}

std::vector<SockAddr> Socket::resolve(const std::string &, const std::string &)
{
    return {};
}

void Socket::stop()
{
    if (s4 >= 0)
        ::close(s4);
    if (s6 >= 0)
        ::close(s6);
    s4 = s6 = -1;
}

int Socket::fd4() const
{
    return s4;
}

int Socket::fd6() const
{
    return s6;
}

void Socket::set_spy(Spy spy)
{
    spy_ = std::move(spy);
}
