/* SPDX-License-Identifier: GPL-3.0-or-later */
/* stub.c - a stub looks like the message it stands for (P-7.2, P-7.6). Headers come from the stub
 * itself, BODYSTRUCTURE from its text, sizes from the Maildir name. The body is refused here: only
 * FETCH pulls, and by the time Dovecot reads the body the daemon has put the message in the stub's
 * place.
 */
#include "lib.h"
#include "array.h"
#include "buffer.h"
#include "fd-util.h"
#include "hmac.h"
#include "istream.h"
#include "sha2.h"
#include "str.h"
#include "imap-bodystructure.h"
#include "index-mail.h"
#include "index-storage.h"
#include "maildir-storage.h"
#include "module-context.h"
#include "restante-plugin.h"
#include "stub-parse.h"
#include <fcntl.h>
#include <unistd.h>

struct restante_mail {
    union mail_module_context module_ctx;
    bool checked; /* the file has been looked at */
    bool stub;
    char id[65];
    const char *structure; /* in the mail's data_pool; NULL until restante_stub_load */
};

static MODULE_CONTEXT_DEFINE_INIT(restante_mail_module, &mail_module_register);
#define RESTANTE_MAIL(obj) ((struct restante_mail *)MODULE_CONTEXT(obj, restante_mail_module))

static struct index_mail *index_mail_of(struct mail *mail)
{
    return INDEX_MAIL(mail);
}

/* For the fields from index_mail.data.cache_flags on. A security update of Debian 12 (2.3.19.1,
 * deb12u7) put part_data_limits in front of them and so moved them, under the ABI string of before.
 * Where they are shows in the pointer to the mailbox's context, which is known by another way. */
static struct index_mail *moved_index_mail_of(struct mail *mail)
{
    static const ptrdiff_t by[] = {0, -8, 8};
    char *base = (char *)INDEX_MAIL(mail);

    for (unsigned int i = 0; i < N_ELEMENTS(by); i++) {
        struct index_mail *imail = (struct index_mail *)(void *)(base + by[i]);

        if (imail->ibox == INDEX_STORAGE_CONTEXT(mail->box))
            return imail;
    }
    i_panic("restante: this Dovecot keeps its mails in another way than the plugin knows");
}

static void stub_hmac(const unsigned char id[32], const unsigned char *p, size_t n,
                      unsigned char out[32])
{
    struct hmac_context ctx;
    hmac_init(&ctx, restante_set.key, sizeof restante_set.key, &hash_method_sha256);
    hmac_update(&ctx, id, 32);
    hmac_update(&ctx, p, n);
    hmac_final(&ctx, out);
}

/* Reads fd from its start into buf: all of it when it begins like a stub, else only the beginning.
 * The file position is not moved. Returns 0, or -1 with errno. */
static int read_stub(int fd, buffer_t *buf)
{
    buffer_set_used_size(buf, 0);
    for (size_t want = 8192;; want = 65536) {
        unsigned char *space = buffer_append_space_unsafe(buf, want);
        size_t used = buf->used - want;
        ssize_t n = pread(fd, space, want, (off_t)used);
        if (n < 0) {
            buffer_set_used_size(buf, 0);
            return -1;
        }
        buffer_set_used_size(buf, used + (size_t)n);
        if (n == 0 || !stub_file_begins(buf->data, buf->used))
            return 0;
        if (buf->used > STUB_FILE_MAX)
            return 0; /* too long for a stub: an ordinary mail */
    }
}

static bool parse_stub(const buffer_t *buf, struct stub_file *s)
{
    return buf->used <= STUB_FILE_MAX && stub_file_parse(buf->data, buf->used, stub_hmac, s);
}

static int do_load(struct maildir_mailbox *mbox, const char *path, buffer_t *buf)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd == -1) {
        if (errno == ENOENT)
            return 0;
        mailbox_set_critical(&mbox->box, "restante: open(%s) failed: %m", path);
        return -1;
    }
    int ret = read_stub(fd, buf);
    if (ret < 0)
        mailbox_set_critical(&mbox->box, "restante: read(%s) failed: %m", path);
    i_close_fd(&fd);
    return ret < 0 ? -1 : 1;
}

static void remember(struct mail_private *mail, struct restante_mail *rm, const buffer_t *buf)
{
    struct stub_file s;
    rm->checked = TRUE;
    rm->stub = parse_stub(buf, &s);
    if (!rm->stub)
        return;
    memcpy(rm->id, s.id_hex, sizeof rm->id);
    rm->structure = p_strndup(
        mail->data_pool, CONST_PTR_OFFSET(buf->data, s.line_len + s.header_len), s.structure_len);
}

int restante_stub_load(struct mail *_mail)
{
    struct mail_private *mail = (struct mail_private *)_mail;
    struct restante_mail *rm = RESTANTE_MAIL(mail);
    if (rm == NULL || _mail->saving)
        return 0;
    if (rm->checked)
        return rm->stub ? 1 : 0;
    buffer_t *buf = buffer_create_dynamic(default_pool, 16384);
    int ret;
    T_BEGIN
    {
        ret = maildir_file_do(MAILDIR_MAILBOX(_mail->box), _mail->uid, do_load, buf);
    }
    T_END;
    if (ret > 0)
        remember(mail, rm, buf);
    else if (ret == 0)
        mail_set_expunged(_mail);
    buffer_free(&buf);
    return ret <= 0 ? -1 : rm->stub ? 1 : 0;
}

const char *restante_stub_id(struct mail *mail)
{
    struct restante_mail *rm = RESTANTE_MAIL((struct mail_private *)mail);
    i_assert(rm != NULL && rm->stub);
    return rm->id;
}

static void restante_mail_close(struct mail *_mail)
{
    struct restante_mail *rm = RESTANTE_MAIL((struct mail_private *)_mail);
    rm->checked = rm->stub = FALSE;
    rm->structure = NULL;
    rm->module_ctx.super.close(_mail);
}

/* Dovecot has opened the file: what it may read of a stub is the message's header. */
static int restante_istream_opened(struct mail *_mail, struct istream **stream)
{
    struct mail_private *mail = (struct mail_private *)_mail;
    struct restante_mail *rm = RESTANTE_MAIL(mail);
    struct istream *input = *stream;
    int fd = _mail->saving ? -1 : i_stream_get_fd(input);
    if (fd == -1)
        return rm->module_ctx.super.istream_opened(_mail, stream);
    buffer_t *buf = buffer_create_dynamic(default_pool, 16384);
    if (read_stub(fd, buf) < 0) {
        mail_set_critical(_mail, "restante: read(%s) failed: %m", i_stream_get_name(input));
        buffer_free(&buf);
        return -1;
    }
    remember(mail, rm, buf);
    struct stub_file s;
    if (rm->stub && parse_stub(buf, &s)) {
        i_stream_seek(input, s.line_len);
        *stream = i_stream_create_limit(input, s.header_len);
        i_stream_unref(&input);
        moved_index_mail_of(_mail)->data.stream_has_only_header = TRUE;
    }
    buffer_free(&buf);
    return rm->module_ctx.super.istream_opened(_mail, stream);
}

static void refuse_body(struct mail *mail)
{
    mail_storage_set_error(mail->box->storage, MAIL_ERROR_UNAVAILABLE, TEXT_NOT_HERE);
}

/* SEARCH and Dovecot's own look-aheads see a stub as a message without a body. */
static bool wants_body(const struct mail_private *mail, bool get_body)
{
    const char *reason = mail->get_stream_reason;
    return get_body && !mail->mail.saving && mail->mail.access_type != MAIL_ACCESS_TYPE_SEARCH &&
           (reason == NULL || (strcmp(reason, "access") != 0 && strcmp(reason, "prefetch") != 0));
}

static int restante_get_stream(struct mail *_mail, bool get_body, struct message_size *hdr_size,
                               struct message_size *body_size, struct istream **stream_r)
{
    struct mail_private *mail = (struct mail_private *)_mail;
    struct restante_mail *rm = RESTANTE_MAIL(mail);
    struct index_mail_data *data = &moved_index_mail_of(_mail)->data;
    if (wants_body(mail, get_body)) {
        if (data->stream == NULL &&
            rm->module_ctx.super.get_stream(_mail, FALSE, NULL, NULL, stream_r) < 0)
            return -1;
        if (data->stream_has_only_header) {
            refuse_body(_mail);
            return -1;
        }
    }
    return rm->module_ctx.super.get_stream(_mail, get_body, hdr_size, body_size, stream_r);
}

static int stub_structure(struct mail *_mail, struct restante_mail *rm, bool extended,
                          const char **value_r)
{
    struct mail_private *mail = (struct mail_private *)_mail;
    struct index_mail *imail = index_mail_of(_mail);
    string_t *body = str_new(mail->data_pool, 256);
    const char *error = "it is empty";
    /* also for BODYSTRUCTURE: a broken text must never reach a client or the cache */
    if (rm->structure[0] == '\0' ||
        imap_body_parse_from_bodystructure(rm->structure, body, &error) < 0) {
        mail_set_critical(_mail, "restante: bad structure in stub %s: %s", rm->id, error);
        return -1;
    }
    unsigned int idx =
        moved_index_mail_of(_mail)->ibox->cache_fields[MAIL_CACHE_IMAP_BODYSTRUCTURE].idx;
    if (mail_cache_field_can_add(_mail->transaction->cache_trans, _mail->seq, idx))
        index_mail_cache_add(imail, MAIL_CACHE_IMAP_BODYSTRUCTURE, rm->structure,
                             strlen(rm->structure));
    *value_r = extended ? rm->structure : str_c(body);
    return 0;
}

static int restante_get_special(struct mail *_mail, enum mail_fetch_field field,
                                const char **value_r)
{
    struct mail_private *mail = (struct mail_private *)_mail;
    struct restante_mail *rm = RESTANTE_MAIL(mail);
    struct index_mail *imail = index_mail_of(_mail);
    switch (field) {
    case MAIL_FETCH_IMAP_BODYSTRUCTURE:
        if (index_mail_get_cached_bodystructure(imail, value_r))
            return 0;
        break;
    case MAIL_FETCH_IMAP_BODY:
        if (index_mail_get_cached_body(imail, value_r))
            return 0;
        break;
    case MAIL_FETCH_BODY_SNIPPET:
        break;
    default:
        return rm->module_ctx.super.get_special(_mail, field, value_r);
    }
    if (restante_stub_load(_mail) > 0) {
        if (field != MAIL_FETCH_BODY_SNIPPET)
            return stub_structure(_mail, rm, field == MAIL_FETCH_IMAP_BODYSTRUCTURE, value_r);
        *value_r = "1"; /* the format's version and an empty preview; not cached */
        return 0;
    }
    return rm->module_ctx.super.get_special(_mail, field, value_r);
}

/* A stub's MIME parts are unknown to Dovecot until the message is here. Parsing what is there would
 * put wrong sizes into the cache for ever. */
static int restante_get_parts(struct mail *_mail, struct message_part **parts_r)
{
    struct restante_mail *rm = RESTANTE_MAIL((struct mail_private *)_mail);
    if (index_mail_of(_mail)->data.parts == NULL && restante_stub_load(_mail) > 0) {
        if (_mail->lookup_abort != MAIL_LOOKUP_ABORT_NEVER)
            mail_set_aborted(_mail);
        else
            refuse_body(_mail);
        return -1;
    }
    return rm->module_ctx.super.get_parts(_mail, parts_r);
}

static bool restante_prefetch(struct mail *mail ATTR_UNUSED)
{
    return TRUE;
}

void restante_mail_allocated(struct mail *_mail)
{
    if (strcmp(_mail->box->storage->name, MAILDIR_STORAGE_NAME) != 0)
        return;
    struct mail_private *mail = (struct mail_private *)_mail;
    struct mail_vfuncs *v = mail->vlast;
    struct restante_mail *rm = p_new(mail->pool, struct restante_mail, 1);
    rm->module_ctx.super = *v;
    mail->vlast = &rm->module_ctx.super;
    v->close = restante_mail_close;
    v->istream_opened = restante_istream_opened;
    v->get_stream = restante_get_stream;
    v->get_special = restante_get_special;
    v->get_parts = restante_get_parts;
    v->prefetch = restante_prefetch;
    MODULE_CONTEXT_SET(mail, restante_mail_module, rm);
}

void restante_storage_created(struct mail_storage *storage)
{
    /* Dovecot would parse the body ahead for these; get_special and get_parts answer instead. */
    storage->nonbody_access_fields |= MAIL_FETCH_IMAP_BODY | MAIL_FETCH_IMAP_BODYSTRUCTURE |
                                      MAIL_FETCH_BODY_SNIPPET | MAIL_FETCH_MESSAGE_PARTS;
}
