/* SPDX-License-Identifier: GPL-3.0-or-later */
/* dovecot_version.c - the plugin uses Dovecot's internals, which a security update may change
 * without changing the ABI string that Dovecot itself compares. So the version of the build must be
 * the installed one, and where dpkg knows another package of it, that one must pass a trial. */
#include "base/log.h"
#include "daemon/dovecot.h"
#include "daemon/dovecot_config.h"
#include "daemon/dovecot_try.h"
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define LOG_AREA "dovecot"
#define ACCEPTED_MAX 512

#ifndef DOVECOT_BUILT_VERSION
#define DOVECOT_BUILT_VERSION ""
#endif
#ifndef DOVECOT_BUILT_PACKAGE
#define DOVECOT_BUILT_PACKAGE ""
#endif

/* First line that the command prints, without its end; false when there is none. */
static bool first_line(const char *command, char *out, size_t size)
{
    FILE *f = popen(command, "re"); /* NOLINT(cert-env33-c): a command without a variable */
    if (f == NULL)
        return false;
    bool ok = fgets(out, (int)size, f) != NULL;
    while (fgetc(f) != EOF)
        ;
    if (pclose(f) != 0 || !ok)
        return false;
    out[strcspn(out, "\r\n")] = '\0';
    return out[0] != '\0';
}

/* The package of dovecot-core as dpkg knows it; false where there is none to know. */
static bool installed_package(char *out, size_t size)
{
    return DOVECOT_BUILT_PACKAGE[0] != '\0' &&
           first_line("dpkg-query -W -f '${Version}\\n' dovecot-core 2>/dev/null", out, size);
}

/* What HOME/dovecot/accepted holds when this plugin passed its trial with this package. */
static int acceptance(const char *package, char out[ACCEPTED_MAX])
{
    int n = snprintf(out, ACCEPTED_MAX, "dovecot-core %s, plugin of %s for %s\n", package,
                     RESTANTE_VERSION, DOVECOT_BUILT_PACKAGE);
    return n < ACCEPTED_MAX ? 0 : -1;
}

static bool is_accepted(const char *home, const char *package)
{
    char path[PATH_CAP], wanted[ACCEPTED_MAX];
    struct buf b = BUF_INIT(ACCEPTED_MAX);
    bool same = acceptance(package, wanted) == 0 &&
                dovecot_path(path, home, "accepted", NULL) == 0 && file_read(path, &b, NULL) == 0 &&
                buf_str(&b) != NULL && strcmp(buf_str(&b), wanted) == 0;
    buf_free(&b);
    return same;
}

int dovecot_check_version(const char *home, struct error *e)
{
    char found[128];
    if (!first_line(DOVECOT_BINARY " --version 2>/dev/null", found, sizeof found))
        return error_set(e,
                         "Dovecot does not run (%s --version): install it with `apt install "
                         "dovecot-core dovecot-imapd dovecot-submissiond`.",
                         DOVECOT_BINARY);
    if (strcmp(found, DOVECOT_BUILT_VERSION) != 0)
        return error_set(e,
                         "Restante's plugin was built for Dovecot %s, but %s is installed: build "
                         "Restante again with `make`, or install the package of it that was built "
                         "for this Dovecot.",
                         DOVECOT_BUILT_VERSION, found);
    if (!installed_package(found, sizeof found) || strcmp(found, DOVECOT_BUILT_PACKAGE) == 0 ||
        is_accepted(home, found))
        return 0;
    (void)error_set(e,
                    "Restante's plugin was built with the package dovecot-core %s and has not been "
                    "tried with %s, which is installed: the peer tries it when it starts.",
                    DOVECOT_BUILT_PACKAGE, found);
    return 1;
}

int dovecot_accept(const char *home, const char *plugin_dir, struct error *e)
{
    char package[128], path[PATH_CAP], text[ACCEPTED_MAX];
    struct error why = {""};
    int rc = dovecot_check_version(home, e);
    if (rc != 1)
        return rc;
    if (!installed_package(package, sizeof package) || acceptance(package, text) < 0)
        return -1;
    if (dovecot_try(plugin_dir, &why) < 0)
        return error_set(e,
                         "Restante's plugin fails its trial with dovecot-core %.60s (%.100s): "
                         "install a newer Restante, build it again with `make`, or go back to "
                         "dovecot-core %.60s.",
                         package, why.text, DOVECOT_BUILT_PACKAGE);
    log_info("Dovecot's package %s, other than the plugin's (%s), passed its trial", package,
             DOVECOT_BUILT_PACKAGE);
    return dovecot_path(path, home, "accepted", e) < 0 ? -1
                                                       : file_write(path, text, strlen(text), e);
}
