/* SPDX-License-Identifier: GPL-3.0-or-later */
/* state.h - what a node remembers over a restart: what it holds, with the wall-clock expiry that
 * every record carries, and the addresses of nodes it knew. */
#ifndef RESTANTE_DHTD_STATE_H
#define RESTANTE_DHTD_STATE_H

#include "engine.h"
#include <string>
#include <thread>

/* The node's id, kept beside the state in FILE.id and made when it is not there: a node that comes
 * back with another id looks to the others like somebody else at its own address, and their
 * look-ups fail until they forget the old one. All zero when nothing can be kept. */
policy::Key kept_node_id(const std::string &path);

class State
{
  public:
    State(Engine &engine, const std::string &path, uint32_t network, size_t max_store);
    ~State(); /* writes a last time */
    State(const State &) = delete;
    State &operator=(const State &) = delete;

    /* Reads the file when there is one. A damaged one is set aside with a log line. */
    void load();
    /* Writes it on a thread of its own when something changed since and it is time. */
    void tick();

  private:
    bool read(const buf &b, size_t &values, size_t &nodes);
    bool collect(buf &b);

    Engine &engine_;
    std::string path_;
    uint32_t network_;
    size_t cap_;
    uint64_t written_ = 0; /* engine_.changes() at the last writing */
    Clock::time_point next_;
    std::thread writer_;
};

#endif
