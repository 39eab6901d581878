/* SPDX-License-Identifier: GPL-3.0-or-later */
/* invite_code.c - see invite_code.h. Dark on light whatever the terminal's colours are: readers of
 * QR codes want it so. */
#include "cli/invite_code.h"
#include <langinfo.h>
#include <qrencode.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define QUIET 2 /* light modules around */

static bool dark(const QRcode *q, int x, int y)
{
    return x >= 0 && y >= 0 && x < q->width && y < q->width && (q->data[y * q->width + x] & 1) != 0;
}

void invite_code_print(const char *line)
{
    static const char *const blocks[4] = {" ", "\u2584", "\u2580", "\u2588"}; /* lower, upper */
    struct winsize size;
    if (strcmp(nl_langinfo(CODESET), "UTF-8") != 0)
        return;
    QRcode *q = QRcode_encodeString8bit(line, 0, QR_ECLEVEL_L);
    bool fits = q != NULL && (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) < 0 || size.ws_col == 0 ||
                              q->width + 2 * QUIET <= size.ws_col);
    for (int y = -QUIET; fits && y < q->width + QUIET; y += 2) {
        (void)fputs("\033[30;107m", stdout);
        for (int x = -QUIET; x < q->width + QUIET; x++)
            (void)fputs(blocks[(dark(q, x, y) ? 2 : 0) + (dark(q, x, y + 1) ? 1 : 0)], stdout);
        (void)fputs("\033[0m\n", stdout);
    }
    if (fits)
        (void)putchar('\n');
    QRcode_free(q);
}
