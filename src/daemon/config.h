/* SPDX-License-Identifier: GPL-3.0-or-later */
/* config.h - HOME/config (ini) and the folders of a peer's home. */
#ifndef RESTANTE_DAEMON_CONFIG_H
#define RESTANTE_DAEMON_CONFIG_H

#include "base/buf.h"
#include "base/error.h"
#include "base/file.h"
#include "proto/address.h"
#include "proto/endpoint.h"
#include <stdbool.h>
#include <stdint.h>

#define CONFIG_LIST_MAX 16
#define CONFIG_FILE_CAP (64 * 1024)

struct config_list {
    char item[CONFIG_LIST_MAX][256];
    size_t count;
};

struct config {
    char home[PATH_CAP / 2];       /* absolute */
    char address[ADDRESS_MAX + 1]; /* [peer] address */
    char log_level[8];             /* [peer] log = error|warn|info|debug|trace */

    /* [network] */
    uint32_t network;             /* id: peers of another network are not understood */
    struct config_list bootstrap; /* bootstrap = host:port host:port ... */
    char dht_socket[256]; /* dht_socket: use this running restante-dht; empty: start our own */
    char dht_bind[64];    /* dht_bind: address of our own node, "" = all */
    char dht_bind6[64];   /* dht_bind6: the same for IPv6, "" = all, "none" = off */
    uint16_t dht_port;
    char http_bind[64]; /* where the outbox is served */
    uint16_t http_port;
    struct config_list
        endpoints;          /* endpoints = http://host:port ...: what the descriptor announces */
    uint32_t shard_at;      /* notifications in one shard of the own key before there are more */
    char socks[256];        /* host:port for .onion */
    bool private_addresses; /* connect to private ranges also for strangers */

    /* [mail] */
    uint16_t imap_port, submission_port; /* TLS, on loopback */
    bool allow_foreign_from;             /* submit mail whose From is not ours (adds Sender:) */
    struct config_list relays; /* relays = address ...: senders whose foreign From is accepted */
    char strangers[16];        /* inbox|requests|nowhere */
    double validity_s;         /* how long a message waits; default a week */
    double pull_before_s;      /* contacts' mail is pulled so long before it expires; default 1 d */
    uint32_t pull_before_max;  /* octets; default 1 MB */
    double sent_wait_s;        /* before our own copy goes to Sent; default 30 */
    double open_wait_s;        /* how long a FETCH waits for a pull; default 60 */

    /* [timing], seconds, may be fractions; tests shorten them */
    double poll_s;          /* slow polling of ns: and nr:, default 60 */
    double retry_s;         /* first retry of a failed step, default 5, doubled up to 64 times */
    double descriptor_s;    /* renewal of the descriptor, default 8 h */
    double reput_s;         /* ns and nr put again, default 1 h */
    double sweep_s;         /* link counts, default 60 */
    double cancel_grace_s;  /* default 5 */
    double decline_grace_s; /* default 3600 */
    double trash_grace_s;   /* default 86400 */
    double expiry_grace_s;  /* default 86400 */
    double group_life_s;    /* of a group descriptor, renewed after a third; default 30 days */
    double give_up_s;       /* a message that cannot be sealed for so long failed; default 5 days */

    /* [group] */
    uint32_t group_quota_mib; /* replicated for each other member, default 1024 */
};

/* The defaults; home and address stay empty. */
void config_defaults(struct config *c);
/* Reads HOME/config over the defaults; an unknown section or key, or a bad value, is an error that
 * names the line. home must be absolute. */
int config_load(struct config *c, const char *home, struct error *e);
/* The same of a text that stands, or will stand, in HOME/config. */
int config_parse(struct config *c, const char *home, struct buf *text, struct error *e);
/* The i-th setting's name; false: there are no more. */
bool config_name(size_t i, const char **section, const char **key);
/* Appends a setting's value as text; the items of a list on lines of their own. */
int config_get(const struct config *c, const char *section, const char *key, struct buf *out,
               struct error *e);
/* Appends to out the text of a config file in which this setting has these values (none: its
 * default), every other line as it stands, comments too. The setting's line is the one that was
 * there, or that showed its default, or a new one at the end of its section. */
int config_edit(struct buf *text, const char *section, const char *key, const char *const values[],
                size_t count, struct buf *out, struct error *e);
/* Sets one value as a line of the file would ("mail", "imap_port", "1993"); a list's items are
 * added to it. -1 and a sentence without a line number. */
int config_set(struct config *c, const char *section, const char *key, const char *value,
               struct error *e);
/* Empties a list or sets a value back to its default. -1: there is no such key. */
int config_reset(struct config *c, const char *section, const char *key, struct error *e);
/* The text of a config file: values that differ from the defaults, and the ports, are set; the
 * others stand in comments. -1 when out's cap is too small (4 KB are enough without lists). */
int config_format(const struct config *c, struct buf *out);
/* HOME/sub into out. */
int config_path(const struct config *c, const char *sub, char out[PATH_CAP], struct error *e);

#endif
