/* SPDX-License-Identifier: GPL-3.0-or-later */
/* service.h - a running peer: everything that main starts, in one place, in the order of starting.
 */
#ifndef RESTANTE_DAEMON_SERVICE_H
#define RESTANTE_DAEMON_SERVICE_H

#include "base/buf.h"
#include "daemon/config.h"
#include "daemon/dht_process.h"
#include "daemon/dovecot.h"
#include "flow/core/services.h"
#include "flow/receiver/policy.h"
#include "net/line_server.h"
#include "net/smtp_server.h"
#include "dht/dht.h"
#include <uv.h>

#define CLIENTS_SEEN 16
#define OWN_MAX (4 * ENDPOINTS_MAX)

struct service {
    uv_loop_t *loop;
    struct config config;
    struct services services;
    struct endpoint endpoints[ENDPOINTS_MAX];
    struct sockaddr_storage own[OWN_MAX]; /* the addresses among them, and those of their names */
    struct names *names;
    struct here *here;
    struct buf secret; /* own secret key */
    char password[64];
    char relay_password[33];
    uint8_t stub_key[HASH_LEN];
    struct smtp_server *smtp;
    struct line_server *control, *plugin;
    struct { /* mail clients that read here, by the names they give (plugin_socket.c) */
        char name[CLIENT_NAME_MAX + 1];
        int64_t at_ms;
    } seen[CLIENTS_SEEN];
    struct dht_process *dht_process;
    int launcher; /* from launcher_fork; dovecot_start takes it */
    struct dovecot *dovecot;
    bool dovecot_ready;
    int64_t started_ms;
    struct checks_watch *health;
    struct home_gone *home_gone;
    struct installed *installed;
    bool start_anew; /* after the end: the exit status is PROGRAM_ANEW */
    _Atomic int64_t
        fetched_ms; /* when somebody last fetched a blob here, by clock_mono_ms(); 0: not yet */
    bool stopping;
    uv_signal_t *signals[3];
    uv_timer_t *stop_timer;
};

/* Configuration, secrets and rows only: for a look at the home while no peer runs. */
int service_open_rows(struct service *s, const char *home, struct error *e);
/* 0: everything runs on s->loop. -1 and e: nothing is left but what service_free takes. */
int service_start(struct service *s, const char *home, struct error *e);
/* Begins a clean stop (service_stop.c): the loop ends by itself, within some seconds. May be called
 * again. */
void service_stop(struct service *s);
/* After a failed start: ends the programs that were started. The process is to exit then. */
void service_abort(struct service *s);
/* After the loop has ended. */
void service_free(struct service *s);

#endif
