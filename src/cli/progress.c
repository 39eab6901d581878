/* SPDX-License-Identifier: GPL-3.0-or-later */
/* progress.c - see progress.h. */
#include "cli/progress.h"
#include "base/clock.h"
#include "cli/control.h"
#include "cli/text.h"
#include <stdio.h>
#include <unistd.h>

#define REDRAW_MS 100

void progress_begin(struct progress *p)
{
    *p = (struct progress){.terminal = isatty(STDERR_FILENO)};
}

static void draw_speed(const struct progress *p, int64_t now, int64_t done, int64_t size)
{
    char rate[16], span[32];
    double seconds = (double)(now - p->start_ms) / 1000;
    double speed = seconds > 0.2 && done > p->first ? (double)(done - p->first) / seconds : 0;
    if (speed <= 0)
        return;
    text_size((uint64_t)speed, rate);
    (void)fprintf(stderr, "  %s/s", rate);
    if (done < size) {
        text_span((int64_t)((double)(size - done) / speed) + 1, span);
        (void)fprintf(stderr, ", %s left", span);
    }
}

void progress_show(void *ctx, const json_t *o)
{
    struct progress *p = ctx;
    int64_t now = clock_mono_ms();
    int64_t done = json_number(o, "done", 0), size = json_number(o, "size", 0);
    int64_t of = json_number(o, "of", 0);
    if (done < 0 || size < 0)
        return;
    if (p->start_ms == 0) {
        p->start_ms = now;
        p->first = done;
    }
    if (!p->terminal || (p->drawn && done < size && now - p->drawn_ms < REDRAW_MS))
        return;
    char a[16], b[16];
    text_size((uint64_t)done, a);
    text_size((uint64_t)size, b);
    (void)fprintf(stderr, "\r\033[K%3d %%  %s of %s",
                  size == 0 ? 0 : (int)((double)done * 100.0 / (double)size), a, b);
    if (of > 0)
        (void)fprintf(stderr, ", %lld of %lld messages", (long long)json_number(o, "messages", 0),
                      (long long)of);
    draw_speed(p, now, done, size);
    (void)fflush(stderr);
    p->drawn = true;
    p->drawn_ms = now;
}

void progress_end(struct progress *p)
{
    if (p->drawn)
        (void)fputs("\r\033[K", stderr);
    p->drawn = false;
}
