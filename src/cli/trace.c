/* SPDX-License-Identifier: GPL-3.0-or-later */
/* trace.c - `restante trace`: the way of one message, from the databases and logs of the homes
 * named. Each id that a row brings may be that of a row or a log line at another peer: so it is
 * asked for there too, until nothing new is found. */
#include "cli/trace.h"
#include "cli/commands.h"
#include "cli/common.h"
#include "daemon/config.h"
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PEERS_MAX 8
#define FOUND_MAX 64
#define MSGID_MAX 998
#define LOG_ONLY_DIGITS 8 /* fewer would find too much in a log */

struct trace {
    struct trace_peer peer[PEERS_MAX];
    size_t count;
    json_t *ids; /* that belong to the message */
};

static void close_peers(struct trace *t)
{
    for (size_t i = 0; i < t->count; i++) {
        struct trace_peer *p = &t->peer[i];
        trace_close(&p->db);
        json_decref(p->seen);
        json_decref(p->sent);
        json_decref(p->came);
        json_decref(p->held);
        json_decref(p->log);
    }
    json_decref(t->ids);
}

/* Opens one more home; a message and -1 when it cannot be. */
static int open_peer(struct trace *t, struct cli *cli, const char *home)
{
    struct error e;
    struct config c;
    char path[PATH_CAP];
    struct trace_peer *p = &t->peer[t->count];
    cli->home_arg = home;
    if (cli_config(cli, &c) < 0)
        return -1;
    for (size_t i = 0; i < t->count; i++)
        if (strcmp(t->peer[i].home, c.home) == 0)
            return 0;
    if (path_join(path, c.home, "state.db", &e) < 0 || (p->db = trace_open(path, &e)) == NULL) {
        (void)cli_fail(&e);
        return -1;
    }
    (void)snprintf(p->home, sizeof p->home, "%s", c.home);
    (void)snprintf(p->address, sizeof p->address, "%s", c.address);
    p->seen = json_object();
    p->sent = json_array();
    p->came = json_array();
    p->held = json_array();
    p->log = json_pack("{s:n}", "begins");
    t->count++;
    return 0;
}

static int trace_take(struct trace_peer *p, const struct trace_row *row, size_t count, json_t *ids,
                      struct error *e)
{
    for (size_t i = 0; i < count; i++)
        if (trace_row_take(p, &row[i], ids, e) < 0)
            return -1;
    return 0;
}

static int too_few(const char *id, struct error *e)
{
    return error_set(e, "Several messages have an id that begins with %.64s: give more digits.",
                     id);
}

/* The one id that begins so, in the databases or else in the logs. */
static int begin_by_digits(struct trace *t, const char *hex, struct error *e)
{
    struct trace_row row[FOUND_MAX];
    char whole[HASH_HEX + 1] = "";
    for (size_t i = 0; i < t->count; i++) {
        size_t count = trace_find(t->peer[i].db, hex, row, FOUND_MAX);
        for (size_t k = 0; k < count; k++) {
            if (whole[0] != '\0' && strcmp(whole, row[k].id) != 0)
                return too_few(hex, e);
            (void)strcpy(whole, row[k].id);
        }
    }
    if (whole[0] != '\0') {
        trace_id_add(t->ids, whole);
        return 0;
    }
    for (size_t i = 0; i < t->count && strlen(hex) >= LOG_ONLY_DIGITS; i++)
        if (trace_log_ids(&t->peer[i], hex, t->ids, e) < 0)
            return -1;
    return json_object_size(t->ids) > 1 ? too_few(hex, e) : 0;
}

static int begin_by_msgid(struct trace *t, const char *arg, struct error *e)
{
    char msgid[MSGID_MAX + 3];
    struct trace_row row[FOUND_MAX];
    bool bare = arg[0] != '<';
    (void)snprintf(msgid, sizeof msgid, bare ? "<%s>" : "%s", arg);
    for (size_t i = 0; i < t->count; i++) {
        struct trace_peer *p = &t->peer[i];
        if (trace_take(p, row, trace_find_msgid(p->db, msgid, row, FOUND_MAX), t->ids, e) < 0 ||
            trace_log_msgid(p, msgid, t->ids, e) < 0)
            return -1;
    }
    return 0;
}

/* Asks every peer for every id, also for those that come of it. */
static int follow(struct trace *t, struct error *e)
{
    struct trace_row row[FOUND_MAX];
    json_t *asked = json_object();
    int rc = 0;
    for (size_t before = 0; rc == 0 && before < json_object_size(t->ids);) {
        json_t *now = json_copy(t->ids), *unused;
        const char *id;
        before = json_object_size(now);
        json_object_foreach(now, id, unused)
        {
            bool again = json_object_get(asked, id) != NULL;
            for (size_t i = 0; i < t->count && rc == 0 && !again; i++)
                rc = trace_take(&t->peer[i], row, trace_find(t->peer[i].db, id, row, FOUND_MAX),
                                t->ids, e);
            (void)json_object_set_new(asked, id, json_true());
        }
        json_decref(now);
    }
    json_decref(asked);
    return rc;
}

static int compare_lines(const void *a, const void *b)
{
    const json_t *x = *(json_t *const *)a, *y = *(json_t *const *)b;
    int by_time = strcmp(json_string_value(json_object_get(x, "at")),
                         json_string_value(json_object_get(y, "at")));
    json_int_t m = json_integer_value(json_object_get(x, "n")),
               n = json_integer_value(json_object_get(y, "n"));
    return by_time != 0 ? by_time : (m > n) - (m < n);
}

/* In the order of their times; those of one time as they stand in the logs. */
static json_t *in_order(const json_t *lines)
{
    size_t count = json_array_size(lines);
    json_t *out = json_array(), **all = calloc(count == 0 ? 1 : count, sizeof(json_t *));
    if (all == NULL)
        return out;
    for (size_t i = 0; i < count; i++) {
        all[i] = json_array_get(lines, i);
        (void)json_object_set_new(all[i], "n", json_integer((json_int_t)i));
    }
    qsort(all, count, sizeof(json_t *), compare_lines);
    for (size_t i = 0; i < count; i++) {
        (void)json_object_del(all[i], "n");
        (void)json_array_append(out, all[i]);
    }
    free(all);
    return out;
}

/* All of it as one object, or NULL and e. */
static json_t *answer_of(struct trace *t, struct error *e)
{
    json_t *peers = json_array(), *lines = json_array();
    for (size_t i = 0; i < t->count; i++) {
        struct trace_peer *p = &t->peer[i];
        if (trace_log_lines(p, t->ids, lines, e) < 0) {
            json_decref(peers);
            json_decref(lines);
            return NULL;
        }
        (void)json_array_append_new(
            peers, json_pack("{s:s,s:s,s:O,s:O,s:O,s:O}", "address", p->address, "home", p->home,
                             "sent", p->sent, "came", p->came, "held", p->held, "log", p->log));
    }
    json_t *sorted = in_order(lines);
    json_decref(lines);
    return json_pack("{s:o,s:o}", "peers", peers, "lines", sorted);
}

static bool is_digits(const char *s)
{
    size_t n = strspn(s, "0123456789abcdef");
    return s[n] == '\0' && n >= 4 && n <= HASH_HEX;
}

static int run(struct trace *t, const struct cli *cli, const char *id)
{
    struct error e;
    int rc = strchr(id, '@') != NULL ? begin_by_msgid(t, id, &e) : begin_by_digits(t, id, &e);
    json_t *answer = rc < 0 || follow(t, &e) < 0 ? NULL : answer_of(t, &e);
    if (answer == NULL)
        return cli_fail(&e);
    if (json_object_size(t->ids) == 0) {
        json_decref(answer);
        (void)error_set(&e,
                        "No message with the id %.200s is known here. See `restante outbox` and "
                        "`restante inbox`, or give its Message-ID as your mail client shows it.",
                        id);
        return cli_fail(&e);
    }
    rc = cli->json ? cli_json(answer) : trace_print(answer);
    json_decref(answer);
    if (rc == 0)
        return CLI_OK;
    (void)error_set(&e, "The answer could not be printed.");
    return cli_fail(&e);
}

struct homes {
    const char *home[PEERS_MAX]; /* NULL: the usual one */
    size_t count;
};

static int take_home(void *ctx, const char *name, const char *value, struct error *e)
{
    struct homes *h = ctx;
    if (h->count == PEERS_MAX)
        return error_set(e, "more than %d homes", PEERS_MAX);
    h->home[h->count++] = value;
    return 0;
}

/* The id as a person gives it: digits in any case, or a Message-ID. */
static int check_id(char *id)
{
    if (strchr(id, '@') != NULL)
        return strlen(id) <= MSGID_MAX ? 0 : -1;
    for (char *c = id; *c != '\0'; c++)
        *c = (char)tolower((unsigned char)*c);
    return is_digits(id) ? 0 : -1;
}

int cmd_trace(struct cli *cli, int argc, char **argv)
{
    struct homes homes = {{cli->home_arg}, cli->home_arg != NULL ? 1 : 0};
    const struct cli_option own[] = {
        {.name = "home", .take = take_home, .ctx = &homes}, CLI_JSON(cli), {.name = NULL}};
    int first = cli_options(cli, "trace", own, argc, argv);
    if (first < 0)
        return CLI_USAGE;
    if (argc - first != 1)
        return cli_usage("trace", "Say which message: trace takes one ID.");
    if (check_id(argv[first]) < 0)
        return cli_usage("trace", "An id is at least 4 hexadecimal digits, or a Message-ID.");
    struct trace t = {.ids = json_object()};
    int rc = 0;
    for (size_t i = 0; rc == 0 && (i < homes.count || i == 0); i++)
        rc = open_peer(&t, cli, homes.home[i]);
    int status = rc < 0 ? CLI_FAILED : run(&t, cli, argv[first]);
    close_peers(&t);
    return status;
}
