/* SPDX-License-Identifier: GPL-3.0-or-later */
/* endpoint.c - classes of IP addresses and the rule for each (special-purpose registries of RFC
 * 6890). An IPv6 address that carries an IPv4 address inside is judged by the one inside. */
#include "net/endpoint.h"
#include <netinet/in.h>
#include <string.h>

/* IPv4 and IPv6 in one form: an IPv4 address is its four octets. */
struct plain {
    uint8_t b[16];
    unsigned len; /* 4 or 16; 0: neither */
};

static struct plain inner(const uint8_t *v4)
{
    struct plain p = {.len = 4};
    memcpy(p.b, v4, 4);
    return p;
}

static struct plain unwrap(const struct sockaddr *sa)
{
    static const uint8_t zero[12] = {0};
    static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    static const uint8_t nat64[12] = {0, 0x64, 0xff, 0x9b};
    struct plain p = {.len = 0};
    if (sa->sa_family == AF_INET)
        return inner((const uint8_t *)&((const struct sockaddr_in *)sa)->sin_addr);
    if (sa->sa_family != AF_INET6)
        return p;
    memcpy(p.b, &((const struct sockaddr_in6 *)sa)->sin6_addr, 16);
    p.len = 16;
    bool low = p.b[12] == 0 && p.b[13] == 0 && p.b[14] == 0 && p.b[15] <= 1; /* :: and ::1 */
    if (memcmp(p.b, mapped, 12) == 0 || memcmp(p.b, nat64, 12) == 0 ||
        (memcmp(p.b, zero, 12) == 0 && !low))
        return inner(p.b + 12);
    if (p.b[0] == 0x20 && p.b[1] == 0x02) /* 6to4 */
        return inner(p.b + 2);
    return p;
}

enum reach { PUBLIC, PRIVATE, LOOPBACK, NEVER };

static enum reach class4(const uint8_t *b)
{
    if (b[0] == 127)
        return LOOPBACK;
    if (b[0] == 0 || b[0] >= 224 || (b[0] == 169 && b[1] == 254))
        return NEVER; /* this network, multicast, reserved and broadcast, link-local */
    if (b[0] == 10 || (b[0] == 172 && b[1] >= 16 && b[1] < 32) || (b[0] == 192 && b[1] == 168) ||
        (b[0] == 100 && b[1] >= 64 && b[1] < 128) || (b[0] == 198 && (b[1] & 0xfe) == 18) ||
        (b[0] == 192 && b[1] == 0 && b[2] == 0))
        return PRIVATE; /* RFC 1918, 6598, 2544, 6890 */
    return PUBLIC;
}

static enum reach class6(const uint8_t *b)
{
    static const uint8_t zero[15] = {0};
    static const uint8_t local_nat64[6] = {0, 0x64, 0xff, 0x9b, 0, 1};
    if (memcmp(b, zero, 15) == 0)
        return b[15] == 1 ? LOOPBACK : NEVER;
    if (b[0] == 0xff || (b[0] == 0xfe && (b[1] & 0xc0) == 0x80))
        return NEVER; /* multicast, link-local */
    if ((b[0] & 0xfe) == 0xfc || (b[0] == 0xfe && (b[1] & 0xc0) == 0xc0) ||
        memcmp(b, local_nat64, 6) == 0)
        return PRIVATE; /* unique local, site-local of old, a site's own NAT64 */
    return PUBLIC;
}

/* Is one of our own addresses in the same /24 or /64? */
static bool is_near(const struct plain *p, const struct endpoint_policy *policy)
{
    for (size_t i = 0; i < policy->own_count; i++) {
        struct plain own = unwrap((const struct sockaddr *)&policy->own[i]);
        if (own.len == p->len && memcmp(own.b, p->b, p->len == 4 ? 3 : 8) == 0)
            return true;
    }
    return false;
}

enum endpoint_verdict endpoint_judge(const struct sockaddr *sa, const struct endpoint_policy *p)
{
    struct plain a = unwrap(sa);
    if (a.len == 0)
        return ENDPOINT_NEVER;
    switch (a.len == 4 ? class4(a.b) : class6(a.b)) {
    case PUBLIC:
        return ENDPOINT_ALLOWED;
    case PRIVATE:
        return p->private_all || is_near(&a, p) ? ENDPOINT_ALLOWED : ENDPOINT_PRIVATE;
    case LOOPBACK:
        return p->loopback ? ENDPOINT_ALLOWED : ENDPOINT_LOOPBACK;
    case NEVER:
        break;
    }
    return ENDPOINT_NEVER;
}

bool endpoint_allowed(const struct sockaddr *sa, const struct endpoint_policy *p,
                      const char **why_r)
{
    static const char *const why[] = {
        [ENDPOINT_ALLOWED] = NULL,
        [ENDPOINT_PRIVATE] = "the address is in a private network that is not ours, and its owner "
                             "is not trusted",
        [ENDPOINT_LOOPBACK] = "the address is a loopback address",
        [ENDPOINT_NEVER] = "the address is unspecified, multicast, link-local or reserved",
    };
    enum endpoint_verdict verdict = endpoint_judge(sa, p);

    if (why_r != NULL)
        *why_r = why[verdict];
    return verdict == ENDPOINT_ALLOWED;
}
