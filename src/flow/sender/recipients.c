/* SPDX-License-Identifier: GPL-3.0-or-later */
/* recipients.c - see recipients.h. */
#include "flow/sender/recipients.h"
#include "base/texts.h"
#include "store/contacts.h"
#include "store/groups.h"
#include <stdlib.h>
#include <string.h>

static int recipients_say(int code, struct error *e, const char *text)
{
    (void)error_set(e, "%s", text);
    return code;
}

/* 1 added, 0 it is there, -1 too many. */
static int recipients_append(struct recipients *r, const struct services *sv, const char *address,
                             bool known, const struct smtp_rcpt_asks *asks)
{
    for (size_t i = 0; i < r->count; i++) {
        if (strcmp(r->item[i].address, address) == 0) {
            r->item[i].notify |= asks->notify;
            return 0;
        }
    }
    struct out_rcpt *grown =
        r->count >= RCPTS_MAX ? NULL : realloc(r->item, (r->count + 1) * sizeof *grown);
    if (grown == NULL)
        return -1;
    r->item = grown;
    char *orcpt = asks->orcpt[0] == '\0' ? NULL : strdup(asks->orcpt);
    if (orcpt == NULL && asks->orcpt[0] != '\0')
        return -1;
    grown[r->count] = (struct out_rcpt){.known = known, .notify = asks->notify, .orcpt = orcpt};
    grown[r->count].own = strcmp(address, sv->c.address) == 0;
    (void)strcpy(grown[r->count++].address, address);
    return 1;
}

int recipients_add(struct recipients *r, const struct services *sv, const char *address, bool known,
                   const struct smtp_rcpt_asks *asks, struct error *e)
{
    int rc = recipients_append(r, sv, address, known, asks);
    return rc < 0    ? recipients_say(452, e, TEXT_RCPT_MANY)
           : rc == 0 ? recipients_say(250, e, TEXT_RCPT_AGAIN)
                     : recipients_say(250, e, known ? TEXT_RCPT_OK : TEXT_RCPT_LATER);
}

struct all_recipients {
    struct recipients *to;
    struct services *sv;
    const struct smtp_rcpt_asks *asks;
    size_t count;
    bool full;
};

static bool recipients_add_member(void *ctx, const struct group_fellow *m)
{
    struct all_recipients *a = ctx;
    struct contact c;
    if (strcmp(m->address, a->sv->c.address) == 0)
        return true;
    /* one whose key is not found yet, or has changed, is looked up later and reported on */
    bool known = contact_get(store_reader(a->sv->store), m->address, &c) == 0;
    if (known) {
        known = !c.held;
        contact_free(&c);
    }
    a->full = recipients_append(a->to, a->sv, m->address, known, a->asks) < 0;
    a->count++;
    return !a->full;
}

int recipients_add_all(struct recipients *r, struct services *sv, const char *group,
                       const struct smtp_rcpt_asks *asks, struct error *e)
{
    struct group_row g;
    struct all_recipients a = {.to = r, .sv = sv, .asks = asks};
    if (strcmp(group, address_group(sv->c.address)) != 0 ||
        group_get_accepted(store_reader(sv->store), &g) < 0) {
        (void)error_set(e, TEXT_RCPT_ALL_OTHER, group);
        return 550;
    }
    group_members(store_reader(sv->store), g.master_fpr, recipients_add_member, &a);
    group_row_free(&g);
    if (a.full)
        return recipients_say(452, e, TEXT_RCPT_MANY);
    if (a.count == 0)
        (void)error_set(e, TEXT_RCPT_ALL_ALONE, group);
    else
        (void)error_set(e, TEXT_RCPT_ALL, group, a.count);
    return a.count == 0 ? 550 : 250;
}

void recipients_free(struct recipients *r)
{
    for (size_t i = 0; i < r->count; i++)
        free(r->item[i].orcpt);
    free(r->item);
    *r = (struct recipients){0};
}
