/* SPDX-License-Identifier: GPL-3.0-or-later */
/* engine.cpp - the node itself: set-up, what may be stored, reading datagrams, the clockwork. The
 * verbs stand in operations.cpp and listen.cpp, look-ups in search.cpp, what keeps the network
 * alive in upkeep.cpp. */
#include "engine_private.h"
#include <algorithm>
#include <cstring>

#define LOG_AREA "dht"

using dht::InfoHash;
using dht::SockAddr;
using dht::ValueType;
using namespace std::chrono_literals;

namespace
{

constexpr ValueType::Id BUILT_IN_TYPES = 9; /* OpenDHT's own, 0 to 8 */
constexpr unsigned DATAGRAMS_AT_ONCE = 512;
constexpr int REQUESTS = 65536, REQUESTS_PER_PEER = 8192;

bool plain(const dht::Value &v)
{
    return !v.owner && v.signature.empty() && v.cypher.empty() && v.user_type.empty() &&
           !v.recipient;
}

/* Whose quota a put from this address uses: an IPv4 address, an IPv6 /64. */
std::string source_of(const SockAddr &a)
{
    if (a.getFamily() == AF_INET)
        return std::string((const char *)&a.getIPv4().sin_addr, 4);
    if (a.getFamily() == AF_INET6)
        return std::string((const char *)&a.getIPv6().sin6_addr, 8);
    return "?";
}

} // namespace

Engine::Engine(const EngineConfig &config) : config_(config), quota_(config.max_store)
{
    auto socket = std::make_unique<Socket>(config.bind4, config.bind6, config.need6, config.port);
    socket_ = socket.get();
    dht::Config c;
    if (config.node_id == policy::Key{})
        random_bytes(c.node_id.data(), c.node_id.size());
    else
        memcpy(c.node_id.data(), config.node_id.data(), c.node_id.size());
    c.network = config.network;
    c.max_req_per_sec = config.requests > 0 ? config.requests : REQUESTS;
    c.max_peer_req_per_sec =
        config.requests_per_peer > 0 ? config.requests_per_peer : REQUESTS_PER_PEER;
    c.max_store_size = -1; /* the storage quota decides */
    policy::Key node = key_from(c.node_id);
    std::unique_ptr<dht::net::DatagramSocket> owned(std::move(socket));
    dht_ = std::make_unique<dht::Dht>(std::move(owned), c, std::shared_ptr<dht::Logger>{});
    register_types();
    fetches_ = std::make_unique<Fetches>([this](const SockAddr &to, const uint8_t *p,
                                                size_t n) { socket_->sendTo(to, p, n, false); },
                                         config.network, node);
    socket_->set_spy([this](const SockAddr &to, const uint8_t *p, size_t n, policy::Blob &instead) {
        return leaves(to, p, n, instead);
    });
    started_ = next_engine_ = next_second_ = next_bootstrap_ = Clock::now();
    next_walk_ = started_ + 500ms;
    next_round_ = next_repair_ = Clock::time_point::max();
}

Engine::~Engine()
{
    stopping_ = true;
    socket_->set_spy({});
    dht_->shutdown({}, true);
    todo_.clear();
    dht_.reset();
}

/* The engine sends a datagram: what others make of it. False: it is not needed. */
bool Engine::leaves(const SockAddr &to, const uint8_t *p, size_t n, policy::Blob &instead)
{
    filter::Datagram d;
    if ((n >= 400 && !inline_values_.holding()) ||
        filter::check(p, n, config_.network, d) != filter::Verdict::Pass)
        return true;
    auto fate = inline_values_.sent(to, d, p, n, instead);
    if (fate != InlineValues::Fate::Send)
        return fate == InlineValues::Fate::Joined;
    finds_.sent(to, d);
    policy::Blob known = token_cache_.sent(to, d);
    if (!known.empty()) {
        later([this, to, known = std::move(known)] {
            next_engine_ = dht_->periodic(known.data(), known.size(), to, Clock::now());
        });
        return false;
    }
    /* What looks like an answer to nothing: somebody who listens is told of an id (P-9.15). */
    bool tells = d.kind == filter::Kind::Reply && !d.claims.empty() && d.tid != answering_;
    instead = tells ? InlineValues::lean(p, n) : listen_by_id_.sent(to, d, p, n);
    return true;
}

void Engine::register_types()
{
    auto never = [this](InfoHash, Value &, const InfoHash &, const SockAddr &) {
        refused_puts_++;
        return false;
    };
    auto no_edit = [this](InfoHash, const Value &, Value &, const InfoHash &, const SockAddr &) {
        refused_edits_++;
        return false;
    };
    auto store = [this](InfoHash key, Value &v, const InfoHash &, const SockAddr &from) {
        bool ok = accept_new(key, *v, from);
        refused_puts_ += !ok;
        return ok;
    };
    auto edit = [this](InfoHash key, const Value &old, Value &next, const InfoHash &,
                       const SockAddr &from) {
        bool ok = accept_edit(key, *old, *next, from);
        refused_edits_ += !ok;
        return ok;
    };
    for (ValueType::Id t = 0; t < BUILT_IN_TYPES; t++)
        dht_->registerType({t, "unused", 1min, never, no_edit});
    dht_->registerType({policy::TYPE_ENTRY, "entry", ENTRY_SPAN, store, edit});
    dht_->registerType({policy::TYPE_TOMB, "tombstone", TOMB_SPAN, store, edit});
    /* Only for taking a value out of our own store. */
    dht_->registerType({TYPE_ERASED, "erased", 1ms, never, no_edit});
}

bool Engine::accept_new(const InfoHash &hash, const dht::Value &v, const SockAddr &from)
{
    policy::Key key = key_from(hash);
    policy::Record r;
    std::string source = source_of(from);
    if (!plain(v) || !parse_value(key, v, r) || !policy::fresh(r, policy::wall()) ||
        !quota_.room({key, v.id}, v.data.size(), source))
        return false;
    keep(key, v.id, r, v.data.size(), source);
    tell(key, v.id, r);
    return true;
}

bool Engine::accept_edit(const InfoHash &hash, const dht::Value &old, const dht::Value &next,
                         const SockAddr &from)
{
    policy::Key key = key_from(hash);
    policy::Record before, after;
    std::string source = source_of(from);
    if (!plain(next) || !parse_value(key, old, before) || !parse_value(key, next, after) ||
        !policy::replaces(before, after, policy::wall()))
        return false;
    /* A tombstone is never larger than what it replaces by more than a few octets: always room. */
    if (!after.tomb && !quota_.room({key, next.id}, next.data.size(), source))
        return false;
    deletions_ += after.tomb && !before.tomb;
    keep(key, next.id, after, next.data.size(), source);
    return true;
}

void Engine::keep(const policy::Key &key, uint64_t id, const policy::Record &r, size_t size,
                  const std::string &source)
{
    quota_.keep({key, id}, {r.expiry, size, source, r.tomb});
    changes_++;
}

int Engine::fd4() const
{
    return socket_->fd4();
}

int Engine::fd6() const
{
    return socket_->fd6();
}

void Engine::read(int fd)
{
    static uint8_t buf[65536];
    for (unsigned i = 0; i < DATAGRAMS_AT_ONCE; i++) {
        sockaddr_storage ss;
        socklen_t size = sizeof ss;
        ssize_t n = recvfrom(fd, buf, sizeof buf, 0, (sockaddr *)&ss, &size);
        if (n < 0 && (errno == EINTR || errno == ECONNREFUSED))
            continue;
        if (n < 0)
            return;
        filter::Datagram d;
        filter::Verdict verdict = filter::check(buf, (size_t)n, config_.network, d);
        if (verdict == filter::Verdict::Bad) {
            SockAddr from(ss, size);
            if (bad_datagrams_++ % 1000 == 0)
                log_warn("a malformed datagram of %zd bytes from %s was dropped (%llu so far)", n,
                         from.toString().c_str(), (unsigned long long)bad_datagrams_);
            continue;
        }
        if (verdict == filter::Verdict::Foreign)
            continue;
        SockAddr from(ss, size);
        if (fetches_->received(from, d))
            continue;
        token_cache_.received(from, d, buf, (size_t)n);
        if (const policy::Key *key = listen_by_id_.told(from, d)) {
            hear(*key, from, d);
            continue;
        }
        /* Told, but not by whom we listen to: an engine would blame the node for the token that it
         * lacks. */
        if (d.kind == filter::Kind::Reply && !d.claims.empty() && !d.has_token && d.pages == 1)
            continue;
        take(from, std::move(d), policy::Blob(buf, buf + n));
    }
}

/* Hands a datagram to the engine, and then pieces of values that had overtaken it. */
void Engine::take(const SockAddr &from, filter::Datagram d, policy::Blob octets)
{
    std::string whole((const char *)from.get(), from.getLength()), source = source_of(from);
    uint32_t tid = d.tid;
    Assembly::Early e{std::move(d), std::move(octets), source, Clock::now()};
    do {
        auto fate = assembly_.pass(whole, source, e.d, e.came);
        if (fate == Assembly::Fate::Early) {
            assembly_.keep(whole, std::move(e));
            return;
        }
        if (fate != Assembly::Fate::Pass)
            return;
        policy::Blob seen = finds_.received(from, e.d, e.octets.data(), e.octets.size());
        answering_ = tid;
        if (!seen.empty())
            next_engine_ = dht_->periodic(seen.data(), seen.size(), from, Clock::now());
        answering_.reset();
    } while (assembly_.next(whole, tid, e));
}

int Engine::tick()
{
    auto now = Clock::now();
    next_engine_ = dht_->periodic(nullptr, 0, SockAddr{}, now);
    dht_->updateStatus(AF_INET);
    dht_->updateStatus(AF_INET6);
    auto due = std::min(next_engine_, fetches_->tick(now));
    upkeep(now);
    for (size_t n = paused_.size(); n > 0; n--) {
        auto op = std::move(paused_.front());
        paused_.pop_front();
        pump(op);
    }
    for (size_t n = todo_.size(); n > 0; n--) {
        auto fn = std::move(todo_.front());
        todo_.pop_front();
        fn();
    }
    if (!todo_.empty())
        return 0;
    due = std::min({due, next_second_, next_walk_, next_repair_});
    auto wait = std::chrono::duration_cast<std::chrono::milliseconds>(due - Clock::now()).count();
    return wait < 0 ? 0 : (int)std::min<int64_t>(wait + 1, 1000);
}

void Engine::later(std::function<void()> fn)
{
    todo_.push_back(std::move(fn));
}

bool Engine::connected() const
{
    return dht_->getStatus() == dht::NodeStatus::Connected;
}

/* Alone and meant to be: what is here is all there is. */
bool Engine::whole() const
{
    return !connected() && !ever_connected_ && !config_.bootstraps;
}

frame_state Engine::state() const
{
    frame_state s{};
    auto a = dht_->getNodesStats(AF_INET), b = dht_->getNodesStats(AF_INET6);
    s.link = connected() ? FRAME_CONNECTED : FRAME_ALONE;
    s.good_nodes = a.good_nodes + b.good_nodes;
    s.dubious_nodes = a.dubious_nodes + b.dubious_nodes;
    s.stored_values = quota_.count();
    s.stored_bytes = quota_.bytes();
    s.bad_datagrams = bad_datagrams_;
    s.refused_puts = refused_puts_;
    s.refused_edits = refused_edits_;
    s.deletions = deletions_;
    s.port4 = socket_->hasIPv4() ? socket_->getBoundRef(AF_INET).getPort() : 0;
    s.port6 = socket_->hasIPv6() ? socket_->getBoundRef(AF_INET6).getPort() : 0;
    memcpy(s.node_id, dht_->getNodeId().data(), sizeof s.node_id);
    return s;
}
