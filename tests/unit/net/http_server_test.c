/* SPDX-License-Identifier: GPL-3.0-or-later */
/* http_server_test.c - see http_server_test.h. */
#include "http_server_test.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct http_server *server;
char *dir;
atomic_int fetches;

static void on_fetch(void *ctx, const uint8_t hash[HASH_LEN])
{
    char hex[HASH_HEX + 1];
    assert_ptr_equal(ctx, &server);
    hex_encode(hash, HASH_LEN, hex);
    assert_true(strcmp(hex, HEX) == 0 || strcmp(hex, EMPTY) == 0);
    fetches++;
}

static int start(unsigned idle_seconds)
{
    char path[300];
    struct error e;
    fetches = 0;
    dir = net_tmpdir();
    net_file(dir, HEX, "0123456789", 10);
    net_file(dir, HEX ".chunks", "chunks", 6);
    net_file(dir, EMPTY, "", 0);
    net_file(dir, "msglist", "list", 4);
    net_file(dir, "secret", "secret", 6);
    snprintf(path, sizeof path, "%s/" LINK, dir);
    assert_int_equal(symlink("secret", path), 0);
    snprintf(path, sizeof path, "%s/" DIR_, dir);
    assert_int_equal(mkdir(path, 0700), 0);
    snprintf(path, sizeof path, "%s/" FIFO, dir);
    assert_int_equal(mkfifo(path, 0600), 0);
    struct http_server_config c = {.host = "127.0.0.1",
                                   .outbox_dir = dir,
                                   .idle_seconds = idle_seconds,
                                   .max_connections = 8,
                                   .max_per_ip = 4,
                                   .on_fetch = on_fetch,
                                   .ctx = &server};
    server = http_server_start(&c, &e);
    assert_non_null(server);
    return 0;
}

int setup(void **state)
{
    (void)state;
    return start(30);
}

int setup_impatient(void **state)
{
    (void)state;
    return start(1);
}

int teardown(void **state)
{
    (void)state;
    http_server_stop(&server);
    assert_null(server);
    net_rmdir(dir);
    return 0;
}

char answer[65536];
const char *body;

int ask(const char *method, const char *uri, const char *headers)
{
    char request[12000];
    int fd = net_connect(http_server_port(server));
    assert_true(fd >= 0);
    snprintf(request, sizeof request, "%s %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n%s\r\n",
             method, uri, headers);
    net_puts(fd, request);
    ssize_t n = net_read_all(fd, answer, sizeof answer - 1);
    close(fd);
    answer[n > 0 ? n : 0] = '\0';
    body = strstr(answer, "\r\n\r\n");
    body = body != NULL ? body + 4 : "";
    return n > 12 ? atoi(answer + 9) : 0;
}

int get(const char *uri, const char *headers)
{
    return ask("GET", uri, headers);
}

bool has(const char *header)
{
    return strstr(answer, header) != NULL;
}
