/* SPDX-License-Identifier: GPL-3.0-or-later */
/* settings.c - what the daemon says in the environment (base/plugin_env.h). Without the key no stub
 * could be told from a forgery and stubs would be cached as if they were ordinary mail, so then
 * nobody logs in. */
#include "lib.h"
#include "fd-util.h"
#include "mail-user.h"
#include "safe-memset.h"
#include "restante-plugin.h"
#include "base/plugin_env.h"
#include <fcntl.h>
#include <unistd.h>

#define DEFAULT_WAIT_SECS 60
#define MAX_WAIT_SECS 3600

struct restante_settings restante_set = {.wait_secs = DEFAULT_WAIT_SECS};

static bool read_key(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd == -1)
        return FALSE;
    unsigned char buf[sizeof restante_set.key + 1];
    ssize_t n = read(fd, buf, sizeof buf);
    i_close_fd(&fd);
    if (n == (ssize_t)sizeof restante_set.key)
        memcpy(restante_set.key, buf, sizeof restante_set.key);
    safe_memset(buf, 0, sizeof buf);
    return n == (ssize_t)sizeof restante_set.key;
}

/* A path as the daemon tells it: it goes on from the user's home, or begins with a slash. */
static const char *whole_path(struct mail_user *user, const char *path)
{
    const char *home;
    if (path == NULL || *path == '/' || mail_user_get_home(user, &home) <= 0)
        return path;
    return t_strconcat(home, "/", path, NULL);
}

void restante_mail_user_created(struct mail_user *user)
{
    const char *socket = whole_path(user, getenv(PLUGIN_ENV_SOCKET));
    const char *key = whole_path(user, getenv(PLUGIN_ENV_KEY));
    const char *wait = getenv(PLUGIN_ENV_WAIT);
    static char socket_copy[256];
    if (socket == NULL || strlen(socket) >= sizeof socket_copy) {
        user->error = p_strdup(user->pool, PLUGIN_ENV_SOCKET " is missing or too long");
        return;
    }
    if (key == NULL || !read_key(key)) {
        user->error = p_strdup(user->pool, PLUGIN_ENV_KEY " names no readable file of 32 bytes");
        return;
    }
    if (wait != NULL && (str_to_uint(wait, &restante_set.wait_secs) < 0 ||
                         restante_set.wait_secs == 0 || restante_set.wait_secs > MAX_WAIT_SECS)) {
        user->error = p_strdup(user->pool, PLUGIN_ENV_WAIT " is not a number of seconds");
        return;
    }
    memcpy(socket_copy, socket, strlen(socket) + 1);
    restante_set.socket = socket_copy;
}

void restante_settings_wipe(void)
{
    safe_memset(restante_set.key, 0, sizeof restante_set.key);
}
