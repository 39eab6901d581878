/* SPDX-License-Identifier: GPL-3.0-or-later */
/* server.cpp - see server.h. Answers are queued and leave when the socket takes them; a peer that
 * does not read is dropped, one that sends nonsense too, and nobody else notices. */
#include "server.h"
#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <stdexcept>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define LOG_AREA "dht"

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

uint64_t id_from(const uint8_t *p)
{
    uint64_t v = 0;
    for (int i = 0; i < ENTRY_ID_LEN; i++)
        v = v << 8 | p[i];
    return v;
}

void id_to(uint64_t id, uint8_t *p)
{
    for (int i = ENTRY_ID_LEN - 1; i >= 0; i--, id >>= 8)
        p[i] = (uint8_t)id;
}

template <class T> T array_from(const uint8_t *p)
{
    T a;
    std::copy_n(p, a.size(), a.begin());
    return a;
}

dht_frame frame(frame_verb verb, uint32_t request)
{
    dht_frame f{};
    f.verb = verb;
    f.request = request;
    return f;
}

void fill_value(dht_frame &f, uint64_t id, const policy::Record &r)
{
    id_to(id, f.id);
    std::copy(r.lock.begin(), r.lock.end(), f.lock);
    f.expiry = r.expiry;
    f.value = {r.value, r.value_len};
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

void Server::request(const Sp &c, const dht_frame &f)
{
    if (f.verb > FRAME_DROP) {
        drop(c, "it sent an answer");
        return;
    }
    c->under_way++;
    requests_[c->uid]++;
    uint32_t request = f.request;
    switch (f.verb) {
    case FRAME_PUT:
    case FRAME_ADD:
        request_put(c, f);
        break;
    case FRAME_DEL:
    case FRAME_DROP:
        engine_.del(f.key, array_from<policy::Hash>(f.value_hash),
                    array_from<policy::Hash>(f.token), f.verb == FRAME_DROP, done(c, request));
        break;
    case FRAME_LIST:
        request_list(c, f);
        break;
    case FRAME_GET:
        request_get(c, f);
        break;
    case FRAME_LOOK:
        engine_.look(f.key, id_from(f.id), [this, c, request](bool ok, frame_presence presence) {
            dht_frame a = frame(FRAME_PRESENCE, request);
            a.ok = ok;
            a.presence = presence;
            finished(c);
            answer(c, a);
        });
        break;
    case FRAME_LISTEN:
        request_listen(c, f);
        break;
    case FRAME_WARM:
        engine_.warm(f.key);
        done(c, request)(true, "");
        break;
    default: {
        dht_frame a = frame(FRAME_STATE, request);
        a.state = engine_.state();
        finished(c);
        answer(c, a);
    }
    }
}

void Server::request_put(const Sp &c, const dht_frame &f)
{
    policy::Blob value(f.value.p, f.value.p + f.value.n);
    engine_.put(f.key, value, f.expiry, array_from<policy::Hash>(f.lock), f.verb == FRAME_ADD,
                done(c, f.request));
}

void Server::request_list(const Sp &c, const dht_frame &f)
{
    uint32_t request = f.request;
    engine_.list(f.key, [this, c, request](bool ok, const std::vector<uint64_t> &ids) {
        std::vector<uint8_t> octets(ids.size() * ENTRY_ID_LEN);
        for (size_t i = 0; i < ids.size(); i++)
            id_to(ids[i], &octets[i * ENTRY_ID_LEN]);
        finished(c);
        size_t at = 0;
        do {
            size_t n = std::min<size_t>(octets.size() - at, FRAME_IDS_MAX * ENTRY_ID_LEN);
            dht_frame a = frame(FRAME_IDS, request);
            a.ok = ok;
            a.ids = {octets.data() + at, n};
            at += n;
            a.more = at < octets.size();
            answer(c, a);
        } while (at < octets.size());
    });
}

void Server::request_get(const Sp &c, const dht_frame &f)
{
    uint32_t request = f.request;
    std::vector<uint64_t> ids;
    for (size_t i = 0; i < f.ids.n; i += ENTRY_ID_LEN)
        ids.push_back(id_from(f.ids.p + i));
    engine_.get(
        f.key, std::move(ids),
        [c] {
            return !c->alive                         ? Engine::Pace::Stop
                   : c->out.len - c->sent < OUT_SLOW ? Engine::Pace::Go
                                                     : Engine::Pace::Wait;
        },
        [this, c, request](uint64_t id, const policy::Record &r) {
            dht_frame a = frame(FRAME_VALUE, request);
            fill_value(a, id, r);
            answer(c, a);
        },
        done(c, request));
}

void Server::request_listen(const Sp &c, const dht_frame &f)
{
    uint32_t request = f.request;
    uint64_t ticket = 0;
    if (listens_[c->uid] < LISTENS_PER_UID)
        ticket = engine_.listen(f.key, [this, c, request](uint64_t id, const policy::Record &r) {
            dht_frame a = frame(FRAME_HEARD, request);
            fill_value(a, id, r);
            answer(c, a);
        });
    if (ticket != 0) {
        listens_[c->uid]++;
        c->tickets.push_back(ticket);
    }
    done(c, request)(ticket != 0, ticket != 0 ? "" : "too many keys are listened to");
}

Engine::Done Server::done(const Sp &c, uint32_t request)
{
    return [this, c, request](bool ok, const std::string &why) {
        dht_frame a = frame(FRAME_DONE, request);
        a.ok = ok;
        if (!ok)
            snprintf(a.why, sizeof a.why, "%s", why.c_str());
        finished(c);
        answer(c, a);
    };
}

void Server::finished(const Sp &c)
{
    c->under_way--;
    if (--requests_[c->uid] == 0)
        requests_.erase(c->uid);
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
