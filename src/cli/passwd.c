/* SPDX-License-Identifier: GPL-3.0-or-later */
/* passwd.c - `restante passwd`: a new password for the mail client. */
#include "cli/commands.h"
#include "daemon/dovecot_config.h"
#include "daemon/home.h"
#include <stdio.h>
#include <string.h>

#define PASSWORD_MIN 12
#define PASSWORD_MAX 60

static int from_file(const char *file, struct buf *password, struct error *e)
{
    struct buf text = BUF_INIT(64 * 1024);
    int rc = file_read(file, &text, e);
    const char *s = rc < 0 ? NULL : buf_str(&text);
    size_t n = s == NULL ? 0 : strcspn(s, "\r\n");
    if (rc == 0 && (s == NULL || n < PASSWORD_MIN || n > PASSWORD_MAX))
        rc = error_set(e, "A password here has %d to %d characters. Nothing was changed.",
                       PASSWORD_MIN, PASSWORD_MAX);
    for (size_t i = 0; rc == 0 && i < n; i++)
        if (s[i] <= ' ' || s[i] > '~')
            rc = error_set(e, "A password here has printable ASCII characters only, and no "
                              "spaces. Nothing was changed.");
    if (rc == 0 && buf_append(password, s, n) < 0)
        rc = error_set(e, "There is not enough memory.");
    buf_wipe(&text);
    return rc;
}

static int change(const struct config *c, const char *file, struct error *e)
{
    char fresh[HOME_PASSWORD_LEN + 1];
    struct buf password = BUF_INIT(PASSWORD_MAX);
    int rc = 0;
    if (file != NULL) {
        rc = from_file(file, &password, e);
    } else {
        home_new_password(fresh);
        rc = buf_append(&password, fresh, strlen(fresh));
    }
    /* The file first: from it the next start takes it, whatever becomes of this one. */
    if (rc == 0)
        rc = home_write_secret(c->home, "secret/password", password.data, password.len, e);
    if (rc == 0)
        rc = dovecot_write_password(c->home, c->address, buf_str(&password), e);
    if (rc == 0) {
        dovecot_await_password();
        (void)printf("The mail client's new password is %s\nGive it to the mail client when that "
                     "asks for it again.\n",
                     buf_str(&password));
    }
    buf_wipe(&password);
    return rc;
}

int cmd_passwd(struct cli *cli, int argc, char **argv)
{
    struct error e;
    struct config c;
    const char *file = NULL;
    const struct cli_option own[] = {{.name = "password-file", .value = &file}, {0}};
    if (cli_options_only(cli, "passwd", own, argc, argv) != CLI_OK)
        return CLI_USAGE;
    if (cli_config(cli, &c) < 0)
        return CLI_FAILED;
    return change(&c, file, &e) < 0 ? cli_fail(&e) : CLI_OK;
}
