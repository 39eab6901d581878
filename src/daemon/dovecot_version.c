/* SPDX-License-Identifier: GPL-3.0-or-later */
/* dovecot_version.c - the plugin uses Dovecot's internals, which a security update may change
 * without changing the ABI string that Dovecot itself compares. So the version of the build, and
 * the package's where dpkg knows it, must be the one that is installed. */
#include "daemon/dovecot.h"
#include "daemon/dovecot_config.h"
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#ifndef DOVECOT_BUILT_VERSION
#define DOVECOT_BUILT_VERSION ""
#endif
#ifndef DOVECOT_BUILT_PACKAGE
#define DOVECOT_BUILT_PACKAGE ""
#endif

/* First line that the command prints, without its end; false when there is none. */
static bool first_line(const char *command, char *out, size_t size)
{
    FILE *f = popen(command, "re");
    bool ok;

    if (f == NULL)
        return false;
    ok = fgets(out, (int)size, f) != NULL;
    while (fgetc(f) != EOF)
        ;
    if (pclose(f) != 0 || !ok)
        return false;
    out[strcspn(out, "\r\n")] = '\0';
    return out[0] != '\0';
}

int dovecot_check_version(struct error *e)
{
    char found[128];

    if (!first_line(DOVECOT_BINARY " --version 2>/dev/null", found, sizeof(found)))
        return error_set(e,
                         "Dovecot does not run (%s --version): install it with `apt install "
                         "dovecot-core dovecot-imapd dovecot-submissiond`.",
                         DOVECOT_BINARY);
    if (strcmp(found, DOVECOT_BUILT_VERSION) != 0)
        return error_set(e,
                         "Restante's plugin was built for Dovecot %s, but %s is installed: build "
                         "Restante again with `meson setup --reconfigure build && ninja -C build`.",
                         DOVECOT_BUILT_VERSION, found);
    if (DOVECOT_BUILT_PACKAGE[0] == '\0' ||
        !first_line("dpkg-query -W -f '${Version}\\n' dovecot-core 2>/dev/null", found,
                    sizeof(found)))
        return 0;
    if (strcmp(found, DOVECOT_BUILT_PACKAGE) != 0)
        return error_set(e,
                         "Restante's plugin was built for the package dovecot-core %s, but %s is "
                         "installed: build Restante again with `meson setup --reconfigure build && "
                         "ninja -C build`.",
                         DOVECOT_BUILT_PACKAGE, found);
    return 0;
}
