/* SPDX-License-Identifier: GPL-3.0-or-later */
/* status.c - `restante status`: how the running peer is doing, on one page. */
#include "cli/commands.h"
#include "base/clock.h"
#include "cli/backup.h"
#include "cli/control.h"
#include "cli/lists.h"
#include "cli/table.h"
#include "cli/text.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STARTING_S 30
#define STATUS_WAIT_S 90 /* with --check the daemon looks into the DHT for its answer */

/* One line: a label and formatted text, made safe for the terminal. */
static void line(const char *label, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void line(const char *label, const char *fmt, ...)
{
    char text[1024];
    struct buf safe = BUF_INIT(8192);
    va_list ap;
    va_start(ap, fmt);
    (void)vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    if (text_safe(text, SIZE_MAX, &safe) == 0 && buf_str(&safe) != NULL)
        (void)printf("%-12s%s\n", label, buf_str(&safe));
    buf_free(&safe);
}

/* "3 messages", "1 message". */
static const char *count_of(int64_t n, const char *one, const char *many, char out[64])
{
    (void)snprintf(out, 64, "%lld %s", (long long)n, n == 1 ? one : many);
    return out;
}

/* The same for a number that the daemon may not have been able to find out. */
static const char *known_count(const json_t *o, const char *key, const char *one, const char *many,
                               char out[64])
{
    const json_t *v = json_object_get(o, key);
    if (json_is_integer(v))
        return count_of(json_integer_value(v), one, many, out);
    (void)snprintf(out, 64, "an unknown number of %s", many);
    return out;
}

static void fingerprint_groups(const char *hex, char out[64])
{
    size_t n = 0;
    for (size_t i = 0; hex[i] != '\0' && n + 3 < 64; i++) {
        if (i > 0 && i % 4 == 0)
            out[n++] = ' ';
        out[n++] = (char)(hex[i] >= 'a' && hex[i] <= 'f' ? hex[i] - 'a' + 'A' : hex[i]);
    }
    out[n] = '\0';
}

static const char *state_word(const char *state)
{
    return strcmp(state, "fail") == 0 ? "FAILS, " : "look at ";
}

/* A home that was made again, or a stranger's doing: what it means, until when, how it ends. */
static void print_other_key(const json_t *o)
{
    const json_t *other = json_object_get(o, "other_key");
    char fpr[64], until[40];
    if (!json_is_object(other))
        return;
    fingerprint_groups(json_text(other, "fingerprint", ""), fpr);
    clock_rfc5322(json_number(other, "until_s", 0) * 1000, until);
    line("other key", "%s is also announced for this address, until %s at the latest.", fpr, until);
    line("", "Who has not pinned you must choose by your fingerprint: `contacts add ADDRESS "
             "FINGERPRINT`.");
    line("",
         "If it was yours, `restante key revoke FILE` ends it, with the revocation made with it.");
}

static void print_network(const json_t *o)
{
    const json_t *dht = json_object_get(o, "dht"), *ports = json_object_get(o, "ports");
    const char *link = json_text(dht, "link", "unknown");
    char nodes[64], ns[64], nr[64];
    if (strcmp(link, "connected") == 0)
        line("network", "connected, %s known, UDP port %lld",
             count_of(json_number(dht, "good_nodes", 0), "node", "nodes", nodes),
             (long long)json_number(ports, "dht", 0));
    else if (strcmp(link, "alone") == 0)
        line("network",
             "no other node answers (UDP port %lld); check bootstrap in the "
             "configuration and the connection",
             (long long)json_number(ports, "dht", 0));
    else
        line("network", "%s: restante-dht is not running; it is started again by itself", link);
    line("records", "identity %s, descriptor %s", json_text(dht, "identity", "unknown"),
         json_text(dht, "descriptor", "unknown"));
    if (json_is_integer(json_object_get(dht, "ns_live")) || /* --check */
        json_is_integer(json_object_get(dht, "nr_live")))
        line("", "%s and %s for this peer in the DHT",
             known_count(dht, "ns_live", "notification", "notifications", ns),
             known_count(dht, "nr_live", "receipt", "receipts", nr));
}

static void print_invites(const json_t *o)
{
    int64_t open = json_number(o, "open", 0), pending = json_number(o, "pending", 0),
            naming = json_number(o, "to_name", 0);
    if (open + pending + naming > 0)
        line("invitations",
             "%lld open, %lld accepted and pending, %lld to be named in the group; "
             "see `restante invite list`",
             (long long)open, (long long)pending, (long long)naming);
}

static void print_mail(const json_t *o)
{
    const json_t *ports = json_object_get(o, "ports");
    const json_t *out = json_object_get(o, "outbox"), *in = json_object_get(o, "inbox");
    char a[64], b[64], c[64], size[16];
    line("mail client", "%s; IMAP port %lld, submission port %lld on localhost",
         json_is_true(json_object_get(json_object_get(o, "imap"), "running"))
             ? "Dovecot is running"
             : "Dovecot is not running, see what fails below",
         (long long)json_number(ports, "imap", 0), (long long)json_number(ports, "submission", 0));
    int64_t bytes = json_number(out, "bytes", 0);
    text_size(bytes < 0 ? 0 : (uint64_t)bytes, size);
    line("outbox", "%s, %s; %s to pull",
         count_of(json_number(out, "messages", 0), "message", "messages", a), size,
         count_of(json_number(out, "receivers_pending", 0), "recipient has yet",
                  "recipients have yet", b));
    line("inbox", "%s, %lld being pulled, %s on the way",
         count_of(json_number(in, "stubs", 0), "stub", "stubs", a),
         (long long)json_number(in, "pulling", 0),
         count_of(json_number(in, "receipts_pending", 0), "receipt", "receipts", c));
    int64_t vanished = json_number(in, "vanished", 0);
    if (vanished > 0)
        line("", "%s: nothing is declined; if you deleted %s, run `restante decline --all-deleted`",
             count_of(vanished, "stub has vanished at once", "stubs have vanished at once", a),
             vanished == 1 ? "it" : "them");
    line("strangers", "%s", text_strangers(json_text(o, "strangers", "")));
    print_invites(json_object_get(o, "invites"));
    int64_t pending = json_number(o, "pending", 0);
    if (pending == 0)
        line("in progress", "nothing");
    else
        line("in progress", "%s", count_of(pending, "step", "steps", a));
}

/* Receivers that need a look: the list under this key, if there are any. */
static int print_receivers(const json_t *o, const char *key, const char *title)
{
    static const struct table_column columns[] = {
        {"ID", false, 0}, {"TO", false, 16}, {"AGE", true, 0}};
    const json_t *failed = json_object_get(o, key), *f;
    char id[LISTS_ID_CAP], age[40];
    size_t i;
    if (json_array_size(failed) == 0)
        return 0;
    size_t digits = lists_id_digits(failed);
    struct table *t = table_new(columns, 3);
    if (t == NULL)
        return -1;
    (void)printf("\n%s:\n", title);
    json_array_foreach(failed, i, f)
    {
        lists_short_id(json_text(f, "id", ""), digits, id);
        text_age(clock_wall_ms(), json_number(f, "at", 0), age);
        table_cell(t, id);
        table_cell(t, json_text(f, "to", ""));
        table_cell(t, age);
        table_note(t, json_text(f, "why", ""));
    }
    return table_print(&t);
}

static void print_health(const json_t *o)
{
    const json_t *parts = json_object_get(o, "health"), *p;
    size_t i;
    json_array_foreach(parts, i, p)
    {
        const char *state = json_text(p, "state", ""), *todo = json_text(p, "do", "");
        line(i == 0 ? "health" : "", "%s%s: %s", strcmp(state, "ok") == 0 ? "" : state_word(state),
             json_text(p, "part", "?"), json_text(p, "what", "?"));
        if (strcmp(state, "ok") != 0 && todo[0] != '\0')
            line("", "  -> %s", todo);
    }
}

/* A peer that has just begun is starting for so long, unless something is wrong that no waiting
 * mends. */
static const char *headline(const json_t *o)
{
    const json_t *p;
    size_t i, offline = 0, waits = 0, wrong = 0;
    if (json_text(o, "stopped", NULL) != NULL)
        return "stopped";
    if (json_is_true(json_object_get(o, "ready")))
        return "ready";
    json_array_foreach(json_object_get(o, "parts"), i, p)
    {
        wrong += strcmp(json_text(p, "state", ""), "wrong") == 0;
    }
    json_array_foreach(json_object_get(o, "health"), i, p)
    {
        const char *part = json_text(p, "part", "");
        bool fails = strcmp(json_text(p, "state", ""), "fail") == 0;
        offline += fails && strcmp(part, "dht") == 0;
        waits += fails && strcmp(part, "dovecot") == 0;
        wrong += fails && strcmp(part, "dht") != 0 && strcmp(part, "dovecot") != 0;
    }
    if (wrong > 0)
        return "trouble";
    if (json_number(o, "uptime_s", 0) < STARTING_S)
        return "starting";
    return waits == 0 && offline > 0 ? "offline" : "trouble";
}

static int print_status(const json_t *o)
{
    char fpr[64], up[32];
    text_span(json_number(o, "uptime_s", 0), up);
    fingerprint_groups(json_text(o, "fingerprint", ""), fpr);
    const char *stopped = json_text(o, "stopped", NULL);
    line(headline(o), "%s, up %s, version %s", json_text(o, "address", "?"), up,
         json_text(o, "version", "?"));
    if (stopped != NULL)
        line("", "%s", stopped);
    line("home", "%s", json_text(o, "home", "?"));
    line("key", "%s", fpr);
    print_other_key(o);
    print_network(o);
    print_mail(o);
    print_health(o);
    int rc = print_receivers(o, "not_looked_up", "Not looked up yet");
    return rc != 0 ? rc : print_receivers(o, "failed", "Failed");
}

static int is_ready(const json_t *o)
{
    return json_is_true(json_object_get(o, "ready")) ? CLI_OK : CLI_UNWELL;
}

int cmd_status(struct cli *cli, int argc, char **argv)
{
    const struct cli_option own[] = {CLI_JSON(cli), {.name = "check", .flag = &cli->check}, {0}};
    int status =
        lists_command(cli, argc, argv, "status", own, STATUS_WAIT_S, print_status, is_ready);
    if (status != CLI_USAGE && status != CLI_FAILED && !cli->json)
        backup_remind(cli->home);
    return status;
}
