/* SPDX-License-Identifier: GPL-3.0-or-later */
/* program.c - see program.h. */
#include "daemon/program.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool runnable(const char *dir, const char *name, char out[PATH_CAP])
{
    return path_join(out, dir, name, NULL) == 0 && access(out, X_OK) == 0;
}

static int copy(char out[PATH_CAP], const char *path, struct error *e)
{
    int n = snprintf(out, PATH_CAP, "%s", path);
    return n < PATH_CAP ? 0 : error_set(e, "The path %.200s... is too long.", path);
}

/* The folder of the running program; -1 when /proc does not say. */
static int own_dir(char out[PATH_CAP])
{
    ssize_t n = readlink("/proc/self/exe", out, PATH_CAP - 1);
    if (n <= 0 || n >= PATH_CAP - 1)
        return -1;
    out[n] = '\0';
    char *slash = strrchr(out, '/');
    if (slash == NULL)
        return -1;
    *slash = '\0';
    return 0;
}

/* The root of the build tree when the program runs from BUILD/src/cli or BUILD/src/daemon. */
static int build_root(char out[PATH_CAP])
{
    static const char *const tails[] = {"/src/cli", "/src/daemon"};
    if (own_dir(out) < 0)
        return -1;
    size_t n = strlen(out);
    for (size_t i = 0; i < 2; i++) {
        size_t t = strlen(tails[i]);
        if (n > t && strcmp(out + n - t, tails[i]) == 0) {
            out[n - t] = '\0';
            return 0;
        }
    }
    return -1;
}

/* The folder at below of the prefix that the running program is installed in, which may have been
 * moved as a whole, or stand below a DESTDIR; -1 when it is in no bin folder. */
static int own_prefix(const char *below, char out[PATH_CAP])
{
    char dir[PATH_CAP];
    size_t t = strlen("/" RESTANTE_BIN_BELOW), n = own_dir(dir) < 0 ? 0 : strlen(dir);
    if (n <= t || strcmp(dir + n - t, "/" RESTANTE_BIN_BELOW) != 0)
        return -1;
    dir[n - t] = '\0';
    return path_join(out, dir, below, NULL);
}

int program_find(const char *name, char out[PATH_CAP], struct error *e)
{
    static const char *const built[] = {"src/daemon", "src/cli", "dhtd", "mimed"};
    static const char *const installed[] = {RESTANTE_LIBEXECDIR, RESTANTE_BINDIR, RESTANTE_SBINDIR};
    char dir[PATH_CAP], sub[PATH_CAP];
    const char *env = getenv("RESTANTE_LIBEXEC");
    if (env != NULL && env[0] == '/' && runnable(env, name, out))
        return 0;
    if (own_dir(dir) == 0 && runnable(dir, name, out))
        return 0;
    if (build_root(dir) == 0)
        for (size_t i = 0; i < sizeof built / sizeof built[0]; i++)
            if (path_join(sub, dir, built[i], NULL) == 0 && runnable(sub, name, out))
                return 0;
    if (own_prefix(RESTANTE_LIBEXEC_BELOW, dir) == 0 && runnable(dir, name, out))
        return 0;
    for (size_t i = 0; i < sizeof installed / sizeof installed[0]; i++)
        if (runnable(installed[i], name, out))
            return 0;
    return error_set(e,
                     "The program %s is not installed (looked in %s, among others); run `make "
                     "install`, or name its folder in RESTANTE_LIBEXEC.",
                     name, RESTANTE_LIBEXECDIR);
}

int program_plugin_dir(char out[PATH_CAP], struct error *e)
{
    char root[PATH_CAP];
    const char *env = getenv("RESTANTE_PLUGIN_DIR");
    if (env != NULL && env[0] == '/')
        return copy(out, env, e);
    if (build_root(root) == 0 && path_join(out, root, "plugin/dovecot", NULL) == 0 &&
        access(out, X_OK) == 0)
        return 0;
    if (own_prefix(RESTANTE_PLUGIN_BELOW, out) == 0 && access(out, X_OK) == 0)
        return 0;
    if (access(RESTANTE_PLUGINDIR, X_OK) == 0)
        return copy(out, RESTANTE_PLUGINDIR, e);
    return error_set(e,
                     "The Dovecot plugin is not installed in %s; run `make install`, or name its "
                     "folder in RESTANTE_PLUGIN_DIR.",
                     RESTANTE_PLUGINDIR);
}
