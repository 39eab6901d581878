/* SPDX-License-Identifier: GPL-3.0-or-later */
/* ffi.c - RNP without keys: contexts, their clock and their noise, its errors and outputs. */
#include "base/clock.h"
#include "pgp/internal.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

static _Thread_local int quiet_depth;
static pthread_once_t quiet_once = PTHREAD_ONCE_INIT;

static ssize_t quiet_write(void *cookie, const char *p, size_t n)
{
    size_t done = 0;
    while (quiet_depth == 0 && done < n) {
        ssize_t r = write(STDERR_FILENO, p + done, n - done);
        if (r < 0 && errno != EINTR)
            break;
        done += r > 0 ? (size_t)r : 0;
    }
    return (ssize_t)n; /* a full or closed stderr is nobody's error here */
}

/* stderr is a variable in the GNU C library, meant to be set. Ours still writes to descriptor 2,
 * unless the writing thread is inside RNP. */
static void quiet_install(void)
{
    FILE *f = fopencookie(NULL, "w", (cookie_io_functions_t){.write = quiet_write});
    if (f == NULL)
        return;
    (void)setvbuf(f, NULL, _IOLBF, BUFSIZ);
    stderr = f;
}

int pgp_quiet_begin(void)
{
    pthread_once(&quiet_once, quiet_install);
    (void)fflush(stderr);
    quiet_depth++;
    return 0;
}

void pgp_quiet_end(int *unused)
{
    (void)fflush(stderr);
    quiet_depth--;
}

int rnp_fail(struct error *e, const char *what, rnp_result_t r)
{
    return error_set(e, "%s (%s).", what, rnp_result_to_string(r));
}

uint32_t pgp_now(void)
{
    return (uint32_t)(clock_wall_ms() / 1000);
}

void ffi_clock(rnp_ffi_t ffi, int64_t ahead)
{
    (void)rnp_set_timestamp(ffi, (uint64_t)((int64_t)pgp_now() + ahead));
}

/* No key of ours has a passphrase: whoever asks for one gets none. */
static bool no_passphrase(rnp_ffi_t ffi, void *ctx, rnp_key_handle_t key, const char *why,
                          char buf[], size_t n)
{
    return false;
}

int ffi_new(rnp_ffi_t *ffi_r, struct error *e)
{
    rnp_result_t r = rnp_ffi_create(ffi_r, "GPG", "GPG");
    if (r != RNP_SUCCESS) {
        *ffi_r = NULL;
        return rnp_fail(e, "OpenPGP could not be set up", r);
    }
    (void)rnp_ffi_set_pass_provider(*ffi_r, no_passphrase, NULL);
    ffi_clock(*ffi_r, PGP_CLOCK_SLACK);
    return 0;
}

int output_take(rnp_output_t mem, struct buf *out, struct error *e)
{
    uint8_t *data = NULL;
    size_t n = 0;
    if (rnp_output_memory_get_buf(mem, &data, &n, false) != RNP_SUCCESS)
        return error_set(e, "Out of memory.");
    int result = buf_append(out, data, n);
    if (n > 0)
        wipe(data, n);
    return result == 0 ? 0 : error_set(e, "The result of %zu octets is too large.", n);
}
