/* SPDX-License-Identifier: GPL-3.0-or-later */
/* address.c - the canonical form of name@group, and the DHT keys made of it (P-2.1, P-2.4). */
#include "proto/address.h"

#include <stdio.h>
#include <string.h>

#define NAME_MAX_OCTETS 64
#define LABEL_MAX 63

static bool is_alnum(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static bool name_ok(const char *s, size_t n)
{
    if (n < 1 || n > NAME_MAX_OCTETS)
        return false;
    for (size_t i = 0; i < n; i++) {
        if (!is_alnum(s[i]) && (s[i] == 0 || !strchr("._+-", s[i])))
            return false;
    }
    return true;
}

bool hostname_ok(const char *s)
{
    for (;;) {
        size_t n = strcspn(s, ".");
        if (n < 1 || n > LABEL_MAX || s[0] == '-' || s[n - 1] == '-')
            return false;
        for (size_t i = 0; i < n; i++) {
            if (!is_alnum(s[i]) && s[i] != '-')
                return false;
        }
        if (s[n] == 0)
            return true;
        s += n + 1;
    }
}

static bool is_all(const char *canonical, const char *at)
{
    return at - canonical == 3 && memcmp(canonical, "all", 3) == 0;
}

static int address_split(const char *in, char canonical[ADDRESS_MAX + 1], bool *all)
{
    size_t n = strnlen(in, ADDRESS_MAX + 1);
    if (n > ADDRESS_MAX)
        return -1;
    for (size_t i = 0; i <= n; i++)
        canonical[i] = lower(in[i]);
    const char *at = strchr(canonical, '@');
    if (!at || !name_ok(canonical, (size_t)(at - canonical)) || !hostname_ok(at + 1))
        return -1;
    *all = is_all(canonical, at);
    return 0;
}

int address_parse(const char *in, char out[ADDRESS_MAX + 1])
{
    char canonical[ADDRESS_MAX + 1] = "";
    bool all;
    out[0] = 0;
    if (address_split(in, canonical, &all) < 0 || all)
        return -1;
    memcpy(out, canonical, strlen(canonical) + 1);
    return 0;
}

int address_parse_all(const char *in, char group[ADDRESS_MAX + 1])
{
    char canonical[ADDRESS_MAX + 1] = "";
    bool all;
    group[0] = 0;
    if (address_split(in, canonical, &all) < 0 || !all)
        return -1;
    memcpy(group, canonical + 4, strlen(canonical + 4) + 1);
    return 0;
}

const char *address_group(const char *canonical)
{
    const char *at = strchr(canonical, '@');
    return at ? at + 1 : "";
}

int dht_key(char out[DHT_KEY_MAX + 1], const char *prefix, const char *address)
{
    size_t a = strlen(prefix), b = strlen(address);
    out[0] = 0;
    if (a > DHT_KEY_MAX || b > DHT_KEY_MAX - a)
        return -1;
    memcpy(out, prefix, a);
    memcpy(out + a, address, b + 1);
    return 0;
}

void dht_ns_key(char out[DHT_KEY_MAX + 1], const char *receiver, uint32_t shard)
{
    if (shard == 0)
        (void)snprintf(out, DHT_KEY_MAX + 1, "ns:%.254s", receiver);
    else
        (void)snprintf(out, DHT_KEY_MAX + 1, "ns:%.254s/%u", receiver, (unsigned)shard);
}
