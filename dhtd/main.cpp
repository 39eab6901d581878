/* SPDX-License-Identifier: GPL-3.0-or-later */
/* main.cpp - restante-dht: the loop around the node, its sockets and the peers of this host. */
#include "confine.h"
#include "engine.h"
#include "options.h"
#include "resolver.h"
#include "server.h"
#include "state.h"
#include <csignal>
#include <cstdio>
#include <cstring>
#include <memory>
#include <poll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#define LOG_AREA "dht"

namespace
{

using namespace std::chrono_literals;

constexpr auto LOOK_UP_AGAIN = 60s; /* names of bootstrap nodes, while not connected */

int open_signals()
{
    sigset_t set;
    sigemptyset(&set);
    for (int s : {SIGTERM, SIGINT, SIGHUP})
        sigaddset(&set, s);
    sigprocmask(SIG_BLOCK, &set, nullptr);
    signal(SIGPIPE, SIG_IGN);
    return signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
}

/* tied: standard input, whose end is ours too; -1 = not tied */
void loop(Engine &engine, Server *server, State &state, Resolver &resolver, int signals, int tied)
{
    std::vector<pollfd> fds, local;
    auto next_names = Clock::now() + LOOK_UP_AGAIN;
    for (;;) {
        int wait = engine.tick();
        fds.clear();
        fds.push_back({signals, POLLIN, 0});
        fds.push_back({engine.fd4(), POLLIN, 0});
        fds.push_back({engine.fd6(), POLLIN, 0});
        fds.push_back({resolver.fd(), POLLIN, 0});
        fds.push_back({tied, POLLIN, 0});
        size_t first = fds.size();
        if (server) {
            server->tick();
            server->poll_fds(fds);
        }
        if (poll(fds.data(), fds.size(), wait) < 0 && errno != EINTR) {
            log_error("poll: %s", strerror(errno));
            return;
        }
        if (fds[0].revents || fds[4].revents)
            return;
        if (fds[1].revents)
            engine.read(engine.fd4());
        if (fds[2].revents)
            engine.read(engine.fd6());
        if (fds[3].revents && resolver.read())
            engine.set_bootstraps(resolver.addresses());
        if (server) {
            local.assign(fds.begin() + (ptrdiff_t)first, fds.end());
            server->serve(local);
        }
        state.tick();
        if (!engine.connected() && Clock::now() >= next_names) {
            next_names = Clock::now() + LOOK_UP_AGAIN;
            resolver.ask();
        }
    }
}

int run(const Options &o)
{
    int signals = open_signals();
    Resolver resolver(o.bootstraps);
    EngineConfig config = o.engine;
    config.node_id = kept_node_id(o.state);
    Engine engine(config);
    State state(engine, o.state, o.engine.network, o.engine.max_store);
    state.load();
    engine.set_bootstraps(resolver.addresses());
    std::unique_ptr<Server> server;
    if (!o.socket.empty())
        server = std::make_unique<Server>(engine, o.socket);
    confine(o.engine.max_store, o.state, o.socket);
    frame_state s = engine.state();
    unsigned port = (unsigned)(s.port4 ? s.port4 : s.port6);
    printf("restante-dht: ready on %u\n", port);
    fflush(stdout);
    log_info("ready on UDP port %u, network %u", port, o.engine.network);
    loop(engine, server.get(), state, resolver, signals, o.tied ? STDIN_FILENO : -1);
    log_info("ending");
    return 0;
}

} // namespace

int main(int argc, char **argv)
{
    Options o;
    int status = read_options(argc, argv, o);
    if (status >= 0)
        return status;
    if (log_open(o.log.empty() ? nullptr : o.log.c_str(), o.verbose ? LOG_DEBUG : LOG_INFO) < 0) {
        fprintf(stderr, "restante-dht: cannot open the log %s: %s\n", o.log.c_str(),
                strerror(errno));
        return 1;
    }
    try {
        return run(o);
    } catch (const std::exception &e) {
        fprintf(stderr, "restante-dht: %s\n", e.what());
        return 1;
    }
}
