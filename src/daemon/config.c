/* SPDX-License-Identifier: GPL-3.0-or-later */
/* config.c - see config.h. One table says what each key means, how it is checked and what it is by
 * default; reading, writing and `restante init --set` all go by it. inih splits the file. */
#include "daemon/config.h"
#include "daemon/config_value.h"
#include <ini.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* inih's own buffer holds 200 octets and would cut a longer line in silence. */
#define LINE_CAP 196

#define FIELD(member) offsetof(struct config, member), sizeof(((struct config *)0)->member)

/* In the order in which a file is written. NULL as default: must be set. */
static const struct config_key keys[] = {
    {"peer", "address", VALUE_ADDRESS, FIELD(address), NULL, 0, 0, "name@group of this peer"},
    {"peer", "log", VALUE_LEVEL, FIELD(log_level), "info", 0, 0, "error, warn, info, debug, trace"},

    {"network", "id", VALUE_NUMBER, FIELD(network), "1", 1, UINT32_MAX,
     "peers of another network are not understood"},
    {"network", "bootstrap", VALUE_HOSTPORTS, FIELD(bootstrap), "", 0, CONFIG_LIST_MAX,
     "host:port of nodes that know the network"},
    {"network", "dht_socket", VALUE_SOCKET, FIELD(dht_socket), "", 0, 0,
     "use the restante-dht behind this socket; empty: start an own one"},
    {"network", "dht_bind", VALUE_IPV4, FIELD(dht_bind), "", 0, 0,
     "IPv4 address of the own DHT node; empty: all"},
    {"network", "dht_bind6", VALUE_IPV6, FIELD(dht_bind6), "", 0, 0,
     "the same for IPv6; empty: all, none: no IPv6"},
    {"network", "dht_port", VALUE_PORT, FIELD(dht_port), "4222", 1, 65535, "UDP port of the node"},
    {"network", "http_bind", VALUE_IP, FIELD(http_bind), "0.0.0.0", 0, 0,
     "where the outbox is served to other peers"},
    {"network", "http_port", VALUE_PORT, FIELD(http_port), "8080", 1, 65535,
     "TCP port of the outbox"},
    {"network", "endpoints", VALUE_ENDPOINTS, FIELD(endpoints), "", 0, ENDPOINTS_MAX,
     "http://host:port under which others reach the outbox"},
    {"network", "socks", VALUE_HOSTPORT, FIELD(socks), "", 0, 0,
     "host:port of the SOCKS proxy for .onion endpoints"},
    {"network", "private_addresses", VALUE_BOOL, FIELD(private_addresses), "no", 0, 0,
     "connect to private address ranges also for strangers"},
    {"network", "shard_at", VALUE_NUMBER, FIELD(shard_at), "500", 1, 100000,
     "more waiting notifications than this are spread over more keys"},

    {"mail", "imap_port", VALUE_PORT, FIELD(imap_port), "1993", 1, 65535,
     "IMAP with TLS, loopback"},
    {"mail", "submission_port", VALUE_PORT, FIELD(submission_port), "1465", 1, 65535,
     "submission with TLS, loopback"},
    {"mail", "allow_foreign_from", VALUE_BOOL, FIELD(allow_foreign_from), "no", 0, 0,
     "submit mail whose From is not this address; it gets a Sender field"},
    {"mail", "relays", VALUE_ADDRESSES, FIELD(relays), "", 0, CONFIG_LIST_MAX,
     "senders whose mail may carry a foreign From"},
    {"mail", "strangers", VALUE_STRANGERS, FIELD(strangers), "inbox", 0, 0,
     "where mail of senders who are no contacts goes: inbox, requests, nowhere"},
    {"mail", "validity", VALUE_SECONDS, FIELD(validity_s), "7d", 1, NS_LIFE_MAX,
     "how long a message waits to be pulled"},
    {"mail", "pull_before", VALUE_SECONDS, FIELD(pull_before_s), "1d", 0, NS_LIFE_MAX,
     "pull mail of contacts so long before it expires; 0: never"},
    {"mail", "pull_before_max", VALUE_NUMBER, FIELD(pull_before_max), "1048576", 0, UINT32_MAX,
     "bytes that such a message has at most"},
    {"mail", "sent_wait", VALUE_SECONDS, FIELD(sent_wait_s), "30s", 0, 86400,
     "how long the mail client has to save its own copy in Sent"},
    {"mail", "open_wait", VALUE_SECONDS, FIELD(open_wait_s), "60s", 1, 600,
     "how long opening a message waits for its transfer"},

    {"timing", "poll", VALUE_SECONDS, FIELD(poll_s), "60s", 0.05, 86400,
     "look for notifications and receipts"},
    {"timing", "retry", VALUE_SECONDS, FIELD(retry_s), "5s", 0.05, 86400,
     "first retry of a failed step; doubled up to 64 times that"},
    {"timing", "descriptor", VALUE_SECONDS, FIELD(descriptor_s), "8h", 1, 86400,
     "renew the peer descriptor"},
    {"timing", "reput", VALUE_SECONDS, FIELD(reput_s), "1h", 0.05, 5 * 86400,
     "put notifications and receipts again"},
    {"timing", "sweep", VALUE_SECONDS, FIELD(sweep_s), "60s", 0.05, 86400,
     "look for stubs that the user deleted"},
    {"timing", "decline_grace", VALUE_SECONDS, FIELD(decline_grace_s), "1h", 0, NS_LIFE_MAX,
     "a deleted stub is declined after this time"},
    {"timing", "trash_grace", VALUE_SECONDS, FIELD(trash_grace_s), "1d", 0, NS_LIFE_MAX,
     "the same for a stub in Trash or Junk"},
    {"timing", "expiry_grace", VALUE_SECONDS, FIELD(expiry_grace_s), "1d", 0, NS_LIFE_MAX,
     "wait for late receipts before a message counts as expired"},
    {"timing", "group_life", VALUE_SECONDS, FIELD(group_life_s), "30d", 2, GROUP_LIFE_MAX,
     "how long a group descriptor lives unless it is renewed"},
    {"timing", "cancel_grace", VALUE_SECONDS, FIELD(cancel_grace_s), "5s", 0, NS_LIFE_MAX,
     "a message is withdrawn when its line in Outgoing is deleted for this time"},
    {"timing", "give_up", VALUE_SECONDS, FIELD(give_up_s), "5d", 1, NS_LIFE_MAX,
     "how long sealing may fail, or a recipient's key be undecided"},

    {"group", "quota", VALUE_NUMBER, FIELD(group_quota_mib), "1024", 0, 1024 * 1024,
     "MiB kept here for each other member of the group"},
};
#define KEYS (sizeof keys / sizeof keys[0])

static const struct config_key *config_find(const char *section, const char *key, struct error *e)
{
    bool section_known = false;
    for (size_t i = 0; i < KEYS; i++) {
        if (strcmp(keys[i].section, section) != 0)
            continue;
        section_known = true;
        if (strcmp(keys[i].key, key) == 0)
            return &keys[i];
    }
    if (section_known)
        (void)error_set(e, "there is no setting \"%.40s\" in [%s]", key, section);
    else if (section[0] == '\0')
        (void)error_set(e, "\"%.40s\" stands before the first [section]", key);
    else
        (void)error_set(e, "there is no section [%.40s]", section);
    return NULL;
}

void config_defaults(struct config *c)
{
    memset(c, 0, sizeof *c);
    for (size_t i = 0; i < KEYS; i++)
        if (keys[i].preset != NULL && config_value_set(&keys[i], c, keys[i].preset, NULL) < 0)
            abort(); /* the table contradicts itself */
}

int config_set(struct config *c, const char *section, const char *key, const char *value,
               struct error *e)
{
    const struct config_key *k = config_find(section, key, e);
    return k == NULL ? -1 : config_value_set(k, c, value, e);
}

int config_reset(struct config *c, const char *section, const char *key, struct error *e)
{
    const struct config_key *k = config_find(section, key, e);
    if (k == NULL)
        return -1;
    memset((char *)c + k->offset, 0, k->size);
    return k->preset == NULL ? 0 : config_value_set(k, c, k->preset, e);
}

/* What inih's callbacks need: the text, how far it was handed out, what came so far. */
struct config_reading {
    struct config *c;
    const char *rest;
    unsigned line; /* number of the line handed out last, from 1 */
    unsigned error_line;
    struct error error;
    bool seen[KEYS];
};

/* inih 55 cuts a comment behind a value, but not where the value goes on in a further line. */
static void cut_comment(char *line)
{
    if (*line != ' ' && *line != '\t')
        return;
    for (char *c = line + 1; *c != '\0'; c++)
        if (*c == ';' && (c[-1] == ' ' || c[-1] == '\t')) {
            (void)strcpy(c, "\n");
            return;
        }
}

static char *next_line(char *out, int size, void *ctx)
{
    struct config_reading *r = ctx;
    size_t n = strcspn(r->rest, "\n");
    if (r->rest[n] == '\n')
        n++;
    if (n == 0)
        return NULL;
    r->line++;
    if (n > LINE_CAP || n >= (size_t)size) { /* hand out nothing of it: the error below is enough */
        if (r->error_line == 0) {
            r->error_line = r->line;
            (void)error_set(&r->error,
                            "the line is longer than %d bytes; a list can go on in "
                            "further lines that begin with a space",
                            LINE_CAP);
        }
        out[0] = '\n';
        out[1] = '\0';
    } else {
        memcpy(out, r->rest, n);
        out[n] = '\0';
        cut_comment(out);
    }
    r->rest += n;
    return out;
}

static int config_take(void *ctx, const char *section, const char *name, const char *value)
{
    struct config_reading *r = ctx;
    if (r->error_line != 0)
        return 0;
    const struct config_key *k = config_find(section, name, &r->error);
    int rc = k == NULL ? -1 : 0;
    if (rc == 0) {
        bool *seen = &r->seen[k - keys];
        if (*seen && !config_value_is_list(k))
            rc = error_set(&r->error, "%s is set twice", name);
        else
            rc = config_value_set(k, r->c, value, &r->error);
        *seen = true;
    }
    if (rc < 0)
        r->error_line = r->line;
    return rc == 0;
}

static int check_whole(const struct config *c, const char *path, struct error *e)
{
    if (c->address[0] == '\0')
        return error_set(e, "%s does not say whose peer this is: set address in [peer].", path);
    if (c->imap_port == c->submission_port || c->imap_port == c->http_port ||
        c->submission_port == c->http_port)
        return error_set(e,
                         "%s gives one port to two services: imap_port, submission_port and "
                         "http_port must differ.",
                         path);
    return 0;
}

int config_parse(struct config *c, const char *home, struct buf *text, struct error *e)
{
    char path[PATH_CAP];
    config_defaults(c);
    if (home[0] != '/' || strlen(home) >= sizeof c->home)
        return error_set(e, "The home's path %.200s is not absolute or too long.", home);
    memcpy(c->home, home, strlen(home) + 1);
    if (config_path(c, "config", path, e) < 0)
        return -1;
    const char *s = buf_str(text);
    if (s == NULL || strlen(s) != text->len)
        return error_set(e, "%s holds a NUL octet: it is not a text file.", path);
    struct config_reading r = {.c = c, .rest = s};
    int bad = ini_parse_stream(next_line, &r, config_take, &r);
    if (bad > 0 && (r.error_line == 0 || (unsigned)bad < r.error_line)) {
        r.error_line = (unsigned)bad;
        (void)error_set(&r.error, "this is neither [section] nor key = value");
    }
    if (r.error_line != 0 || bad != 0)
        return error_set(e, "%s, line %u: %s.", path, r.error_line, r.error.text);
    return check_whole(c, path, e);
}

int config_load(struct config *c, const char *home, struct error *e)
{
    char path[PATH_CAP];
    struct buf text = BUF_INIT(CONFIG_FILE_CAP);
    int rc = path_join(path, home, "config", e);
    if (rc == 0)
        rc = file_read(path, &text, e);
    if (rc == 0)
        rc = config_parse(c, home, &text, e);
    buf_free(&text);
    return rc;
}

bool config_name(size_t i, const char **section, const char **key)
{
    if (i >= KEYS)
        return false;
    *section = keys[i].section;
    *key = keys[i].key;
    return true;
}

int config_get(const struct config *c, const char *section, const char *key, struct buf *out,
               struct error *e)
{
    const struct config_key *k = config_find(section, key, e);
    if (k == NULL)
        return -1;
    if (!config_value_is_list(k)) {
        char text[CONFIG_TEXT_CAP];
        config_value_text(k, c, text);
        return buf_append(out, text, strlen(text));
    }
    const struct config_list *l = (const void *)((const char *)c + k->offset);
    for (size_t i = 0; i < l->count; i++)
        if (buf_printf(out, "%s%s", i == 0 ? "" : "\n", l->item[i]) < 0)
            return error_set(e, "There is not enough memory.");
    return 0;
}

static int format_key(const struct config_key *k, const struct config *c,
                      const struct config *presets, struct buf *out)
{
    char text[CONFIG_TEXT_CAP], preset[CONFIG_TEXT_CAP];
    if (buf_printf(out, "# %s\n", k->meaning) < 0)
        return -1;
    if (config_value_is_list(k)) {
        const struct config_list *l = (const void *)((const char *)c + k->offset);
        if (buf_printf(out, "%s%s =", l->count == 0 ? "; " : "", k->key) < 0)
            return -1;
        for (size_t i = 0; i < l->count; i++)
            if (buf_printf(out, "%s%s", i == 0 ? " " : "\n    ", l->item[i]) < 0)
                return -1;
        return buf_append(out, "\n", 1);
    }
    config_value_text(k, c, text);
    config_value_text(k, presets, preset);
    bool as_preset = k->kind != VALUE_PORT && strcmp(text, preset) == 0;
    return buf_printf(out, "%s%s =%s%s\n", as_preset ? "; " : "", k->key,
                      text[0] == '\0' ? "" : " ", text);
}

int config_format(const struct config *c, struct buf *out)
{
    struct config presets;
    config_defaults(&presets);
    if (buf_printf(out,
                   "# Restante: the configuration of %s; see restante.conf(5).\n"
                   "# Lines that begin with ';' show what holds by default.\n",
                   c->address) < 0)
        return -1;
    const char *section = "";
    for (size_t i = 0; i < KEYS; i++) {
        if (strcmp(section, keys[i].section) != 0) {
            section = keys[i].section;
            if (buf_printf(out, "\n[%s]\n", section) < 0)
                return -1;
        }
        if (format_key(&keys[i], c, &presets, out) < 0)
            return -1;
    }
    return 0;
}

int config_path(const struct config *c, const char *sub, char out[PATH_CAP], struct error *e)
{
    return path_join(out, c->home, sub, e);
}
