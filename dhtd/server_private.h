/* SPDX-License-Identifier: GPL-3.0-or-later */
/* server_private.h - what the files of the server share. */
#ifndef RESTANTE_DHTD_SERVER_PRIVATE_H
#define RESTANTE_DHTD_SERVER_PRIVATE_H

#include "server.h"
#include <unistd.h>

struct Server::Connection {
    int fd = -1;
    uid_t uid = 0;
    pid_t pid = 0;
    bool alive = true;
    size_t under_way = 0;
    std::vector<uint64_t> tickets; /* listens */
    buf in = empty_buf(2 * DHT_FRAME_MAX);
    buf out = empty_buf(OUT_MAX);
    size_t sent = 0; /* octets of out that have left */

    ~Connection()
    {
        if (fd >= 0)
            close(fd);
        buf_wipe(&in);
        buf_free(&out);
    }
};

inline dht_frame frame(frame_verb verb, uint32_t request)
{
    dht_frame f{};
    f.verb = verb;
    f.request = request;
    return f;
}

#endif
