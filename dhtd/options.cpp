/* SPDX-License-Identifier: GPL-3.0-or-later */
/* options.cpp - see options.h. */
#include "options.h"
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <getopt.h>

namespace
{

constexpr uint32_t NETWORK = 0x52657374; /* "Rest" */
constexpr uint16_t PORT = 4280;
constexpr size_t BOOTSTRAPS_MAX = 32;

enum {
    SOCKET = 256,
    BIND,
    BIND6,
    PORT_OPTION,
    NETWORK_OPTION,
    BOOTSTRAP,
    STATE,
    REPUBLISH,
    REQUESTS,
    REQUESTS_PER_PEER,
    MAX_STORE,
    LOG
};

const option long_options[] = {
    {"socket", required_argument, nullptr, SOCKET},
    {"bind", required_argument, nullptr, BIND},
    {"bind6", required_argument, nullptr, BIND6},
    {"port", required_argument, nullptr, PORT_OPTION},
    {"network", required_argument, nullptr, NETWORK_OPTION},
    {"bootstrap", required_argument, nullptr, BOOTSTRAP},
    {"state", required_argument, nullptr, STATE},
    {"republish", required_argument, nullptr, REPUBLISH},
    {"requests", required_argument, nullptr, REQUESTS},
    {"requests-per-peer", required_argument, nullptr, REQUESTS_PER_PEER},
    {"max-store", required_argument, nullptr, MAX_STORE},
    {"log", required_argument, nullptr, LOG},
    {"tied", no_argument, nullptr, 't'},
    {"verbose", no_argument, nullptr, 'v'},
    {"help", no_argument, nullptr, 'h'},
    {"version", no_argument, nullptr, 'V'},
    {nullptr, 0, nullptr, 0},
};

const char help[] =
    "usage: restante-dht [options]\n"
    "One node of the network that carries Restante's notifications. Alone it is a bootstrap and\n"
    "storage node; with --socket it serves the peers of this host.\n\n"
    "  --socket PATH            serve peers on this UNIX socket\n"
    "  --bind ADDRESS           IPv4 address to use (default: all; none: no IPv4)\n"
    "  --bind6 ADDRESS          IPv6 address to use (default: all; none: no IPv6)\n"
    "  --port N                 UDP port (default 4280; 0: a free one)\n"
    "  --network N              id of the network (default 1382380404)\n"
    "  --bootstrap HOST:PORT    a node to begin with; may be given several times\n"
    "  --state FILE             remember what is held and known over a restart\n"
    "  --republish SECONDS      how often to put again what is held (default 3600; 0: never)\n"
    "  --requests N             datagrams a second to answer in all (default 65536)\n"
    "  --requests-per-peer N    the same for one address (default 8192)\n"
    "  --max-store MIB          how much to hold for the network (default 256)\n"
    "  --log FILE               log there instead of standard error\n"
    "  --tied                   end when standard input is closed\n"
    "  --verbose                log more\n"
    "  --help, --version\n";

bool number(const char *text, unsigned long max, unsigned long &n)
{
    char *end = nullptr;
    errno = 0;
    n = strtoul(text, &end, 10);
    return *text >= '0' && *text <= '9' && *end == '\0' && errno == 0 && n <= max;
}

bool add_bootstrap(const char *text, Options &o)
{
    const char *colon = strrchr(text, ':');
    unsigned long port;
    if (!colon || colon == text || !number(colon + 1, 65535, port) || port == 0 ||
        o.bootstraps.size() >= BOOTSTRAPS_MAX)
        return false;
    std::string host(text, colon);
    if (host.size() > 2 && host.front() == '[' && host.back() == ']')
        host = host.substr(1, host.size() - 2);
    o.bootstraps.push_back({host, colon + 1});
    o.engine.bootstraps = true;
    return true;
}

/* Stores one option; false when its argument is no good. */
bool take(int c, const char *arg, Options &o)
{
    unsigned long n = 0;
    bool good = true;
    switch (c) {
    case SOCKET:
        o.socket = arg;
        break;
    case BIND:
        o.engine.bind4 = arg;
        break;
    case BIND6:
        o.engine.bind6 = arg;
        o.engine.need6 = strcmp(arg, "none") != 0;
        break;
    case PORT_OPTION:
        good = number(arg, 65535, n);
        o.engine.port = (uint16_t)n;
        break;
    case NETWORK_OPTION:
        good = number(arg, UINT32_MAX, n) && n > 0;
        o.engine.network = (uint32_t)n;
        break;
    case BOOTSTRAP:
        good = add_bootstrap(arg, o);
        break;
    case STATE:
        o.state = arg;
        break;
    case REPUBLISH:
        good = number(arg, 7 * 86400, n);
        o.engine.republish = (unsigned)n;
        break;
    case REQUESTS:
        good = number(arg, 10000000, n) && n > 0;
        o.engine.requests = (int)n;
        break;
    case REQUESTS_PER_PEER:
        good = number(arg, 10000000, n) && n > 0;
        o.engine.requests_per_peer = (int)n;
        break;
    case MAX_STORE:
        good = number(arg, 65536, n) && n > 0;
        o.engine.max_store = (size_t)n << 20;
        break;
    case LOG:
        o.log = arg;
        break;
    case 't':
        o.tied = true;
        break;
    case 'v':
        o.verbose = true;
    }
    return good;
}

} // namespace

int read_options(int argc, char **argv, Options &o)
{
    int c, index = 0;
    o.engine.network = NETWORK;
    o.engine.port = PORT;
    while ((c = getopt_long(argc, argv, "", long_options, &index)) != -1) {
        if (c == 'h') {
            fputs(help, stdout);
            return 0;
        }
        if (c == 'V') {
            puts("restante-dht " RESTANTE_VERSION);
            return 0;
        }
        if (c == '?') {
            fputs("restante-dht: see --help\n", stderr);
            return 1;
        }
        if (!take(c, optarg, o)) {
            fprintf(stderr, "restante-dht: --%s %s is not understood; see --help\n",
                    long_options[index].name, optarg);
            return 1;
        }
    }
    if (optind < argc) {
        fprintf(stderr, "restante-dht: \"%s\" is not understood; see --help\n", argv[optind]);
        return 1;
    }
    if (o.engine.bind4 == "none" && o.engine.bind6 == "none") {
        fputs("restante-dht: there is no address to use: both families are off\n", stderr);
        return 1;
    }
    return -1;
}
