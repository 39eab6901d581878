/* SPDX-License-Identifier: GPL-3.0-or-later */
/* setup_ask.c - the questions of `restante setup` (setup.h). Each has an option that answers it. */
#include "cli/invite.h"
#include "cli/new_peer.h"
#include "cli/ports.h"
#include "cli/setup.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ANSWER_CAP (INVITE_LINE_MAX + 200)
#define TRIES 5 /* bad answers to one question before setup gives up */

int setup_ask(const char *question, const char *preset, char *out, size_t size)
{
    char line[ANSWER_CAP];
    (void)printf(preset[0] == '\0' ? "%s: " : "%s [%s]: ", question, preset);
    (void)fflush(stdout);
    if (fgets(line, sizeof line, stdin) == NULL)
        return -1;
    char *s = line + strspn(line, " \t");
    size_t n = strlen(s);
    while (n > 0 && strchr(" \t\r\n", s[n - 1]) != NULL)
        s[--n] = '\0';
    (void)snprintf(out, size, "%s", n == 0 ? preset : s);
    return 0;
}

bool setup_confirm(const struct setup *s, const char *question, bool preset)
{
    char answer[16];
    if (!s->interactive || setup_ask(question, preset ? "Y/n" : "y/N", answer, sizeof answer) < 0)
        return preset;
    return strchr("yYnN", answer[0]) == NULL || strlen(answer) == 3
               ? preset
               : (answer[0] == 'y' || answer[0] == 'Y');
}

static int ended(struct error *e)
{
    return error_set(e, "The input ended before setup knew everything. Nothing was changed.");
}

static int ask_address(struct setup *s, struct error *e)
{
    const char *user = getenv("USER");
    char name[128], group[256], address[400];
    (void)printf("An address is name@group. The group is a name that you and those you exchange "
                 "mail with\nagree on, like a host name; all capital letters become small.\n\n");
    for (int i = 0; i < TRIES; i++) {
        if (setup_ask("Your name in the address", user == NULL ? "" : user, name, sizeof name) <
                0 ||
            setup_ask("The group", "", group, sizeof group) < 0)
            return ended(e);
        (void)snprintf(address, sizeof address, "%s@%s", name, group);
        if (new_peer_address(&s->c, address, e) == 0)
            return 0;
        (void)printf("%s\n\n", e->text);
    }
    return error_set(e, "No address was given that can be one. Nothing was changed.");
}

static int ask_bootstrap(struct setup *s, struct error *e)
{
    static char answer[ANSWER_CAP]; /* an invitation is kept until the home is made */
    for (int i = 0; i < TRIES; i++) {
        if (setup_ask(
                "An invitation, or HOST:PORT of the DHT node of somebody who is there already "
                "(empty: nobody is yet)",
                "", answer, sizeof answer) < 0)
            return ended(e);
        if (strncmp(answer, INVITE_PREFIX, strlen(INVITE_PREFIX)) == 0) {
            if (new_peer_accept(&s->c, answer, e) == 0)
                return 0;
            (void)printf("%s\n", e->text);
            continue;
        }
        if (answer[0] == '\0' || config_set(&s->c, "network", "bootstrap", answer, e) == 0)
            return 0;
        (void)printf("Cannot take that: %s.\n", e->text);
    }
    return error_set(e, "No HOST:PORT was given. Nothing was changed.");
}

/* Only where what was found out is no address that everybody can reach. */
static int ask_reach(struct setup *s, const char *found, struct error *e)
{
    char answer[300], url[340];
    (void)printf("This computer's own address is %s, which others reach only from the same "
                 "network.\n",
                 found);
    for (int i = 0; i < TRIES; i++) {
        if (setup_ask("Host name or address under which the others reach it", found, answer,
                      sizeof answer) < 0)
            return ended(e);
        bool v6 = strchr(answer, ':') != NULL && answer[0] != '[';
        (void)snprintf(url, sizeof url, v6 ? "http://[%s]:%u" : "http://%s:%u", answer,
                       s->c.http_port);
        if (config_reset(&s->c, "network", "endpoints", e) == 0 &&
            config_set(&s->c, "network", "endpoints", url, e) == 0)
            return 0;
        (void)printf("Cannot take that: %s.\n", e->text);
    }
    return error_set(e, "No host name or address was given. Nothing was changed.");
}

int setup_questions(struct setup *s, struct error *e)
{
    bool guessed = false;
    char found[256];
    if (s->c.address[0] == '\0' && ask_address(s, e) < 0)
        return -1;
    if (s->interactive && s->c.bootstrap.count == 0 && new_peer_invite() == NULL &&
        s->c.dht_socket[0] == '\0' && ask_bootstrap(s, e) < 0)
        return -1;
    if (ports_settle(&s->c, e) < 0 || ports_endpoint(&s->c, &guessed, e) < 0)
        return -1;
    if (!guessed || ports_public(&s->c, found))
        return 0;
    if (s->interactive)
        return ask_reach(s, found, e);
    (void)printf(
        "This computer's own address is %s, which others reach only from the same network; "
        "set\nanother with `restante config set network.endpoints http://HOST:%u`.\n",
        found, s->c.http_port);
    return 0;
}
