/* SPDX-License-Identifier: GPL-3.0-or-later */
/* plugin_socket.c - see plugin_socket.h. */
#include "daemon/plugin_socket.h"
#include "base/log.h"
#include "daemon/service.h"
#include "flow/opening.h"
#include "flow/sent.h"
#include "flow/sweep.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LOG_AREA "plugin"
#define LINE_MAX_OCTETS 4096
#define QUESTIONS_MAX 4096

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

static void reply(struct line_client *c, const char *id, bool ok, const char *why)
{
    char line[600];
    int n = ok ? snprintf(line, sizeof line, "OK %s\n", id)
               : snprintf(line, sizeof line, "NO %s %s\n", id, why);
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
    reply(q->asker->client, q->id, ok, why);
    question_free(q);
}

static void pull(struct service *s, struct line_client *c, const char *word)
{
    uint8_t nid[HASH_LEN];
    struct asker *a = line_client_get(c);
    if (a == NULL) {
        a = calloc(1, sizeof *a);
        if (a == NULL) {
            line_close(c);
            return;
        }
        a->client = c;
        line_client_set(c, a);
    }
    struct question *q = strlen(word) == HASH_HEX && hex_decode(word, nid, HASH_LEN) == 0
                             ? calloc(1, sizeof *q)
                             : NULL;
    if (q == NULL || s->stopping) {
        free(q);
        log_warn("a question of the plugin is not understood");
        line_close(c);
        return;
    }
    q->asker = a;
    memcpy(q->id, word, HASH_HEX + 1);
    q->next = a->first;
    a->first = q;
    struct opening *o = opening_ask(&s->flow, nid, s->flow.c.open_wait, on_opened, q);
    if (o != NULL)
        q->opening = o;
}

/* P-7.10: MAILBOX MESSAGE-ID */
static void saved(struct service *s, char *rest)
{
    char *id = strchr(rest, ' ');
    if (id != NULL && !s->stopping)
        sent_saved(&s->flow, id + 1);
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
        rest[strcspn(rest, " ")] = '\0';
        pull(s, c, rest);
    } else if (strcmp(line, "EXPUNGED") == 0) {
        sweep_hint(&s->flow);
    } else if (strcmp(line, "SAVED") == 0) {
        saved(s, rest);
    } else {
        line_close(c);
    }
}

static void on_gone(void *ctx, struct line_client *c)
{
    struct asker *a = line_client_get(c);
    if (a == NULL)
        return;
    while (a->first != NULL) {
        if (a->first->opening != NULL)
            opening_cancel(a->first->opening);
        question_free(a->first);
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
                                   .gone = on_gone,
                                   .ctx = s};
    s->plugin = line_server_start(s->loop, &c, e);
    return s->plugin == NULL ? -1 : 0;
}
