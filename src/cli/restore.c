/* SPDX-License-Identifier: GPL-3.0-or-later */
/* restore.c - a restored home on a computer that may be another (restore.h). */
#include "cli/restore.h"
#include "cli/ports.h"
#include "cli/revocation.h"
#include "daemon/home.h"
#include <stdio.h>
#include <string.h>

/* The one endpoint is a private address that was found out on another computer. */
static bool is_foreign(const struct config *c)
{
    char host[256];
    return c->endpoints.count == 1 && !ports_public(c, host) && !ports_own(host);
}

static int take_own_address(struct config *c, struct error *e)
{
    bool guessed;
    char path[PATH_CAP];
    struct buf text = BUF_INIT(CONFIG_FILE_CAP), fresh = BUF_INIT(CONFIG_FILE_CAP);
    int rc = config_reset(c, "network", "endpoints", e);
    if (rc == 0)
        rc = ports_endpoint(c, &guessed, e);
    const char *const values[] = {c->endpoints.item[0]};
    if (rc == 0)
        rc = config_path(c, "config", path, e);
    if (rc == 0)
        rc = file_read(path, &text, e);
    if (rc == 0)
        rc = config_edit(&text, "network", "endpoints", values, 1, &fresh, e);
    if (rc == 0)
        rc = home_write_secret(c->home, "config", fresh.data, fresh.len, e);
    buf_free(&text);
    buf_free(&fresh);
    return rc;
}

void restore_advise(const char *home)
{
    struct config c;
    struct error e;
    char old[256];
    if (config_load(&c, home, &e) < 0)
        return;
    revocation_outside(&c, home); /* this computer has none yet */
    if (is_foreign(&c)) {
        (void)snprintf(old, sizeof old, "%s", c.endpoints.item[0]);
        if (take_own_address(&c, &e) == 0)
            (void)printf("The backup's %s is no address of this computer; others are told %s "
                         "instead.\n",
                         old, c.endpoints.item[0]);
    } else if (c.endpoints.count > 0) {
        (void)printf("Others are told that this peer is at %s; if this computer has another "
                     "address, say\n`restante config set network.endpoints http://HOST:%u`.\n",
                     c.endpoints.item[0], c.http_port);
    }
}
