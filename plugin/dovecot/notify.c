/* SPDX-License-Identifier: GPL-3.0-or-later */
/* notify.c - tells the daemon what a client did: stubs expunged, own copies saved to \Sent
 * (P-7.10). They are hints sent after the commit; the daemon's sweep finds what a lost one missed.
 */
#include "lib.h"
#include "fd-util.h"
#include "mail-storage-private.h"
#include "net.h"
#include "notify-plugin.h"
#include "str.h"
#include "write-full.h"
#include "restante-plugin.h"
#include "shim.h"
#include <sys/socket.h>
#include <sys/time.h>

#define MESSAGE_ID_MAX 990
#define SEND_TIMEOUT_SECS 5

struct restante_txn {
    pool_t pool;
    string_t *lines;    /* what to tell when the transaction is committed */
    string_t *expunged; /* and of stubs: "id MAILBOX", a line each */
    unsigned int expunged_count;
    struct mail_user *user;
    bool sent; /* the mailbox has special-use \Sent */
};

static struct notify_context *notify_ctx;

static void tell_daemon(const string_t *lines)
{
    struct timeval tv = {.tv_sec = SEND_TIMEOUT_SECS};
    int fd = net_connect_unix(restante_set.socket);
    if (fd == -1)
        return;
    net_set_nonblock(fd, FALSE);
    if (setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof tv) == 0)
        (void)write_full(fd, str_data(lines), str_len(lines));
    i_close_fd(&fd);
}

/* Octets up to space, DEL and '%' as %XX: a mailbox name becomes one word. */
static void append_word(string_t *dest, const char *name)
{
    for (; *name != '\0'; name++) {
        unsigned char c = (unsigned char)*name;
        if (c <= 0x20 || c == 0x7f || c == '%')
            str_printfa(dest, "%%%02X", c);
        else
            str_append_c(dest, c);
    }
}

static void *txn_begin(struct mailbox_transaction_context *t)
{
    pool_t pool = pool_alloconly_create("restante transaction", 512);
    struct restante_txn *txn = p_new(pool, struct restante_txn, 1);
    txn->pool = pool;
    txn->lines = str_new(default_pool, 128);
    txn->expunged = str_new(default_pool, 128);
    txn->user = mail_storage_get_user(mailbox_get_storage(t->box));
    T_BEGIN
    {
        txn->sent = mailbox_has_special_use(t->box, "\\Sent");
    }
    T_END;
    return txn;
}

static void txn_free(struct restante_txn *txn)
{
    str_free(&txn->lines);
    str_free(&txn->expunged);
    pool_unref(&txn->pool);
}

static void txn_expunge(void *_txn, struct mail *mail)
{
    struct restante_txn *txn = _txn;
    if (restante_stub_load(mail) <= 0)
        return;
    if (txn->expunged_count++ > 0)
        str_append_c(txn->expunged, '\n');
    str_printfa(txn->expunged, "%s ", restante_stub_id(mail));
    append_word(txn->expunged, mail->box->vname);
}

/* mail: where to read the header from; of a copy that is the source, whose file has its name. */
static void note_saved(struct restante_txn *txn, struct mail *mail, const char *mailbox)
{
    const char *value;
    if (!txn->sent || mail_get_first_header(mail, "Message-ID", &value) <= 0)
        return;
    string_t *id = t_str_new(128);
    for (; *value != '\0' && str_len(id) <= MESSAGE_ID_MAX; value++) {
        unsigned char c = (unsigned char)*value;
        if (c > 0x20 && c != 0x7f)
            str_append_c(id, c);
    }
    if (str_len(id) == 0 || str_len(id) > MESSAGE_ID_MAX)
        return;
    str_append(txn->lines, "SAVED ");
    append_word(txn->lines, mailbox);
    str_printfa(txn->lines, " %s\n", str_c(id));
}

static void txn_save(void *_txn, struct mail *mail)
{
    T_BEGIN
    {
        note_saved(_txn, mail, mail->box->vname);
    }
    T_END;
}

static void txn_copy(void *_txn, struct mail *src, struct mail *dst)
{
    T_BEGIN
    {
        note_saved(_txn, src, dst->box->vname);
    }
    T_END;
}

/* Each with what the session did so far: whether that is a person's word, the daemon judges. */
static void tell_expunged(struct restante_txn *txn)
{
    struct client *client = restante_client_of(txn->user);
    struct restante_habits *habits = client == NULL ? NULL : restante_client_habits(client);
    string_t *how = t_str_new(128);
    if (habits != NULL) {
        habits->expunged += txn->expunged_count;
        str_printfa(how, " client=%s n=%u listed=%d number=%d refused=%d",
                    restante_client_name(client), habits->expunged, habits->listed ? 1 : 0,
                    habits->by_number ? 1 : 0, habits->refused ? 1 : 0);
    }
    const char *const *line = t_strsplit(str_c(txn->expunged), "\n");
    for (; *line != NULL; line++)
        str_printfa(txn->lines, "EXPUNGED %s%s\n", *line, str_c(how));
}

static void txn_commit(void *_txn, struct mail_transaction_commit_changes *changes ATTR_UNUSED)
{
    struct restante_txn *txn = _txn;
    if (txn->expunged_count > 0) {
        T_BEGIN
        {
            tell_expunged(txn);
        }
        T_END;
    }
    if (str_len(txn->lines) > 0)
        tell_daemon(txn->lines);
    txn_free(txn);
}

static void txn_rollback(void *_txn)
{
    txn_free(_txn);
}

static const struct notify_vfuncs vfuncs = {
    .mail_transaction_begin = txn_begin,
    .mail_save = txn_save,
    .mail_copy = txn_copy,
    .mail_expunge = txn_expunge,
    .mail_transaction_commit = txn_commit,
    .mail_transaction_rollback = txn_rollback,
};

void restante_notify_init(void)
{
    notify_ctx = notify_register(&vfuncs);
}

void restante_notify_deinit(void)
{
    notify_unregister(&notify_ctx);
}
