/* SPDX-License-Identifier: GPL-3.0-or-later */
/* try.c - an update of Dovecot's library may change what it was built with (part_fields.h): so the
 * helper looks at a message of its own before it takes a stranger's. */
#include "mimed.h"
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define TRY_CAP (16 * 1024)
#define HEADER                                                                                     \
    "From: Try <try@restante.example>\r\n"                                                         \
    "MIME-Version: 1.0\r\n"                                                                        \
    "Content-Type: multipart/mixed; boundary=b\r\n\r\n"
#define BODY "--b\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nx\r\n--b--\r\n"
#define STRUCTURE                                                                                  \
    "(\"text\" \"plain\" (\"charset\" \"utf-8\") NIL NIL \"7bit\" 1 0 NIL NIL NIL NIL) \"mixed\" " \
    "(\"boundary\" \"b\") NIL NIL NIL"

int mimed_try(struct error *e)
{
    static const char message[] = HEADER BODY;
    struct buf skeleton = BUF_INIT(TRY_CAP), text = BUF_INIT(TRY_CAP);
    struct parsed parsed;
    int fd = memfd_create("try", MFD_CLOEXEC);
    int ret = -1;

    if (fd < 0 || write(fd, message, strlen(message)) != (ssize_t)strlen(message))
        (void)error_set(e, "There is no memory for a trial.");
    else if (parse_message(fd, &skeleton, &parsed, e) == 0 &&
             render_structure((const uint8_t *)HEADER, strlen(HEADER), skeleton.data, skeleton.len,
                              &text, e) == 0)
        ret = text.len == strlen(STRUCTURE) && memcmp(text.data, STRUCTURE, text.len) == 0
                  ? 0
                  : error_set(e,
                              "Dovecot's library does not see a simple message as it should: "
                              "Restante was built for another update of it. It saw %.200s",
                              buf_str(&text) == NULL ? "" : buf_str(&text));
    if (fd >= 0)
        (void)close(fd);
    buf_free(&skeleton);
    buf_free(&text);
    return ret;
}
