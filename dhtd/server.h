/* SPDX-License-Identifier: GPL-3.0-or-later */
/* server.h - the local socket of restante-dht: who may ask (P-8.1), how much (P-8.11), and the
 * answers (P-8.3, P-8.10). */
#ifndef RESTANTE_DHTD_SERVER_H
#define RESTANTE_DHTD_SERVER_H

#include "engine.h"
#include <map>
#include <memory>
#include <poll.h>
#include <string>
#include <sys/types.h>
#include <vector>

class Server
{
  public:
    static constexpr size_t CONNECTIONS_PER_UID = 64;
    static constexpr size_t LISTENS_PER_UID = 256;
    static constexpr size_t REQUESTS_PER_CONNECTION = 256; /* under way; then reading waits */
    static constexpr size_t REQUESTS_PER_UID = 1024;
    static constexpr size_t OUT_MAX = 8u << 20;  /* unsent octets; then the connection is dropped */
    static constexpr size_t OUT_SLOW = 1u << 20; /* unsent octets; then gets pause */

    /* Makes the socket, 0600, in a folder that belongs to root or to this user and that nobody else
     * may write to. A dead socket of that name is replaced; a live one is an error. Throws
     * std::runtime_error with a sentence. */
    Server(Engine &engine, const std::string &path);
    ~Server();
    Server(const Server &) = delete;
    Server &operator=(const Server &) = delete;

    void poll_fds(std::vector<pollfd> &fds);
    /* The same entries after poll(). */
    void serve(const std::vector<pollfd> &fds);
    /* Tells every connection when the link changed. */
    void tick();

  private:
    struct Connection;
    using Sp = std::shared_ptr<Connection>;

    void accept_all();
    void read(const Sp &c);
    void flush(const Sp &c);
    void parse(const Sp &c);
    bool may_read(const Connection &c) const;
    void request(const Sp &c, const dht_frame &f);
    void request_put(const Sp &c, const dht_frame &f);
    void request_get(const Sp &c, const dht_frame &f);
    void request_listen(const Sp &c, const dht_frame &f);
    void request_list(const Sp &c, const dht_frame &f);
    void answer(const Sp &c, const dht_frame &f);
    Engine::Done done(const Sp &c, uint32_t request);
    void finished(const Sp &c);
    void drop(const Sp &c, const char *why);

    Engine &engine_;
    std::string path_;
    int fd_ = -1;
    std::vector<Sp> connections_;
    std::map<uid_t, size_t> requests_, listens_;
    bool told_connected_ = false;
};

#endif
