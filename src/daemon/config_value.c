/* SPDX-License-Identifier: GPL-3.0-or-later */
/* config_value.c - see config_value.h. */
#include "daemon/config_value.h"
#include "base/log.h"
#include <arpa/inet.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/un.h>

bool config_value_is_list(const struct config_key *k)
{
    return k->kind == VALUE_HOSTPORTS || k->kind == VALUE_ENDPOINTS || k->kind == VALUE_ADDRESSES;
}

/* Digits only, no sign, no space; at most max. */
static int parse_number(const char *s, double min, double max, uint64_t *out)
{
    uint64_t v = 0;
    if (*s == '\0' || strlen(s) > 10)
        return -1;
    for (; *s != '\0'; s++) {
        if (*s < '0' || *s > '9')
            return -1;
        v = v * 10 + (uint64_t)(*s - '0');
    }
    *out = v;
    return (double)v < min || (double)v > max ? -1 : 0;
}

/* By hand: strtod takes hex, "inf" and, in some languages, a decimal comma. */
static int parse_seconds(const char *s, double min, double max, double *out)
{
    double v = 0, place = 1;
    bool digits = false, point = false;
    if (strlen(s) > 20)
        return -1;
    for (; (*s >= '0' && *s <= '9') || (*s == '.' && !point); s++) {
        if (*s == '.') {
            point = true;
            continue;
        }
        digits = true;
        v = v * 10 + (*s - '0');
        if (point)
            place *= 10;
    }
    v /= place;
    switch (*s) {
    case 'd':
        v *= 86400;
        s++;
        break;
    case 'h':
        v *= 3600;
        s++;
        break;
    case 'm':
        v *= 60;
        s++;
        break;
    case 's':
        s++;
        break;
    default:
        break;
    }
    *out = v;
    return !digits || *s != '\0' || v < min || v > max ? -1 : 0;
}

static int parse_bool(const char *s, bool *out)
{
    static const char *const yes[] = {"yes", "true", "on", "1"};
    static const char *const no[] = {"no", "false", "off", "0"};
    for (size_t i = 0; i < 4; i++) {
        if (strcasecmp(s, yes[i]) == 0 || strcasecmp(s, no[i]) == 0) {
            *out = strcasecmp(s, yes[i]) == 0;
            return 0;
        }
    }
    return -1;
}

static bool is_ip(const char *s, int family)
{
    struct in6_addr a;
    return inet_pton(family, s, &a) == 1;
}

static bool is_hostport(const char *s)
{
    char url[CONFIG_TEXT_CAP];
    struct endpoint ep;
    int n = snprintf(url, sizeof url, "http://%s", s);
    return n > 0 && n < (int)sizeof url && endpoint_parse(url, &ep) == 0;
}

static bool is_socket(const char *s)
{
    return s[0] == '/' && strlen(s) < sizeof((struct sockaddr_un *)0)->sun_path &&
           strchr(s, ';') == NULL;
}

/* Kinds that are kept as text: does it fit the kind? */
static const char *text_fault(enum value_kind kind, const char *s)
{
    bool empty = s[0] == '\0';
    switch (kind) {
    case VALUE_LEVEL:
        return log_level_parse(s) >= 0 ? NULL : "one of error, warn, info, debug, trace";
    case VALUE_STRANGERS:
        return strcmp(s, "inbox") == 0 || strcmp(s, "requests") == 0 || strcmp(s, "nowhere") == 0
                   ? NULL
                   : "one of inbox, requests, nowhere";
    case VALUE_SOCKET:
        return empty || is_socket(s) ? NULL : "the absolute path of a socket, at most 107 bytes";
    case VALUE_IP:
        return is_ip(s, AF_INET) || is_ip(s, AF_INET6) ? NULL : "an IPv4 or IPv6 address";
    case VALUE_IPV4:
        return empty || is_ip(s, AF_INET) ? NULL : "an IPv4 address";
    case VALUE_IPV6:
        return empty || strcmp(s, "none") == 0 || is_ip(s, AF_INET6) ? NULL
                                                                     : "an IPv6 address or none";
    case VALUE_HOSTPORT:
        return empty || is_hostport(s) ? NULL : "host:port";
    default:
        return NULL;
    }
}

/* As people write it: HTTP://Host:8080/ is taken, too. Others announce the exact form only (P-2.6).
 */
static int own_endpoint(const char *item, struct endpoint *ep)
{
    char text[CONFIG_TEXT_CAP];
    (void)snprintf(text, sizeof text, "%s", item);
    char *host = strstr(text, "://");
    size_t n = strlen(text);
    for (char *c = text; host != NULL && c < host; c++)
        *c = (char)tolower((unsigned char)*c);
    if (host != NULL && n > 0 && text + n - 1 > host + 2 && text[n - 1] == '/')
        text[n - 1] = '\0';
    return endpoint_parse(text, ep);
}

static int list_add(const struct config_key *k, struct config_list *l, const char *item,
                    struct error *e)
{
    char canonical[CONFIG_TEXT_CAP];
    struct endpoint ep;
    (void)snprintf(canonical, sizeof canonical, "%s", item);
    if (k->kind == VALUE_HOSTPORTS && !is_hostport(item))
        return error_set(e, "\"%.80s\" in %s is not host:port", item, k->key);
    if (k->kind == VALUE_ENDPOINTS) {
        if (own_endpoint(item, &ep) < 0)
            return error_set(e, "\"%.80s\" in %s is not http://host:port", item, k->key);
        endpoint_format(&ep, canonical, sizeof canonical);
    }
    if (k->kind == VALUE_ADDRESSES && address_parse(item, canonical) < 0)
        return error_set(e, "\"%.80s\" in %s is not name@group", item, k->key);
    if (l->count >= (size_t)k->max)
        return error_set(e, "%s has more than %d items", k->key, (int)k->max);
    if (strlen(canonical) >= sizeof l->item[0])
        return error_set(e, "an item of %s is too long", k->key);
    memcpy(l->item[l->count++], canonical, strlen(canonical) + 1);
    return 0;
}

static int list_set(const struct config_key *k, struct config_list *l, const char *text,
                    struct error *e)
{
    struct config_list grown = *l;
    char copy[CONFIG_LIST_MAX * 256], *save = NULL;
    if (strlen(text) >= sizeof copy)
        return error_set(e, "the value of %s is too long", k->key);
    memcpy(copy, text, strlen(text) + 1);
    for (char *item = strtok_r(copy, " \t,", &save); item != NULL;
         item = strtok_r(NULL, " \t,", &save))
        if (list_add(k, &grown, item, e) < 0)
            return -1;
    *l = grown;
    return 0;
}

static int text_set(const struct config_key *k, char *member, const char *text, struct error *e)
{
    const char *want = text_fault(k->kind, text);
    if (want != NULL)
        return error_set(e, "%s must be %s, not \"%.80s\"", k->key, want, text);
    if (strlen(text) >= k->size)
        return error_set(e, "the value of %s is longer than %zu bytes", k->key, k->size - 1);
    memcpy(member, text, strlen(text) + 1);
    return 0;
}

static int number_set(const struct config_key *k, void *member, const char *text, struct error *e)
{
    uint64_t number;
    uint16_t port;
    uint32_t word;
    if (parse_number(text, k->min, k->max, &number) < 0)
        return error_set(e, "%s must be a number from %.0f to %.0f, not \"%.80s\"", k->key, k->min,
                         k->max, text);
    if (k->kind == VALUE_PORT) {
        port = (uint16_t)number;
        memcpy(member, &port, sizeof port);
    } else {
        word = (uint32_t)number;
        memcpy(member, &word, sizeof word);
    }
    return 0;
}

/* "30 d", "90 s": as it can be written in the configuration, too. */
static const char *span(double seconds, char out[24])
{
    static const struct {
        double of;
        char unit;
    } units[] = {{86400, 'd'}, {3600, 'h'}, {60, 'm'}};
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        double n = seconds / units[i].of;
        if (n >= 1 && n < 1e6 && n == (double)(long)n) {
            (void)snprintf(out, 24, "%ld%c", (long)n, units[i].unit);
            return out;
        }
    }
    (void)snprintf(out, 24, "%.6gs", seconds);
    return out;
}

int config_value_set(const struct config_key *k, struct config *c, const char *text,
                     struct error *e)
{
    char *member = (char *)c + k->offset, address[ADDRESS_MAX + 1] = "";
    double seconds;
    char least[24], most[24];
    for (const char *s = text; *s != '\0'; s++)
        if ((unsigned char)*s < ' ' && *s != '\t')
            return error_set(e, "the value of %s holds a control character", k->key);
    switch (k->kind) {
    case VALUE_ADDRESS:
        if (address_parse(text, address) < 0)
            return error_set(e,
                             "%s must be name@group in small letters, digits and . _ + -, "
                             "and the name not all, which means everybody: not \"%.80s\"",
                             k->key, text);
        memcpy(member, address, sizeof address);
        return 0;
    case VALUE_NUMBER:
    case VALUE_PORT:
        return number_set(k, member, text, e);
    case VALUE_BOOL:
        if (parse_bool(text, (bool *)member) < 0)
            return error_set(e, "%s must be yes or no, not \"%.80s\"", k->key, text);
        return 0;
    case VALUE_SECONDS:
        if (parse_seconds(text, k->min, k->max, &seconds) < 0)
            return error_set(e,
                             "%s must be a time from %s to %s, such as 90, 1.5m, 8h or "
                             "7d, not \"%.80s\"",
                             k->key, span(k->min, least), span(k->max, most), text);
        memcpy(member, &seconds, sizeof seconds);
        return 0;
    case VALUE_HOSTPORTS:
    case VALUE_ENDPOINTS:
    case VALUE_ADDRESSES:
        return list_set(k, (struct config_list *)(void *)member, text, e);
    default:
        return text_set(k, member, text, e);
    }
}

static void seconds_text(double v, char out[CONFIG_TEXT_CAP])
{
    static const struct {
        int64_t unit;
        char suffix;
    } units[] = {{86400, 'd'}, {3600, 'h'}, {60, 'm'}};
    int64_t whole = (int64_t)v;
    for (size_t i = 0; i < 3; i++) {
        if (whole > 0 && v - (double)whole < 0.0005 && whole % units[i].unit == 0) {
            (void)snprintf(out, CONFIG_TEXT_CAP, "%lld%c", (long long)(whole / units[i].unit),
                           units[i].suffix);
            return;
        }
    }
    (void)snprintf(out, CONFIG_TEXT_CAP, "%lld", (long long)whole);
    int64_t ms = (int64_t)((v - (double)whole) * 1000 + 0.5);
    if (ms > 0 && ms < 1000)
        (void)snprintf(out, CONFIG_TEXT_CAP, "%lld.%03lld", (long long)whole, (long long)ms);
}

void config_value_text(const struct config_key *k, const struct config *c,
                       char out[CONFIG_TEXT_CAP])
{
    const char *member = (const char *)c + k->offset;
    uint16_t port;
    uint32_t number;
    double seconds;
    bool flag;
    switch (k->kind) {
    case VALUE_NUMBER:
        memcpy(&number, member, sizeof number);
        (void)snprintf(out, CONFIG_TEXT_CAP, "%u", number);
        return;
    case VALUE_PORT:
        memcpy(&port, member, sizeof port);
        (void)snprintf(out, CONFIG_TEXT_CAP, "%u", port);
        return;
    case VALUE_BOOL:
        memcpy(&flag, member, sizeof flag);
        (void)snprintf(out, CONFIG_TEXT_CAP, "%s", flag ? "yes" : "no");
        return;
    case VALUE_SECONDS:
        memcpy(&seconds, member, sizeof seconds);
        seconds_text(seconds, out);
        return;
    default:
        (void)snprintf(out, CONFIG_TEXT_CAP, "%s", member);
        return;
    }
}
