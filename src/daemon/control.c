/* SPDX-License-Identifier: GPL-3.0-or-later */
/* control.c - see control.h. Which command a request names; what it does stands in the files
 * control_*. */
#include "daemon/control.h"
#include "base/log.h"
#include "daemon/control_contacts.h"
#include "daemon/control_fsck.h"
#include "daemon/control_group.h"
#include "daemon/control_invite.h"
#include "daemon/control_lists.h"
#include "daemon/control_look.h"
#include "daemon/control_messages.h"
#include "daemon/control_policy.h"
#include "flow/peers/presence.h"
#include "base/file.h"
#include <jansson.h>
#include <string.h>

#define LOG_AREA "control"
#define LINE_MAX_OCTETS                                                                            \
    (32 * 1024) /* a signed record in hexadecimal digits; a first mail's text                      \
                 */

static void group(struct service *s, struct line_client *c, const json_t *o)
{
    struct asking *a = asking_new(s, c);
    if (a == NULL)
        return;
    a->reply = json_object(); /* it outlives a client that goes */
    control_group(s, o, asking_answer, a);
}

static void invite(struct service *s, struct line_client *c, const json_t *o)
{
    struct asking *a = asking_new(s, c);
    if (a == NULL)
        return;
    a->reply = json_object(); /* it outlives a client that goes */
    control_invite(s, o, asking_answer, a);
}

static void fsck(struct service *s, struct line_client *c, const json_t *o)
{
    struct asking *a = asking_new(s, c);
    if (a == NULL)
        return;
    a->reply = json_object(); /* it outlives a client that goes */
    control_fsck(s, json_is_true(json_object_get(o, "repair")), asking_answer, a);
}

static void on_offline_progress(void *ctx, json_t *progress)
{
    struct asking *a = ctx;
    control_send(a->client, progress);
}

static void policy(struct service *s, struct line_client *c, const json_t *o)
{
    struct asking *a = asking_new(s, c);
    if (a == NULL)
        return;
    if (json_is_true(json_object_get(o, "offline"))) {
        struct offline *offline = control_offline(s, on_offline_progress, asking_answer, a);
        if (offline != NULL)
            a->offline = offline;
        return;
    }
    a->reply = json_object();
    control_policy(s, o, asking_answer, a);
}

static void block(struct service *s, struct line_client *c, const json_t *o, bool yes)
{
    struct asking *a = asking_new(s, c);
    if (a == NULL)
        return;
    a->reply = json_object();
    control_block(s, o, yes, asking_answer, a);
}

/* ---- the socket */

static void on_request(struct service *s, struct line_client *c, const json_t *o)
{
    const char *cmd = json_string_value(json_object_get(o, "cmd"));
    if (cmd == NULL) {
        control_error(c, "The request names no command.");
    } else if (s->stopping) {
        control_error(c, "This peer is stopping.");
    } else if (strcmp(cmd, "status") == 0) {
        control_look(s, c, o);
    } else if (strcmp(cmd, "outbox") == 0) {
        control_send(c, control_outbox(s));
    } else if (strcmp(cmd, "inbox") == 0) {
        control_send(c, control_inbox(s));
    } else if (strcmp(cmd, "pull") == 0) {
        control_pull(s, c, o);
    } else if (strcmp(cmd, "decline") == 0) {
        control_decline(s, c, o);
    } else if (strcmp(cmd, "cancel") == 0) {
        control_cancel(s, c, o);
    } else if (strcmp(cmd, "contacts") == 0) {
        control_send(c, control_contacts(s));
    } else if (strcmp(cmd, "contact-accept") == 0 || strcmp(cmd, "contact-forget") == 0) {
        control_contact(s, c, o, strcmp(cmd, "contact-accept") == 0);
    } else if (strcmp(cmd, "revoke") == 0) {
        control_revoke(s, c, o);
    } else if (strcmp(cmd, "contact-add") == 0) {
        control_contact_add(s, c, o);
    } else if (strcmp(cmd, "contact-block") == 0 || strcmp(cmd, "contact-unblock") == 0) {
        block(s, c, o, strcmp(cmd, "contact-block") == 0);
    } else if (strcmp(cmd, "group") == 0) {
        group(s, c, o);
    } else if (strcmp(cmd, "invite") == 0) {
        invite(s, c, o);
    } else if (strcmp(cmd, "fsck") == 0) {
        fsck(s, c, o);
    } else if (strcmp(cmd, "policy") == 0) {
        policy(s, c, o);
    } else if (strcmp(cmd, "takeover") == 0) {
        presence_takeover(&s->services);
        control_send(c, json_pack("{s:b}", "ok", 1));
    } else if (strcmp(cmd, "stop") == 0) {
        control_send(c, json_pack("{s:b}", "ok", 1));
        log_info("stopped from the command line");
        service_stop(s);
    } else {
        control_error(c, "This restanted does not know that command; is it older than restante?");
    }
}

static void on_line(void *ctx, struct line_client *c, char *line, size_t len)
{
    json_error_t e;
    json_t *o = json_loadb(line, len, JSON_REJECT_DUPLICATES, &e);
    if (!json_is_object(o))
        control_error(c, "The request is not a JSON object.");
    else
        on_request(ctx, c, o);
    json_decref(o);
}

static void control_on_gone(void *ctx, struct line_client *c)
{
    asking_client_gone(c);
}

int control_start(struct service *s, struct error *e)
{
    char path[PATH_CAP];
    if (config_path(&s->config, "run/control.sock", path, e) < 0)
        return -1;
    struct line_server_config c = {.path = path,
                                   .max_line = LINE_MAX_OCTETS,
                                   .max_clients = 50,
                                   .line = on_line,
                                   .gone = control_on_gone,
                                   .ctx = s};
    s->control = line_server_start(s->loop, &c, e);
    return s->control == NULL ? -1 : 0;
}
