/* SPDX-License-Identifier: GPL-3.0-or-later */
/* server.cpp - see server.h: connections. Answers are queued and leave when the socket takes them;
 * a peer that does not read is dropped, one that sends nonsense too, and nobody else notices. */
#include "server_private.h"
#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <stdexcept>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#define LOG_AREA "dht"

namespace
{

std::runtime_error failure(const std::string &what)
{
    return std::runtime_error(what + ": " + strerror(errno));
}

void check_folder(const std::string &path)
{
    size_t slash = path.rfind('/');
    std::string folder = slash == std::string::npos ? "."
                         : slash == 0               ? "/"
                                                    : path.substr(0, slash);
    struct stat st;
    if (stat(folder.c_str(), &st) < 0)
        throw failure("cannot look at the socket's folder " + folder);
    bool sticky = st.st_uid == 0 && (st.st_mode & S_ISVTX);
    if ((st.st_uid != 0 && st.st_uid != geteuid()) || ((st.st_mode & 022) && !sticky))
        throw std::runtime_error("the socket's folder " + folder +
                                 " must belong to root or to this user, and no other user may "
                                 "write to it");
}

} // namespace

Server::Server(Engine &engine, const std::string &path) : engine_(engine), path_(path)
{
    sockaddr_un a{};
    a.sun_family = AF_UNIX;
    if (path.size() >= sizeof a.sun_path)
        throw std::runtime_error("the socket's path is too long: " + path);
    memcpy(a.sun_path, path.c_str(), path.size());
    check_folder(path);
    int probe = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool live = connect(probe, (sockaddr *)&a, sizeof a) == 0;
    close(probe);
    if (live)
        throw std::runtime_error("another restante-dht already serves " + path);
    struct stat st;
    if (lstat(path.c_str(), &st) == 0 && !S_ISSOCK(st.st_mode))
        throw std::runtime_error(path + " exists and is not a socket");
    unlink(path.c_str());
    fd_ = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    mode_t mask = umask(0177);
    int rc = bind(fd_, (sockaddr *)&a, sizeof a);
    umask(mask);
    if (fd_ < 0 || rc < 0 || listen(fd_, 256) < 0)
        throw failure("cannot listen on " + path);
}

Server::~Server()
{
    for (auto &c : connections_)
        c->alive = false;
    if (fd_ >= 0) {
        close(fd_);
        unlink(path_.c_str());
    }
}

void Server::accept_all()
{
    for (;;) {
        int fd = accept4(fd_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0)
            return;
        auto c = std::make_shared<Connection>();
        c->fd = fd;
        ucred who{};
        socklen_t n = sizeof who;
        if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &n) < 0)
            continue;
        c->uid = who.uid;
        c->pid = who.pid;
        size_t same = 0;
        for (const auto &other : connections_)
            same += other->uid == who.uid;
        if ((who.uid != geteuid() && who.uid != 0) || same >= CONNECTIONS_PER_UID) {
            log_warn("a connection of user %u was refused: %s", (unsigned)who.uid,
                     same >= CONNECTIONS_PER_UID ? "too many" : "not this user");
            continue;
        }
        connections_.push_back(c);
        dht_frame hello = frame(FRAME_LINK, 0);
        hello.link = engine_.connected() ? FRAME_CONNECTED : FRAME_ALONE;
        answer(c, hello);
    }
}

bool Server::may_read(const Connection &c) const
{
    auto n = requests_.find(c.uid);
    return c.under_way < REQUESTS_PER_CONNECTION &&
           (n == requests_.end() || n->second < REQUESTS_PER_UID);
}

void Server::poll_fds(std::vector<pollfd> &fds)
{
    fds.push_back({fd_, POLLIN, 0});
    for (const auto &c : connections_) {
        short events = may_read(*c) ? POLLIN : 0;
        if (c->out.len > c->sent)
            events |= POLLOUT;
        fds.push_back({c->fd, events, 0});
    }
}

void Server::serve(const std::vector<pollfd> &fds)
{
    auto before = connections_; /* in the order of fds */
    for (size_t i = 0; i < before.size() && i + 1 < fds.size(); i++) {
        const auto &c = before[i];
        if (c->alive && fds[i + 1].revents & POLLOUT)
            flush(c);
        if (c->alive && fds[i + 1].revents & (POLLIN | POLLHUP | POLLERR))
            read(c);
    }
    if (!fds.empty() && fds[0].revents)
        accept_all();
    connections_.erase(std::remove_if(connections_.begin(), connections_.end(),
                                      [](const Sp &c) { return !c->alive; }),
                       connections_.end());
}

void Server::tick()
{
    bool now = engine_.connected();
    for (const auto &c : connections_)
        if (c->alive && c->in.len > 0 && may_read(*c))
            parse(c); /* what waited because too much was under way */
    if (now == told_connected_)
        return;
    told_connected_ = now;
    dht_frame f = frame(FRAME_LINK, 0);
    f.link = now ? FRAME_CONNECTED : FRAME_ALONE;
    for (const auto &c : connections_)
        answer(c, f);
}

void Server::read(const Sp &c)
{
    for (int i = 0; i < 16 && c->alive && may_read(*c); i++) {
        size_t room = c->in.cap - c->in.len;
        uint8_t *to = room ? buf_reserve(&c->in, std::min<size_t>(room, 65536)) : nullptr;
        if (!to) {
            parse(c);
            return;
        }
        ssize_t n = recv(c->fd, to, std::min<size_t>(room, 65536), 0);
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
            return;
        if (n <= 0) {
            drop(c, nullptr);
            return;
        }
        c->in.len += (size_t)n;
        parse(c);
    }
}

void Server::parse(const Sp &c)
{
    while (c->alive && may_read(*c)) {
        error e;
        size_t size = 0;
        dht_frame f;
        if (dht_frame_split(c->in.data, c->in.len, &size, &e) < 0) {
            drop(c, e.text);
            return;
        }
        if (size == 0)
            return;
        if (dht_frame_decode(c->in.data + FRAME_HEAD, size - FRAME_HEAD, &f, &e) < 0) {
            drop(c, e.text);
            return;
        }
        request(c, f);
        buf_consume(&c->in, size);
    }
}

void Server::answer(const Sp &c, const dht_frame &f)
{
    if (!c->alive)
        return;
    if (dht_frame_encode(&c->out, &f) < 0) {
        drop(c, "it does not read its answers");
        return;
    }
    flush(c);
}

void Server::flush(const Sp &c)
{
    while (c->sent < c->out.len) {
        ssize_t n = send(c->fd, c->out.data + c->sent, c->out.len - c->sent, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EAGAIN)
            break;
        if (n < 0) {
            drop(c, nullptr);
            return;
        }
        c->sent += (size_t)n;
    }
    if (c->sent == c->out.len) {
        c->out.len = c->sent = 0;
    } else if (c->sent >= OUT_MAX / 4) {
        buf_consume(&c->out, c->sent);
        c->sent = 0;
    }
}

void Server::drop(const Sp &c, const char *why)
{
    if (!c->alive)
        return;
    c->alive = false;
    if (why)
        log_warn("the connection of process %d was dropped: %s", (int)c->pid, why);
    for (uint64_t ticket : c->tickets) {
        engine_.unlisten(ticket);
        if (--listens_[c->uid] == 0)
            listens_.erase(c->uid);
    }
    c->tickets.clear();
    shutdown(c->fd, SHUT_RDWR);
}
