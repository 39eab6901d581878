/* SPDX-License-Identifier: GPL-3.0-or-later */
/* checks_parts.c - what was found, in sentences; see checks_watch.h. */
#include "daemon/checks_parts.h"
#include "daemon/names.h"
#include "daemon/parts.h"
#include "flow/peers/offline.h"
#include "flow/peers/standing.h"
#include "base/clock.h"
#include "base/trouble.h"
#include "store/contacts.h"
#include "store/invites.h"
#include "store/outgoing.h"
#include "dht/dht.h"
#include "flow/core/trusted_clock.h"
#include <arpa/inet.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/timex.h>

#define FETCHED_COUNTS_MS (24 * 3600 * 1000LL)
#define CLOCK_BEHIND_MIN 10 /* minutes: told */
#define CLOCK_WRONG_MIN 60  /* minutes: entries of others are refused, and ours by others */
#define TROUBLE_COUNTS_MS (10 * 60 * 1000LL)

static void disk(struct service *s, struct checks *h)
{
    struct checks_watch *w = s->health;
    struct trouble t;
    if (w->disk_ms == 0)
        return;
    size_t at = h->count;
    check_disk(h, s->config.home, &w->disk);
    if (!trouble_last(&t) || clock_mono_ms() - t.mono_ms > TROUBLE_COUNTS_MS)
        return;
    long long ago = (clock_mono_ms() - t.mono_ms) / 1000;
    if (h->part[at].state != CHECK_FAIL) /* the probe went well: it may be over */
        check_add(h, "writing", CHECK_WARN,
                  "Nothing, if room was made meanwhile: what failed is done again by itself.",
                  "the last of %u refused writes was %lld s ago: %.180s", t.count, ago, t.text);
    else
        check_add(h, "writing", CHECK_FAIL, "See disk.",
                  "%u writes were refused, the last %lld s ago: %.180s", t.count, ago, t.text);
}

/* Is a silent endpoint at this host one that nobody can reach: an address that no router leads
 * back? A public address may be silent from inside only. */
static bool inner_address(const char *host)
{
    struct in_addr a;
    struct in6_addr b;
    if (inet_pton(AF_INET, host, &a) == 1) {
        uint32_t n = ntohl(a.s_addr);
        return n >> 24 == 127 || n >> 24 == 10 || n >> 20 == 0xac1 || n >> 16 == 0xc0a8 ||
               n >> 22 == 0x191 || n >> 16 == 0xa9fe;
    }
    if (inet_pton(AF_INET6, host, &b) == 1)
        return IN6_IS_ADDR_LOOPBACK(&b) || (b.s6_addr[0] & 0xfe) == 0xfc;
    return strcmp(host, "localhost") == 0;
}

static void endpoint_part(struct service *s, struct checks *h, size_t i)
{
    const struct endpoint_look *l = &s->health->endpoint[i];
    char url[ENDPOINT_TEXT_MAX + 1];
    int64_t fetched = atomic_load(&s->fetched_ms), since = clock_mono_ms() - fetched;
    size_t n = strcspn(l->why, "\n");
    if (n > 0 && l->why[n - 1] == '.')
        n--;
    endpoint_format(&s->endpoints[i], url, sizeof url);
    if (l->state == ENDPOINT_ANSWERS)
        check_add(h, "endpoint", CHECK_OK, "", "%s answers", url);
    else if (l->state == ENDPOINT_FOREIGN)
        check_add(h, "endpoint", CHECK_FAIL,
                  "Set network.endpoints in the configuration to where this peer is reached, and "
                  "forward that port to it.",
                  "at %s another program answers, not this peer", url);
    else if (fetched > 0 && since < FETCHED_COUNTS_MS)
        check_add(h, "endpoint", CHECK_OK, "",
                  "%s does not answer from here, but others fetched here %lld min ago", url,
                  (long long)since / 60000);
    else if (inner_address(s->endpoints[i].host))
        check_add(h, "endpoint", CHECK_FAIL,
                  "If this computer's address has changed, set network.endpoints in the "
                  "configuration again and restart; else open the port in its firewall.",
                  "%s does not answer, nobody can fetch what is sent here: %.*s", url, (int)n,
                  l->why);
    else
        check_add(h, "endpoint", CHECK_WARN,
                  "Check that the port is forwarded and open: let somebody outside open its "
                  "/pubkey. Some routers lead nobody back from inside; then this is no fault.",
                  "%s does not answer from here, and nobody has fetched here yet: %.*s", url,
                  (int)n, l->why);
}

static void endpoints(struct service *s, struct checks *h)
{
    size_t first = h->count, good = 0;
    if (s->services.c.endpoint_count == 0)
        check_add(h, "endpoint", CHECK_FAIL,
                  "Set network.endpoints in the configuration to http://HOST:PORT and restart.",
                  "none is announced: nobody can fetch what is sent here");
    if (s->health->endpoints_ms == 0)
        return;
    for (size_t i = 0; i < s->services.c.endpoint_count; i++)
        endpoint_part(s, h, i);
    for (size_t i = first; i < h->count; i++)
        good += h->part[i].state == CHECK_OK;
    for (size_t i = first; good > 0 && i < h->count; i++) /* one is enough */
        if (h->part[i].state == CHECK_FAIL)
            h->part[i].state = CHECK_WARN;
}

/* This computer, the names of the configuration, or the others? */
static void alone(struct service *s, struct checks *h)
{
    enum offline_cause why = offline_why(&s->services);
    const char *words = offline_words(why), *mend;
    char lost[400];
    names_lost(s, lost);
    if (why == OFFLINE_CABLE)
        mend = "Connect this computer. Mail that you send meanwhile waits here.";
    else if (why == OFFLINE_FIRST)
        mend = "If this is the first peer, wait for others; else set network.bootstrap in the "
               "configuration to HOST:PORT of a node that runs, and restart.";
    else if (lost[0] != '\0')
        mend = "Correct network.bootstrap in the configuration, or this computer's name service. "
               "Mail that you send meanwhile waits here.";
    else
        mend = "Check the connection, network.bootstrap in the configuration, and that UDP is "
               "not blocked. Mail that you send meanwhile waits here.";
    check_add(h, "dht", CHECK_FAIL, mend, "%s: this peer is offline%s%s", words,
              lost[0] != '\0' && why != OFFLINE_CABLE ? "; these names lead nowhere: " : "",
              why != OFFLINE_CABLE ? lost : "");
}

static void network(struct service *s, struct checks *h)
{
    enum dht_link link = dht_link_state(s->services.dht);
    bool own = s->config.dht_socket[0] == '\0';
    if (link == DHT_DOWN && own)
        check_add(h, "dht", CHECK_FAIL,
                  "It is started again by itself; see log/dht.log in the home for why it ended.",
                  "restante-dht does not run");
    else if (link == DHT_DOWN)
        check_add(h, "dht", CHECK_FAIL, "Start the restante-dht that this peer shares.",
                  "nobody answers at %.200s", s->config.dht_socket);
    else if (link == DHT_ALONE)
        alone(s, h);
    else if (!standing_of(&s->services)->identity_posted ||
             !standing_of(&s->services)->descriptor_posted)
        check_add(h, "dht", CHECK_FAIL, "Wait; if it stays, see log/restanted.log in the home.",
                  "connected, but this peer's own records are not posted yet");
    else
        check_add(h, "dht", CHECK_OK, "", "connected, own records are posted");
    char lost[400];
    names_lost(s, lost);
    if (link == DHT_CONNECTED && lost[0] != '\0')
        check_add(h, "bootstrap", CHECK_WARN, "Correct network.bootstrap in the configuration.",
                  "these names lead nowhere: %s", lost);
}

static void twins(struct service *s, struct checks *h)
{
    if (standing_of(&s->services)->stop_reason[0] != '\0')
        check_add(h, "twin", CHECK_FAIL,
                  "Stop the other peer of this address, then run `restante takeover` here.", "%s",
                  standing_of(&s->services)->stop_reason);
    else if (standing_of(&s->services)->looked)
        check_add(h, "twin", CHECK_OK, "", "no other peer runs under this address");
    else
        check_add(h, "twin", CHECK_WARN, "It is looked for as soon as the DHT is connected.",
                  "whether another peer runs under this address is not known yet");
}

struct checks_pending {
    char who[200];
    size_t len, count;
};

static bool add_pending(void *ctx, const struct accepted_invite *a)
{
    struct checks_pending *p = ctx;
    if (a->written && a->joined && (a->mail == 0 || a->mail > RCV_ANNOUNCED))
        return true;
    p->count++;
    if (p->len + strlen(a->address) + 3 < sizeof p->who)
        p->len += (size_t)snprintf(p->who + p->len, sizeof p->who - p->len, "%s%s",
                                   p->len > 0 ? ", " : "", a->address);
    return true;
}

/* Invitations that wait for somebody: the others, or the master of this group. */
static void invitations(struct service *s, struct checks *h)
{
    struct db *db = store_reader(s->services.store);
    struct checks_pending p = {.len = 0};
    struct invite_counts c;
    invite_count(db, clock_wall_ms(), &c);
    accepted_each(db, add_pending, &p);
    if (p.count > 0)
        check_add(h, "invitations", CHECK_WARN,
                  "Nothing, but that both must be on at the same time once; if it lasts, ask for a "
                  "new invitation. See `restante invite list`.",
                  "%zu accepted here, pending until those who gave them have answered: %s", p.count,
                  p.who);
    if (c.to_name > 0)
        check_add(h, "invitations", CHECK_WARN,
                  "It is done by itself; if it stays, see `restante invite list` and "
                  "`restante group` for why.",
                  "%lld who accepted to join are not named in the group's list yet",
                  (long long)c.to_name);
}

/* Others' signed times are lower bounds: they tell of a clock that is behind. Whether it is ahead,
 * only a time service knows. */
static void check_clock(struct service *s, struct checks *h)
{
    char address[ADDRESS_MAX + 1] = "";
    struct timex t = {.modes = 0};
    int64_t behind =
        (contact_newest_ms(store_reader(s->services.store), address) - clock_wall_ms()) / 60000;
    int64_t lag_h = trusted_clock_lag_ms(&s->services) / 3600000;
    if (lag_h > 0)
        check_add(h, "clock", CHECK_WARN,
                  "If the time of this computer is right, this passes by itself once contacts are "
                  "met; if it is wrong, set it: `timedatectl set-ntp true`.",
                  "it is %lld hours ahead of what others confirm: until they do, no message "
                  "expires and nothing is removed because of its age",
                  (long long)lag_h);
    else if (behind >= CLOCK_BEHIND_MIN)
        check_add(h, "clock", behind >= CLOCK_WRONG_MIN ? CHECK_FAIL : CHECK_WARN,
                  "Look at the time of this computer, and let a time service keep it: "
                  "`timedatectl set-ntp true`.",
                  "it is %lld minutes or more behind: %s has signed something at a later time",
                  (long long)behind, address);
    else if (adjtimex(&t) >= 0 && (t.status & STA_UNSYNC) != 0)
        check_add(h, "clock", CHECK_OK,
                  "If mail does not arrive, look at the time: a clock an hour off stops it.",
                  "it is not behind those that are known; no time service keeps it");
    else
        check_add(h, "clock", CHECK_OK, "", "it is not behind those that are known");
}

void checks_watch_parts(struct service *s, struct checks *h)
{
    disk(s, h);
    check_clock(s, h);
    endpoints(s, h);
    network(s, h);
    parts_check(s, h);
    twins(s, h);
    invitations(s, h);
}

bool checks_watch_ready(struct service *s)
{
    struct checks h = {.count = 0};
    checks_watch_parts(s, &h);
    return checks_worst(&h) != CHECK_FAIL;
}
