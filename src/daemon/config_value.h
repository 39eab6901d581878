/* SPDX-License-Identifier: GPL-3.0-or-later */
/* config_value.h - the kinds of values a setting can have: text -> checked member of struct config
 * and back. Only config.c uses it. */
#ifndef RESTANTE_DAEMON_CONFIG_VALUE_H
#define RESTANTE_DAEMON_CONFIG_VALUE_H

#include "daemon/config.h"

enum value_kind {
    VALUE_ADDRESS,   /* name@group */
    VALUE_LEVEL,     /* log level */
    VALUE_STRANGERS, /* inbox, requests or nowhere */
    VALUE_NUMBER,    /* uint32_t, min..max */
    VALUE_PORT,      /* uint16_t, min..max */
    VALUE_BOOL,      /* yes, no and their friends */
    VALUE_SECONDS,   /* double: number with an optional suffix s m h d, min..max */
    VALUE_SOCKET,    /* absolute path of a UNIX socket, or empty */
    VALUE_IP,        /* IPv4 or IPv6 literal */
    VALUE_IPV4,      /* literal or empty */
    VALUE_IPV6,      /* literal, "none" or empty */
    VALUE_HOSTPORT,  /* host:port or empty */
    VALUE_HOSTPORTS, /* lists of at most max items, split at spaces and commas */
    VALUE_ENDPOINTS,
    VALUE_ADDRESSES,
};

struct config_key {
    const char *section, *key;
    enum value_kind kind;
    size_t offset, size; /* of the member of struct config */
    const char *preset;  /* the default as text; NULL: none */
    double min, max;
    const char *meaning; /* a comment for the file */
};

#define CONFIG_TEXT_CAP 300

bool config_value_is_list(const struct config_key *k);
/* Checks text and stores it; lists grow. On -1 nothing was stored; e is a sentence without capital
 * and full stop, because the caller puts the place in front. */
int config_value_set(const struct config_key *k, struct config *c, const char *text,
                     struct error *e);
/* The value of a key that is no list, as text that config_value_set takes. */
void config_value_text(const struct config_key *k, const struct config *c,
                       char out[CONFIG_TEXT_CAP]);

#endif
