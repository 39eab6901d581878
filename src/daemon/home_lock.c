/* SPDX-License-Identifier: GPL-3.0-or-later */
/* home_lock.c - see home.h: who works on a home alone, and whether anybody may at all. */
#include "base/clock.h"
#include "daemon/home.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#define LOOK_MS 50
#define MOVED "moved" /* holds the sentence */
#define MOVED_CAP 300

int home_lock(const char *home, int wait_s, struct error *e)
{
    char path[PATH_CAP];
    int64_t end = clock_mono_ms() + (int64_t)wait_s * 1000;
    if (path_join(path, home, "run/lock", e) < 0)
        return -1;
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return error_set(e, "Cannot open %s: %s.", path, strerror(errno));
    while (flock(fd, LOCK_EX | LOCK_NB) < 0) {
        if (clock_mono_ms() >= end) {
            (void)close(fd);
            return error_set(e, "A restanted is running for %s already.", home);
        }
        (void)poll(NULL, 0, LOOK_MS);
    }
    return fd;
}

int home_moved(const char *home, struct error *e)
{
    char path[PATH_CAP];
    struct buf text = BUF_INIT(MOVED_CAP);
    if (path_join(path, home, MOVED, e) < 0)
        return -1;
    if (!file_exists(path))
        return 0;
    const char *s = file_read(path, &text, NULL) < 0 ? NULL : buf_str(&text);
    (void)error_set(e,
                    "The peer of %s does not start. %s If it runs nowhere else and is to go on "
                    "here, say `restante --home %s takeover`.",
                    home, s == NULL ? "It was moved to another computer." : s, home);
    buf_free(&text);
    return -1;
}

int home_set_moved(const char *home, const char *sentence, struct error *e)
{
    char path[PATH_CAP];
    if (path_join(path, home, MOVED, e) < 0)
        return -1;
    return sentence == NULL ? file_remove(path, e)
                            : file_write(path, sentence, strlen(sentence), e);
}
