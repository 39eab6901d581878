/* SPDX-License-Identifier: GPL-3.0-or-later */
/* goodbye.c - see goodbye.h. */
#include "cli/goodbye.h"
#include "base/buf.h"
#include "daemon/home.h"
#include "net/smtp_send.h"

int goodbye_send(const struct config *c, const char *to, const char *subject, const char *text,
                 struct error *e)
{
    struct buf password = BUF_INIT(64);
    char ca[PATH_CAP];
    int rc = config_path(c, "tls/ca.pem", ca, e);
    if (rc == 0)
        rc = home_read_secret(c->home, "secret/password", &password, e);
    while (password.len > 0 && password.data[password.len - 1] <= ' ')
        password.len--;
    if (rc == 0) {
        struct smtp_account a = {.ca = ca,
                                 .address = c->address,
                                 .password = buf_str(&password),
                                 .port = c->submission_port};
        rc = smtp_send(&a, to, subject, text, e);
    }
    buf_wipe(&password);
    return rc;
}
