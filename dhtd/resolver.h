/* SPDX-License-Identifier: GPL-3.0-or-later */
/* resolver.h - turns --bootstrap HOST:PORT into addresses without stopping the loop. Host names are
 * looked up in a small child process that is started before confinement; it ends with its parent.
 */
#ifndef RESTANTE_DHTD_RESOLVER_H
#define RESTANTE_DHTD_RESOLVER_H

#include "common.h"
#include <string>
#include <utility>
#include <vector>

class Resolver
{
  public:
    using Host = std::pair<std::string, std::string>; /* host, port */

    /* Numeric hosts are known at once; for the others the child is started. Throws
     * std::runtime_error when it cannot be. */
    explicit Resolver(const std::vector<Host> &hosts);
    ~Resolver();
    Resolver(const Resolver &) = delete;
    Resolver &operator=(const Resolver &) = delete;

    int fd() const; /* to be read when poll() says so; -1 without a child */
    void ask();     /* looks the names up (again) */
    bool read();    /* true when addresses() changed */
    std::vector<dht::SockAddr> addresses() const;

  private:
    [[noreturn]] static void child(int fd, const std::vector<Host> &names);
    int fd_ = -1;
    std::vector<dht::SockAddr> numeric_, named_;
};

#endif
