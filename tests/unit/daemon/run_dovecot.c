/* SPDX-License-Identifier: GPL-3.0-or-later */
/* run_dovecot.c - runs the private Dovecot as the daemon does, for tests that need only the IMAP
 * face: run_dovecot HOME ADDRESS IMAP_PORT SUBMISSION_PORT RELAY_PORT PLUGIN_DIR [WAIT].
 * HOME/secret holds password and stub.key. Says "ready PID" whenever Dovecot answers, "died" when
 * it ended; SIGTERM or the end of stdin stops it. */
#include "base/file.h"
#include "base/log.h"
#include "daemon/dovecot.h"
#include "daemon/dovecot_config.h"
#include "daemon/launcher.h"
#include "daemon/tls.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct dovecot *dovecot;
static uv_signal_t on_term;
static uv_pipe_t on_stdin;

static void say_ready(void *ctx)
{
    (void)ctx;
    (void)printf("ready %d\n", dovecot_pid(dovecot));
    (void)fflush(stdout);
}

static void say_died(void *ctx)
{
    (void)ctx;
    (void)printf("died\n");
    (void)fflush(stdout);
}

static void stop(void)
{
    if (uv_is_closing((uv_handle_t *)&on_term))
        return;
    uv_close((uv_handle_t *)&on_term, NULL);
    uv_close((uv_handle_t *)&on_stdin, NULL);
    dovecot_stop(&dovecot, NULL, NULL);
}

static void term(uv_signal_t *s, int number)
{
    (void)s;
    (void)number;
    stop();
}

static void give(uv_handle_t *h, size_t n, uv_buf_t *b)
{
    static char space[256];
    (void)h;
    (void)n;
    *b = uv_buf_init(space, sizeof space);
}

static void input(uv_stream_t *s, ssize_t n, const uv_buf_t *b)
{
    (void)s;
    (void)b;
    if (n < 0)
        stop();
}

static const char *one_line(struct buf *b)
{
    while (b->len > 0 && b->data[b->len - 1] == '\n')
        b->len--;
    return buf_str(b);
}

int main(int argc, char **argv)
{
    struct buf password = BUF_INIT(256);
    char path[PATH_CAP], socket[PATH_CAP], key[PATH_CAP];
    struct error e;
    if (argc < 7)
        return 2;
    (void)log_open(NULL, LOG_INFO);
    struct dovecot_config c = {.launcher = launcher_fork(argv[1], dovecot_writes_in, &e),
                               .home = argv[1],
                               .address = argv[2],
                               .imap_port = (uint16_t)atoi(argv[3]),
                               .submission_port = (uint16_t)atoi(argv[4]),
                               .relay_port = (uint16_t)atoi(argv[5]),
                               .relay_user = "relay",
                               .relay_password = "relaysecret",
                               .plugin_dir = argv[6],
                               .plugin_socket = socket,
                               .stub_key = key,
                               .wait_s = argc > 7 ? atoi(argv[7]) : 60,
                               .ready = say_ready,
                               .died = say_died};

    if (c.launcher < 0 || path_join(path, argv[1], "secret/password", &e) < 0 ||
        path_join(socket, argv[1], "run/plugin.sock", &e) < 0 ||
        path_join(key, argv[1], "secret/stub.key", &e) < 0 || file_read(path, &password, &e) < 0 ||
        (c.password = one_line(&password)) == NULL || tls_prepare(argv[1], argv[2], &e) < 0 ||
        (dovecot = dovecot_start(uv_default_loop(), &c, &e)) == NULL) {
        (void)printf("error %s\n", e.text);
        return 1;
    }
    buf_wipe(&password);
    (void)uv_signal_init(uv_default_loop(), &on_term);
    (void)uv_signal_start(&on_term, term, SIGTERM);
    (void)uv_pipe_init(uv_default_loop(), &on_stdin, 0);
    (void)uv_pipe_open(&on_stdin, 0);
    (void)uv_read_start((uv_stream_t *)&on_stdin, give, input);
    (void)uv_run(uv_default_loop(), UV_RUN_DEFAULT);
    (void)uv_loop_close(uv_default_loop());
    return 0;
}
