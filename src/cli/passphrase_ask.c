/* SPDX-License-Identifier: GPL-3.0-or-later */
/* passphrase_ask.c - see passphrase_ask.h. */
#include "cli/passphrase_ask.h"
#include "base/crypt.h"
#include "base/file.h"
#include "cli/backup.h"
#include <string.h>
#include <unistd.h>

static int from_file(const char *file, struct buf *out, struct error *e)
{
    struct buf text = BUF_INIT(64 * 1024);
    int rc = file_read(file, &text, e);
    const char *s = rc < 0 ? NULL : buf_str(&text);
    if (s != NULL && buf_append(out, s, strcspn(s, "\r\n")) < 0)
        rc = error_set(e, "The passphrase in %s has more than %d bytes.", file,
                       BACKUP_PASSPHRASE_MAX);
    buf_wipe(&text);
    return rc;
}

static int typed(const char *question, struct buf *out, struct error *e)
{
    char *s = getpass(question); /* no echo; the terminal is as before afterwards, Ctrl-C too */
    if (s == NULL)
        return error_set(e, "There is no terminal to ask for the passphrase at; name a file with "
                            "--passphrase-file.");
    int rc = buf_append(out, s, strlen(s)) < 0
                 ? error_set(e, "The passphrase has more than %d bytes.", BACKUP_PASSPHRASE_MAX)
                 : 0;
    wipe(s, strlen(s));
    return rc;
}

int passphrase_ask(const char *file, bool fresh, struct buf *out, struct error *e)
{
    struct buf again = BUF_INIT(BACKUP_PASSPHRASE_MAX + 1);
    int rc = file != NULL ? from_file(file, out, e) : typed("Passphrase: ", out, e);
    if (rc == 0 && fresh && out->len < BACKUP_PASSPHRASE_MIN)
        rc = error_set(e, "A passphrase needs at least %d characters. Nothing was changed.",
                       BACKUP_PASSPHRASE_MIN);
    if (rc == 0 && fresh && file == NULL) {
        rc = typed("The same again: ", &again, e);
        if (rc == 0 && (again.len != out->len || memcmp(again.data, out->data, out->len) != 0))
            rc = error_set(e, "The two differ. Nothing was changed.");
    }
    if (rc == 0 && out->len == 0)
        rc = error_set(e, "The passphrase is empty.");
    buf_wipe(&again);
    return rc;
}
