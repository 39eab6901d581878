/* SPDX-License-Identifier: GPL-3.0-or-later */
/* state.cpp - the file is one CBOR array: [1, network, [address...], [[key, record]...]], an
 * address being 4 or 16 octets and 2 of port. Only the octets are believed: each record must prove
 * itself again (policy.h), so a foreign or damaged file can at worst be forgotten. */
#include "state.h"
#include <arpa/inet.h>
#include <cstring>
extern "C" {
#include "proto/cbor_in.h"
#include "proto/cbor_out.h"
}

#define LOG_AREA "dht"

using dht::SockAddr;
using namespace std::chrono_literals;

namespace
{

constexpr unsigned VERSION = 1;
constexpr size_t NODES_MAX = 500, VALUES_MAX = 1000000;
constexpr size_t ADDRESS_MAX = 18;
constexpr auto PERIOD = 5s, PERIOD_MAX = 60s; /* the larger the file, the rarer it is written */
constexpr size_t SECOND_PER = 1u << 20;

policy::Blob address_to(const SockAddr &a)
{
    policy::Blob b;
    if (a.getFamily() == AF_INET)
        b.assign((const uint8_t *)&a.getIPv4().sin_addr,
                 (const uint8_t *)&a.getIPv4().sin_addr + 4);
    else if (a.getFamily() == AF_INET6)
        b.assign((const uint8_t *)&a.getIPv6().sin6_addr,
                 (const uint8_t *)&a.getIPv6().sin6_addr + 16);
    b.push_back((uint8_t)(a.getPort() >> 8));
    b.push_back((uint8_t)a.getPort());
    return b;
}

bool address_from(span s, SockAddr &a)
{
    if (s.n != 6 && s.n != 18)
        return false;
    a.setFamily(s.n == 6 ? AF_INET : AF_INET6);
    if (s.n == 6)
        memcpy(&a.getIPv4().sin_addr, s.p, 4);
    else
        memcpy(&a.getIPv6().sin6_addr, s.p, 16);
    a.setPort((in_port_t)(s.p[s.n - 2] << 8 | s.p[s.n - 1]));
    return a.getPort() != 0;
}

void store(const std::string &path, buf *b)
{
    error e;
    if (file_write(path.c_str(), b->data, b->len, &e) < 0)
        log_error("the state could not be written: %s", e.text);
    buf_free(b);
}

/* What a killed predecessor was writing. */
void drop_temporaries(const std::string &path)
{
    error e;
    size_t slash = path.rfind('/');
    std::string dir = slash == std::string::npos ? "." : path.substr(0, slash + 1);
    std::string name = slash == std::string::npos ? path : path.substr(slash + 1);
    if (dir_drop_temporaries(dir.c_str(), (name + ".").c_str(), &e) < 0)
        log_error("what a killed node left cannot be removed: %s", e.text);
}

} // namespace

policy::Key kept_node_id(const std::string &path)
{
    policy::Key id{};
    error e;
    if (path.empty())
        return id;
    std::string file = path + ".id";
    drop_temporaries(path);
    buf b = empty_buf(id.size());
    bool kept =
        file_exists(file.c_str()) && file_read(file.c_str(), &b, &e) == 0 && b.len == id.size();
    if (kept) {
        memcpy(id.data(), b.data, id.size());
    } else {
        random_bytes(id.data(), id.size());
        if (file_write(file.c_str(), id.data(), id.size(), &e) < 0)
            log_error("the node's id could not be kept: %s", e.text);
    }
    buf_free(&b);
    return id;
}

State::State(Engine &engine, const std::string &path, uint32_t network, size_t max_store)
    : engine_(engine), path_(path), network_(network), cap_(max_store + (64u << 20)),
      next_(Clock::now() + PERIOD)
{
}

State::~State()
{
    if (writer_.joinable())
        writer_.join();
    if (path_.empty())
        return;
    buf b = empty_buf(cap_);
    if (collect(b))
        store(path_, &b);
}

bool State::collect(buf &b)
{
    cbor_out out;
    cbor_out_init(&out, &b);
    cbor_out_array(&out, 4);
    cbor_out_uint(&out, VERSION);
    cbor_out_uint(&out, network_);
    auto nodes = engine_.nodes();
    nodes.resize(std::min(nodes.size(), NODES_MAX));
    cbor_out_array(&out, nodes.size());
    for (const auto &n : nodes) {
        policy::Blob a = address_to(address_of(n));
        cbor_out_bytes(&out, a.data(), a.size());
    }
    size_t count = 0;
    engine_.each_held([&count](const policy::Key &, const policy::Blob &) { count++; });
    cbor_out_array(&out, count);
    engine_.each_held([&out](const policy::Key &key, const policy::Blob &data) {
        cbor_out_array(&out, 2);
        cbor_out_bytes(&out, key.data(), key.size());
        cbor_out_bytes(&out, data.data(), data.size());
    });
    written_ = engine_.changes();
    if (cbor_out_end(&out) == 0)
        return true;
    log_error("the state is too large to be written");
    buf_free(&b);
    return false;
}

void State::tick()
{
    auto now = Clock::now();
    if (path_.empty() || now < next_)
        return;
    next_ = now + std::min<Clock::duration>(
                      PERIOD_MAX, PERIOD + std::chrono::seconds(engine_.stored() / SECOND_PER));
    if (engine_.changes() == written_)
        return;
    if (writer_.joinable())
        writer_.join();
    auto *b = new buf(empty_buf(cap_));
    if (!collect(*b)) {
        delete b;
        return;
    }
    writer_ = std::thread([path = path_, b] {
        store(path, b);
        delete b;
    });
}

bool State::read(const buf &b, size_t &values, size_t &nodes)
{
    cbor_in in;
    size_t n = 0;
    uint64_t version = 0, network = 0;
    cbor_in_init(&in, b.data, b.len);
    cbor_in_array_of(&in, 4);
    cbor_in_uint(&in, UINT32_MAX, &version);
    cbor_in_uint(&in, UINT32_MAX, &network);
    if (version != VERSION || network != network_)
        return false;
    cbor_in_array(&in, NODES_MAX, &n);
    for (size_t i = 0; i < n; i++) {
        span s{};
        SockAddr a;
        if (cbor_in_bytes(&in, ADDRESS_MAX, &s) == 0 && address_from(s, a)) {
            engine_.ping(a);
            nodes++;
        }
    }
    cbor_in_leave(&in);
    cbor_in_array(&in, VALUES_MAX, &n);
    for (size_t i = 0; i < n && !in.failed; i++) {
        policy::Key key{};
        span s{};
        cbor_in_array_of(&in, 2);
        cbor_in_bytes_of(&in, key.data(), key.size());
        cbor_in_bytes(&in, policy::ENTRY_HEAD + policy::VALUE_MAX, &s);
        cbor_in_leave(&in);
        values += !in.failed && engine_.restore(key, policy::Blob(s.p, s.p + s.n));
    }
    cbor_in_leave(&in); /* the values */
    cbor_in_leave(&in); /* the whole */
    return cbor_in_end(&in, nullptr) == 0;
}

void State::load()
{
    if (path_.empty() || !file_exists(path_.c_str()))
        return;
    error e;
    size_t values = 0, nodes = 0;
    buf b = empty_buf(cap_);
    if (file_read(path_.c_str(), &b, &e) < 0) {
        log_error("the state could not be read: %s", e.text);
    } else if (!read(b, values, nodes)) {
        std::string aside = path_ + ".bad";
        rename(path_.c_str(), aside.c_str());
        log_error("the state file %s is damaged or of another network; it is now %s", path_.c_str(),
                  aside.c_str());
    }
    log_info("restored %zu values and %zu addresses", values, nodes);
    written_ = engine_.changes();
    buf_free(&b);
}
