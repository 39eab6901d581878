/* SPDX-License-Identifier: GPL-3.0-or-later */
/* engine.h - one OpenDHT node with the rules of the network around it: what is stored, deletion by
 * token, look-ups that gather what every node says, putting again what is held, meshing.
 * Everything runs on the loop's thread; answers come later, from tick() or read(), each once. */
#ifndef RESTANTE_DHTD_ENGINE_H
#define RESTANTE_DHTD_ENGINE_H

#include "assembly.h"
#include "common.h"
#include "storage_quota.h"
#include "listen_by_id.h"
#include "inline_values.h"
#include "lookup.h"
#include "token_cache.h"
#include "policy.h"
#include "socket.h"
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

struct EngineConfig {
    std::string bind4, bind6; /* "" all, "none" not at all */
    bool need6 = false;       /* IPv6 was asked for by name */
    uint16_t port = 0;
    uint32_t network = 0;
    policy::Key node_id{};                   /* all zero: a new one */
    size_t max_store = 256u << 20;           /* octets held for the network */
    unsigned republish = 3600;               /* seconds between puts of what is held; 0: never */
    int requests = 0, requests_per_peer = 0; /* a second; 0: the defaults */
    bool bootstraps = false;                 /* there is a network to join: alone is not complete */
};

class Engine
{
  public:
    using Done = std::function<void(bool ok, const std::string &why)>;
    using Listed = std::function<void(bool ok, const std::vector<uint64_t> &ids)>;
    /* Once for each entry found, with its octets' parsed form. */
    using Got = std::function<void(uint64_t id, const policy::Record &r)>;
    using Looked = std::function<void(bool ok, frame_presence presence)>;
    using Heard = std::function<void(uint64_t id, const policy::Record &r)>;
    enum class Pace { Go, Wait, Stop };  /* Stop: nobody is interested any more */
    using Ready = std::function<Pace()>; /* may more be delivered now? */

    /* Throws std::runtime_error with a sentence. */
    explicit Engine(const EngineConfig &config);
    ~Engine();
    Engine(const Engine &) = delete;
    Engine &operator=(const Engine &) = delete;

    int fd4() const;
    int fd6() const;
    /* Reads the datagrams that wait at fd, at most some hundred. */
    void read(int fd);
    /* Does what is due; returns the milliseconds until there is more. */
    int tick();

    /* add: nobody can have deleted it yet. */
    void put(const std::string &key, const policy::Blob &value, uint64_t expiry,
             const policy::Hash &lock, bool add, Done done);
    /* Finds the nodes near a key, which a put then need not do. */
    void warm(const std::string &key);
    /* sure: the entry is there, so that nobody need look. */
    void del(const std::string &key, const policy::Hash &value_hash, const policy::Hash &token,
             bool sure, Done done);
    void list(const std::string &key, Listed listed);
    void get(const std::string &key, std::vector<uint64_t> ids, Ready ready, Got got, Done done);
    void look(const std::string &key, uint64_t id, Looked looked);
    /* Returns a ticket for unlisten, or 0 when no more keys can be listened to. */
    uint64_t listen(const std::string &key, Heard heard);
    void unlisten(uint64_t ticket);

    frame_state state() const;
    bool connected() const;
    /* Addresses to begin with, while not connected; replaces those given before. */
    void set_bootstraps(std::vector<dht::SockAddr> addresses);

    /* For the state file. */
    std::vector<dht::NodeExport> nodes() const;
    void each_held(const std::function<void(const policy::Key &, const policy::Blob &)> &fn) const;
    bool restore(const policy::Key &key, const policy::Blob &data);
    void ping(const dht::SockAddr &address);
    size_t stored() const;    /* octets */
    uint64_t changes() const; /* grows with every change of what is held */

  private:
    using Value = std::shared_ptr<dht::Value>;
    using Found = std::function<void(const std::shared_ptr<Find> &)>;
    struct GetOp;
    struct Listening;
    struct Promise { /* of an answer by the engine */
        Clock::time_point due;
        std::shared_ptr<std::function<void(bool)>> fn; /* empty once it was called */
        std::function<void(bool)> call;
    };
    struct Recent { /* a look-up just made, for the get that follows a list */
        Clock::time_point when;
        std::shared_ptr<Find> find;
        std::set<uint64_t> deleted;
    };

    bool leaves(const dht::SockAddr &to, const uint8_t *p, size_t n, policy::Blob &instead);
    void register_types();
    bool accept_new(const dht::InfoHash &key, const dht::Value &v, const dht::SockAddr &from);
    bool accept_edit(const dht::InfoHash &key, const dht::Value &old, const dht::Value &next,
                     const dht::SockAddr &from);
    void take(const dht::SockAddr &from, filter::Datagram d, policy::Blob octets);
    void keep(const policy::Key &key, uint64_t id, const policy::Record &r, size_t size,
              const std::string &source);
    void tell(const policy::Key &key, uint64_t id, const policy::Record &r);
    void hear(const policy::Key &key, const dht::SockAddr &from, const filter::Datagram &d);
    void fetch_heard(const policy::Key &key, uint64_t id, std::vector<dht::SockAddr> from);
    void engage(const std::shared_ptr<Listening> &l);

    void later(std::function<void()> fn);
    void when_ready(std::function<void()> fn);
    bool whole() const;
    size_t answers_needed() const;
    std::function<void(bool)> once(std::function<void(bool)> fn);
    void ask(const std::shared_ptr<Find> &f, dht::Where where, std::function<void(bool)> done);
    std::shared_ptr<Find> new_find(const policy::Key &key, uint64_t want) const;
    void find(const policy::Key &key, uint64_t want, Found found);
    void find_live(const policy::Key &key, Found found);
    Value held(const policy::Key &key, uint64_t id) const;
    void store_here(const policy::Key &key, const dht::Value &v, Clock::time_point created);
    void erase_here(const policy::Key &key, uint64_t id);
    bool hold(const policy::Key &key, uint64_t id, policy::Blob data, bool announce, Done done);
    static bool shown_near(const Find &f, uint64_t id);
    void check_tomb(const std::shared_ptr<Find> &f, uint64_t id, std::function<void(bool)> done);
    void check_tombs(const std::shared_ptr<Find> &f, std::vector<uint64_t> suspects,
                     std::function<void(std::set<uint64_t>)> done);
    void check_entry(const std::shared_ptr<Find> &f, uint64_t id, std::function<void(bool)> done);
    void put_checked(const policy::Key &key, uint64_t id, const policy::Blob &data, Done done);
    void del_checked(const policy::Key &key, uint64_t id, const policy::Blob &tomb, Done done);
    void del_here(const policy::Key &key, uint64_t id, const policy::Blob &tomb, Done done);
    void listed_here(const policy::Key &key, Listed listed);
    void pump(const std::shared_ptr<GetOp> &op);
    void get_one(const std::shared_ptr<GetOp> &op, uint64_t id);
    void start_get(const std::shared_ptr<GetOp> &op);

    void sweep();
    void walk();
    void approach(const policy::Key &key);
    void bootstrap();
    void upkeep(Clock::time_point now);
    void begin_round();
    void repair_next(Clock::time_point now);
    void repair(const std::shared_ptr<Find> &f);

    EngineConfig config_;
    StorageQuota quota_;
    Socket *socket_ = nullptr; /* owned by dht_ */
    std::unique_ptr<dht::Dht> dht_;
    Assembly assembly_;
    Finds finds_;
    ListenById listen_by_id_;
    InlineValues inline_values_;
    TokenCache token_cache_;
    std::unique_ptr<Fetches> fetches_;
    std::deque<std::function<void()>> todo_;
    std::deque<Promise> promises_;               /* in the order of their time */
    std::vector<std::function<void()>> waiting_; /* for the first connection */
    std::deque<std::shared_ptr<GetOp>> paused_;  /* whose reader is slow */
    std::map<policy::Key, std::shared_ptr<Listening>> listening_;
    std::map<policy::Key, Recent> recent_;
    std::map<policy::Key, Clock::time_point> warm_; /* until when its search is current */
    uint64_t next_ticket_ = 1;
    bool was_connected_ = false, ever_connected_ = false, stopping_ = false;
    Clock::time_point started_, next_engine_, next_second_, next_walk_, next_bootstrap_;
    Clock::time_point next_round_, next_repair_;
    unsigned walks_ = 0;
    size_t bootstraps_tried_ = 0; /* since the connection was lost */
    std::vector<dht::SockAddr> bootstraps_;
    std::vector<policy::Key> round_;       /* keys still to be looked after */
    std::deque<StorageQuota::Slot> again_; /* to be put again, one after the other */
    unsigned repairing_ = 0;
    uint64_t bad_datagrams_ = 0, refused_puts_ = 0, refused_edits_ = 0, deletions_ = 0;
    uint64_t changes_ = 0;
    std::optional<uint32_t> answering_; /* transaction of the datagram that the engine reads now */
};

#endif
