/* SPDX-License-Identifier: GPL-3.0-or-later */
/* checks_parts.h - what the two files of the running peer's health share: checks_watch.c looks,
 * checks_parts.c says what it means. Private to them. */
#ifndef RESTANTE_DAEMON_CHECK_PARTS_H
#define RESTANTE_DAEMON_CHECK_PARTS_H

#include "daemon/checks_watch.h"
#include "base/jobs.h"

#define WATCH_WAITERS_MAX 64

enum endpoint_answer { ENDPOINT_UNKNOWN, ENDPOINT_ANSWERS, ENDPOINT_SILENT, ENDPOINT_FOREIGN };

struct endpoint_look {
    enum endpoint_answer state;
    char why[200]; /* when SILENT */
};

struct checks_waiter {
    void (*done)(void *ctx);
    void *ctx;
};

struct checks_watch {
    struct job job; /* first: the look at the disk */
    struct service *service;
    uv_timer_t *timer;
    bool disk_busy;
    struct disk_look looked, disk; /* the worker's; the last result */
    int64_t disk_ms, endpoints_ms; /* when they were looked at; 0: never */
    struct endpoint_look endpoint[ENDPOINTS_MAX];
    struct http_fetch *fetch;
    struct buf body;
    size_t at; /* the endpoint that is asked */
    struct checks_waiter waiter[WATCH_WAITERS_MAX];
    size_t waiting;
    struct checks told; /* what the log knows */
};

#endif
