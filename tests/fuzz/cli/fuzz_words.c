/* SPDX-License-Identifier: GPL-3.0-or-later */
/* fuzz_words.c - a stranger's subject on its way to the terminal: decoded, then made safe. Whatever
 * it was, nothing of what is left may be a control character, and it keeps to its columns. */
#include "cli/text.h"
#include "cli/words.h"
#include <locale.h>
#include <stdlib.h>
#include <string.h>

#define COLUMNS 40

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const char *text, size_t columns)
{
    struct buf safe = BUF_INIT(1 << 20);
    if (text_safe(text, columns, &safe) == 0 && buf_str(&safe) != NULL) {
        for (size_t i = 0; i < safe.len; i++)
            if (safe.data[i] < 0x20 || safe.data[i] == 0x7F ||
                (safe.data[i] == 0xC2 && safe.data[i + 1] < 0xA0))
                abort();
        if (text_columns(buf_str(&safe)) > columns)
            abort();
    }
    buf_free(&safe);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static bool ready;
    if (!ready) {
        (void)setlocale(LC_CTYPE, "C.UTF-8");
        ready = true;
    }
    struct buf text = BUF_INIT(1 << 20), words = BUF_INIT(1 << 20);
    if (buf_append(&text, data, size) == 0 && buf_str(&text) != NULL) {
        check(buf_str(&text), COLUMNS);
        if (words_decode(buf_str(&text), &words) == 0 && buf_str(&words) != NULL) {
            check(buf_str(&words), COLUMNS);
            check(buf_str(&words), SIZE_MAX);
        }
    }
    buf_free(&words);
    buf_free(&text);
    return 0;
}
