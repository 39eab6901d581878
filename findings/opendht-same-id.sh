#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# OpenDHT 2.4.12 (Debian libopendht-dev 2.4.12-7): other data put under a key and value id that is taken.
# Expected: plain values must not be edited (value.h), so the second put is told "no" and each get gives the first.
# Seen: the second put is told "ok", and then one get, at either node, gives two values of the same id.
set -eu
export DEBIAN_FRONTEND=noninteractive LC_ALL=C
set -- libopendht-dev=2.4.12-7 g++ pkg-config
apt-get install -qqy --no-install-recommends "$@" >/dev/null 2>&1 || {
    apt-get update -qq
    apt-get install -qqy --no-install-recommends "$@" >/dev/null
}
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
cat >twice.cpp <<'C'
#include <opendht.h>

#include <chrono>
#include <cstdlib>
#include <iostream>
#include <set>
#include <string>
#include <thread>

using namespace std::chrono_literals;

static const auto key = dht::InfoHash::get("one key");

template <typename T> static T wait_for(std::future<T> answer)
{
    if (answer.wait_for(20s) != std::future_status::ready) {
        std::cout << "no answer" << std::endl;
        std::_Exit(1);
    }
    return answer.get();
}

static void put(dht::DhtRunner &node, const char *name, const std::string &text)
{
    auto value = std::make_shared<dht::Value>((const uint8_t *)text.data(), text.size());
    value->id = 7;
    std::promise<bool> done;
    node.put(key, value, [&](bool ok) { done.set_value(ok); });
    std::cout << name << " puts " << text << ": " << (wait_for(done.get_future()) ? "ok" : "no") << std::endl;
}

static void get(dht::DhtRunner &node, const char *name)
{
    std::set<std::string> found; // the order of the answers is by chance
    for (const auto &value : wait_for(node.get(key)))
        found.insert(std::to_string(value->id) + "=" + std::string(value->data.begin(), value->data.end()));
    std::cout << name << " gets:";
    for (const auto &one : found)
        std::cout << " " << one;
    std::cout << std::endl;
}

static void start(dht::DhtRunner &node)
{
    dht::DhtRunner::Config config;
    config.threaded = true;
    node.run("127.0.0.1", "", "0", config);
}

static bool knows_other(dht::DhtRunner &node)
{
    return node.getNodesStats(AF_INET).good_nodes > 0;
}

int main()
{
    dht::DhtRunner a, b;
    start(a);
    start(b);
    b.bootstrap(dht::SockAddr(a.getBound()));
    for (int i = 0; i < 100 && !(knows_other(a) && knows_other(b)); i++)
        std::this_thread::sleep_for(100ms);
    put(a, "a", "one");
    get(b, "b");
    put(a, "a", "two");
    get(a, "a");
    get(b, "b");
    std::_Exit(0);
}
C
g++ -std=c++17 twice.cpp -o twice $(pkg-config --cflags --libs opendht) -pthread
timeout 90 ./twice | tee seen
cat >known <<'T'
a puts one: ok
b gets: 7=one
a puts two: ok
a gets: 7=one 7=two
b gets: 7=one 7=two
T
cmp known seen || { echo "changed: not what OpenDHT 2.4.12 did" >&2; exit 1; }
