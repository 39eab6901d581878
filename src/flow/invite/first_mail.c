/* SPDX-License-Identifier: GPL-3.0-or-later */
/* first_mail.c - the mail by which one who accepted an invitation shows it (P-15.3). Its rows and
 * the note that it is written are one transaction, so there is one such mail whatever happens. It
 * then goes the way of all mail: it waits for the network, and for the other's key. */
#include "base/log.h"
#include "base/mem.h"
#include "base/texts.h"
#include "flow/invite/invite_work.h"
#include "flow/sender/submit.h"
#include "flow/peers/standing.h"
#include <stdlib.h>
#include <string.h>

#define LOG_AREA "invite"
#define MAIL_MAX (16 * 1024)

struct first_mail_writing {
    struct services *services;
    char address[ADDRESS_MAX + 1];
};

/* Lines of text end as m's do. */
static int add_text(struct buf *b, const struct bytes *text)
{
    int rc = 0;
    for (size_t i = 0; i < text->n && rc == 0; i++) {
        uint8_t c = text->p[i];
        if (c == '\n')
            rc = buf_append(b, "\r\n", 2);
        else if (c != '\r' && c != '\0')
            rc = buf_append(b, &c, 1);
    }
    return rc == 0 && text->n > 0 ? buf_append(b, "\r\n", 2) : rc;
}

static int first_mail_compose(const struct services *sv, const struct accepted_invite *a,
                              struct buf *b)
{
    char field[INVITE_FIELD_LEN + 1];
    struct invite_claim c = {.network = sv->c.network,
                             .inviter_fpr = a->invite.fpr,
                             .fpr = sv->fpr,
                             .address = sv->c.address};
    memcpy(c.id, a->invite.id, INVITE_ID_LEN);
    invite_prove(&c, a->invite.secret, c.proof);
    invite_field(&c, field);
    int rc = buf_printf(b,
                        "From: <%s>\r\nTo: <%s>\r\nSubject: " TEXT_INVITE_SUBJECT
                        "\r\n" INVITE_FIELD ": %s\r\nMIME-Version: 1.0\r\n"
                        "Content-Type: text/plain; charset=utf-8\r\n"
                        "Content-Transfer-Encoding: 8bit\r\n\r\n",
                        sv->c.address, a->address, sv->c.address, field);
    if (rc == 0)
        rc = a->text.n > 0 ? add_text(b, &a->text)
                           : buf_printf(b, TEXT_INVITE_NOTICE, sv->c.address);
    return rc;
}

static int also_written(struct db *db, const struct out_message *m, void *ctx)
{
    return accepted_set_written(db, ((struct first_mail_writing *)ctx)->address, m->id,
                                MESSAGE_ID_LEN);
}

static void on_submitted(void *ctx, bool ok, const char *why)
{
    struct first_mail_writing *w = ctx;
    struct services *sv = w->services;
    invites_of(sv)->writing = false;
    if (!ok)
        log_warn("the first mail to %s, who invited this peer, is not written yet: %s", w->address,
                 why);
    free(w);
    if (ok)
        event_raise(sv, EVENT_INVITE_USED);
}

void first_mail_tend(struct services *sv)
{
    struct accepted_invite a;
    if (invites_of(sv)->writing || standing_of(sv)->stop_reason[0] != '\0' ||
        accepted_to_write(store_reader(sv->store), &a) < 0)
        return;
    struct buf b = BUF_INIT(MAIL_MAX);
    struct first_mail_writing *w = mem_new(sizeof *w);
    if (first_mail_compose(sv, &a, &b) == 0) {
        struct own_mail mail = {.receiver = a.address,
                                .p = b.data,
                                .n = b.len,
                                .also = also_written,
                                .done = on_submitted,
                                .ctx = w};
        w->services = sv;
        (void)strcpy(w->address, a.address);
        invites_of(sv)->writing = true;
        submit_own(sv, &mail);
    } else {
        free(w);
    }
    buf_wipe(&b);
    accepted_invite_free(&a);
}
