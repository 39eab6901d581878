/* SPDX-License-Identifier: GPL-3.0-or-later */
/* parts.c - see parts.h. */
#include "daemon/parts.h"
#include "daemon/checks.h"
#include "daemon/installed.h"
#include "daemon/service.h"
#include "mime/mime.h"
#include "dht/dht.h"
#include <string.h>

/* False: there is no such part here. */
typedef bool part_fn(struct service *s, struct health *health_r);

static bool part_dovecot(struct service *s, struct health *health_r)
{
    if (s->dovecot == NULL)
        return false;
    dovecot_health(s->dovecot, health_r);
    return true;
}

static bool part_mime(struct service *s, struct health *health_r)
{
    if (s->services.mime == NULL)
        return false;
    mime_health(s->services.mime, health_r);
    return true;
}

static bool part_dht(struct service *s, struct health *health_r)
{
    if (s->dht_process == NULL) /* another program's node, by dht.socket */
        return false;
    dht_process_health(s->dht_process, health_r);
    return true;
}

static bool part_programs(struct service *s, struct health *health_r)
{
    installed_health(s, health_r);
    return health_r->state != HEALTH_OK; /* not worth a line otherwise */
}

static const struct {
    const char *name;
    part_fn *look;
    bool needed; /* no mail goes through while it is wrong */
} list[] = {
    {"dovecot", part_dovecot, true},
    {"restante-mime", part_mime, true},
    {"restante-dht", part_dht, true},
    {"programs", part_programs, false},
};
#define LIST (sizeof list / sizeof list[0])

json_t *parts_json(struct service *s)
{
    static const char *const states[] = {"ok", "starting", "wrong"};
    json_t *all = json_array();
    for (size_t i = 0; i < LIST; i++) {
        struct health p = {HEALTH_OK, "", ""};
        if (!list[i].look(s, &p))
            continue;
        bool wrong = p.state == HEALTH_WRONG;
        json_t *cause = wrong ? json_string(p.cause) : json_null();
        if (cause == NULL) /* what a program said need not be UTF-8 */
            cause = json_string("it failed; its words in the log are no text");
        (void)json_array_append_new(all, json_pack("{s:s,s:s,s:o,s:o}", "name", list[i].name,
                                                   "state", states[p.state], "cause", cause, "todo",
                                                   wrong ? json_string(p.todo) : json_null()));
    }
    return all;
}

void parts_check(struct service *s, struct checks *h)
{
    for (size_t i = 0; i < LIST; i++) {
        struct health p = {HEALTH_OK, "", ""};
        if (!list[i].look(s, &p))
            continue;
        size_t n = strlen(p.cause);
        enum check_state wrong = list[i].needed ? CHECK_FAIL : CHECK_WARN;
        if (p.state == HEALTH_WRONG)
            check_add(h, list[i].name, wrong, p.todo, "%.*s",
                      (int)(n > 0 && p.cause[n - 1] == '.' ? n - 1 : n), p.cause);
        else if (list[i].look == part_dovecot && !s->dovecot_ready)
            check_add(h, list[i].name, CHECK_FAIL,
                      "Wait; if it stays, see log/dovecot.log in the home.",
                      "mail clients cannot connect yet");
        else
            check_add(h, list[i].name, CHECK_OK, "", "%s",
                      p.state == HEALTH_OK ? "well" : "starting");
    }
}
