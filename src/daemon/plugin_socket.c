/* SPDX-License-Identifier: GPL-3.0-or-later */
/* plugin_socket.c - see plugin_socket.h. */
#include "daemon/plugin_socket.h"
#include "base/clock.h"
#include "base/log.h"
#include "daemon/service.h"
#include "flow/receiver/opening.h"
#include "flow/receiver/policy.h"
#include "flow/sender/sent.h"
#include "flow/receiver/expunge_scan.h"
#include "base/file.h"
#include "base/mem.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define LOG_AREA "plugin"
#define LINE_MAX_OCTETS 4096

struct asker {                  /* a connection, while questions of it are open */
    struct line_client *client; /* NULL: gone */
    struct question *first;
};

struct question {
    struct asker *asker;
    struct opening *opening;
    char id[HASH_HEX + 1];
    struct question *next;
};

static void question_free(struct question *q)
{
    for (struct question **at = &q->asker->first; *at != NULL; at = &(*at)->next) {
        if (*at == q) {
            *at = q->next;
            break;
        }
    }
    free(q);
}

/* P-7.7; a sentence goes with NO alone. */
static void plugin_reply(struct line_client *c, const char *verdict, const char *id,
                         const char *why)
{
    char line[600];
    int n = snprintf(line, sizeof line, "%s %s%s%s\n", verdict, id, *why == '\0' ? "" : " ", why);
    if (n >= (int)sizeof line) {
        n = sizeof line - 1;
        line[n - 1] = '\n';
    }
    line_send(c, line, (size_t)n);
}

static void on_opened(void *ctx, bool ok, const char *why)
{
    struct question *q = ctx;
    q->opening = NULL;
    plugin_reply(q->asker->client, ok ? "OK" : "NO", q->id, ok ? "" : why);
    question_free(q);
}

/* P-7.5: the words behind the id; unknown ones are left alone. */
static void read_words(char *words, struct reading *r)
{
    char *rest = NULL;
    *r = (struct reading){.client = CLIENT_NONE};
    for (char *w = strtok_r(words, " ", &rest); w != NULL; w = strtok_r(NULL, " ", &rest)) {
        char *value = strchr(w, '=');
        if (value == NULL)
            continue;
        *value++ = '\0';
        if (strcmp(w, "peek") == 0)
            r->peek = strcmp(value, "1") == 0;
        else if (strcmp(w, "partial") == 0)
            r->partial = strcmp(value, "1") == 0;
        else if (strcmp(w, "octets") == 0)
            r->octets = strtoull(value, NULL, 10);
        else if (strcmp(w, "client") == 0)
            (void)policy_client_name(value, r->client);
        else if (strcmp(w, "part") == 0)
            r->part = strcmp(value, "text") == 0   ? READ_TEXT
                      : strcmp(value, "part") == 0 ? READ_PART
                                                   : READ_WHOLE;
    }
}

/* For `restante policy`: who reads here. */
static void note_client(struct service *s, const char *name)
{
    size_t at = 0;
    for (size_t i = 0; i < CLIENTS_SEEN; i++) {
        if (strcasecmp(s->seen[i].name, name) == 0) {
            at = i;
            break;
        }
        if (s->seen[i].at_ms < s->seen[at].at_ms)
            at = i;
    }
    (void)strcpy(s->seen[at].name, name);
    s->seen[at].at_ms = clock_wall_ms();
}

static struct asker *asker_of(struct line_client *c)
{
    struct asker *a = line_client_get(c);
    if (a == NULL) {
        a = mem_new(sizeof *a);
        a->client = c;
        line_client_set(c, a);
    }
    return a;
}

static void open_stub(struct service *s, struct line_client *c, const uint8_t nid[HASH_LEN],
                      const char *id)
{
    struct asker *a = asker_of(c);
    struct question *q = mem_new(sizeof *q);
    q->asker = a;
    memcpy(q->id, id, HASH_HEX + 1);
    q->next = a->first;
    a->first = q;
    struct opening *o = opening_ask(&s->services, nid, s->services.c.open_wait, on_opened, q);
    if (o != NULL)
        q->opening = o;
}

static void pull(struct service *s, struct line_client *c, char *id)
{
    uint8_t nid[HASH_LEN];
    struct reading r;
    struct error why = {""};
    char *words = id + strcspn(id, " ");
    if (*words == ' ')
        *words++ = '\0';
    if (strlen(id) != HASH_HEX || hex_decode(id, nid, HASH_LEN) < 0 || s->stopping) {
        log_warn("a question of the plugin is not understood");
        line_close(c);
        return;
    }
    read_words(words, &r);
    note_client(s, r.client);
    switch (policy_judge(&s->services, nid, &r, &why)) {
    case VERDICT_PULL:
        open_stub(s, c, nid, id);
        return;
    case VERDICT_REFUSE:
        log_debug("%s does not fetch in advance", r.client);
        plugin_reply(c, "NO", id, why.text);
        return;
    case VERDICT_SKIP:
        plugin_reply(c, "SKIP", id, "");
        return;
    }
}

/* P-7.10: id MAILBOX and words */
static void expunged(struct service *s, struct line_client *c, char *id)
{
    uint8_t nid[HASH_LEN];
    struct deletion d = {.client = CLIENT_NONE};
    char *rest = NULL, *w;
    if (strlen(id) <= HASH_HEX || id[HASH_HEX] != ' ') {
        line_close(c);
        return;
    }
    id[HASH_HEX] = '\0';
    if (hex_decode(id, nid, HASH_LEN) < 0) {
        line_close(c);
        return;
    }
    (void)strtok_r(id + HASH_HEX + 1, " ", &rest); /* the mailbox */
    while ((w = strtok_r(NULL, " ", &rest)) != NULL) {
        char *value = strchr(w, '=');
        if (value == NULL)
            continue;
        *value++ = '\0';
        if (strcmp(w, "client") == 0)
            (void)policy_client_name(value, d.client);
        else if (strcmp(w, "n") == 0)
            d.n = (unsigned)strtoul(value, NULL, 10);
        else if (strcmp(w, "listed") == 0)
            d.listed = strcmp(value, "1") == 0;
        else if (strcmp(w, "number") == 0)
            d.by_number = strcmp(value, "1") == 0;
        else if (strcmp(w, "refused") == 0)
            d.refused = strcmp(value, "1") == 0;
    }
    if (!s->stopping)
        expunge_scan_told(&s->services, nid, &d);
}

/* P-7.10: MAILBOX MESSAGE-ID */
static void saved(struct service *s, char *rest)
{
    char *id = strchr(rest, ' ');
    if (id != NULL && !s->stopping)
        sent_saved(&s->services, id + 1);
}

static void on_line(void *ctx, struct line_client *c, char *line, size_t len)
{
    struct service *s = ctx;
    char *rest = strchr(line, ' ');
    if (rest == NULL) {
        line_close(c);
        return;
    }
    *rest++ = '\0';
    log_debug("%s %.40s", line, rest);
    if (strcmp(line, "PULL") == 0) {
        pull(s, c, rest);
    } else if (strcmp(line, "EXPUNGED") == 0) {
        expunged(s, c, rest);
    } else if (strcmp(line, "SAVED") == 0) {
        saved(s, rest);
    } else {
        line_close(c);
    }
}

static void plugin_on_gone(void *ctx, struct line_client *c)
{
    struct asker *a = line_client_get(c);
    if (a == NULL)
        return;
    for (struct question *q = a->first, *next; q != NULL; q = next) {
        next = q->next;
        if (q->opening != NULL)
            opening_cancel(q->opening);
        free(q);
    }
    free(a);
}

int plugin_socket_start(struct service *s, struct error *e)
{
    char path[PATH_CAP];
    if (config_path(&s->config, "run/plugin.sock", path, e) < 0)
        return -1;
    struct line_server_config c = {.path = path,
                                   .max_line = LINE_MAX_OCTETS,
                                   .max_clients = 500,
                                   .line = on_line,
                                   .gone = plugin_on_gone,
                                   .ctx = s};
    s->plugin = line_server_start(s->loop, &c, e);
    return s->plugin == NULL ? -1 : 0;
}
