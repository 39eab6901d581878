/* SPDX-License-Identifier: GPL-3.0-or-later */
/* service.c - see service.h. */
#include "daemon/service.h"
#include "base/clock.h"
#include "base/log.h"
#include "daemon/control.h"
#include "daemon/checks_watch.h"
#include "daemon/home_gone.h"
#include "daemon/control_invite.h"
#include "daemon/here.h"
#include "daemon/home.h"
#include "daemon/installed.h"
#include "daemon/names.h"
#include "daemon/plugin_socket.h"
#include "daemon/program.h"
#include "daemon/secrets.h"
#include "daemon/tls.h"
#include "flow/sender/submit.h"
#include "pgp/pgp.h"
#include "mime/mime.h"
#include "net/http_client.h"
#include "net/http_server.h"
#include "base/file.h"
#include "base/jobs.h"
#include "base/mem.h"
#include "flow/flow.h"
#include <arpa/inet.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#define LOG_AREA "daemon"

static int64_t ms(double seconds)
{
    return (int64_t)(seconds * 1000);
}

static bool is_relay(void *ctx, const char *address)
{
    const struct config *c = ctx;
    for (size_t i = 0; i < c->relays.count; i++)
        if (strcmp(c->relays.item[i], address) == 0)
            return true;
    return false;
}

static void set_flow_config(struct service *s)
{
    const struct config *c = &s->config;
    struct flow_config *f = &s->services.c;
    f->home = c->home;
    f->address = c->address;
    f->network = c->network;
    f->strangers = strcmp(c->strangers, "requests") == 0  ? STRANGERS_REQUESTS
                   : strcmp(c->strangers, "nowhere") == 0 ? STRANGERS_NOWHERE
                                                          : STRANGERS_INBOX;
    f->allow_foreign_from = c->allow_foreign_from;
    f->private_addresses = c->private_addresses;
    f->has_bootstrap = c->bootstrap.count > 0 || c->dht_socket[0] != '\0';
    f->is_relay = is_relay;
    f->relay_ctx = &s->config;
    f->shard_at = c->shard_at;
    f->validity = ms(c->validity_s);
    f->sent_wait = ms(c->sent_wait_s);
    f->open_wait = ms(c->open_wait_s);
    f->poll = ms(c->poll_s);
    f->retry = ms(c->retry_s);
    f->descriptor = ms(c->descriptor_s);
    f->reput = ms(c->reput_s);
    f->expunge_scan = ms(c->sweep_s);
    f->decline_grace = ms(c->decline_grace_s);
    f->trash_grace = ms(c->trash_grace_s);
    f->expiry_grace = ms(c->expiry_grace_s);
    f->group_life = ms(c->group_life_s);
    f->quota = (uint64_t)c->group_quota_mib << 20;
    f->give_up = ms(c->give_up_s);
    f->pull_before = ms(c->pull_before_s);
    f->pull_before_max = c->pull_before_max;
    f->cancel_grace = ms(c->cancel_grace_s);
}

static void *pgp_thread_start(void *arg)
{
    struct service *s = arg;
    struct pgp *pgp = NULL;
    struct error e = {""};
    if (pgp_new(&pgp, &e) < 0 || pgp_load_secret(pgp, s->secret.data, s->secret.len, &e) < 0) {
        log_error("an OpenPGP thread cannot start: %s", e.text);
        pgp_free(&pgp);
    }
    return pgp;
}

static void pgp_thread_stop(void *ctx)
{
    struct pgp *pgp = ctx;
    pgp_free(&pgp);
}

static int start_threads(struct service *s, struct error *e)
{
    unsigned cores = uv_available_parallelism();
    struct jobs_config pgp = {.name = "openpgp",
                              .threads = (cores > 8   ? 8
                                          : cores < 2 ? 2
                                                      : cores) +
                                         1,
                              .small_threads = 1,
                              .thread_start = pgp_thread_start,
                              .thread_stop = pgp_thread_stop,
                              .arg = s};
    struct jobs_config follower = pgp;
    follower.name = "follower";
    follower.threads = 1;
    follower.small_threads = 0;
    struct jobs_config files = {.name = "files", .threads = 8};
    s->services.pgp = jobs_create(s->loop, &pgp, e);
    s->services.stream_worker = s->services.pgp == NULL ? NULL : jobs_create(s->loop, &follower, e);
    buf_wipe(&s->secret);
    if (s->services.stream_worker == NULL)
        return -1;
    s->services.files = jobs_create(s->loop, &files, e);
    return s->services.files == NULL ? -1 : 0;
}

static void on_link(void *ctx, enum dht_link link)
{
    struct service *s = ctx;
    if (link != DHT_DOWN)
        dht_process_answers(s->dht_process);
    if (!s->stopping && s->services.steps != NULL)
        flow_link(&s->services, link);
}

static int start_faces(struct service *s, struct error *e)
{
    struct config *c = &s->config;
    char outbox[PATH_CAP], replica[PATH_CAP], mime[PATH_CAP], socket[PATH_CAP];
    if (config_path(c, "outbox", outbox, e) < 0 || config_path(c, "replica", replica, e) < 0 ||
        program_find("restante-mime", mime, e) < 0 || config_path(c, "run/dht.sock", socket, e) < 0)
        return -1;
    struct http_server_config http = {.host = c->http_bind,
                                      .port = c->http_port,
                                      .outbox_dir = outbox,
                                      .replica_dir = replica,
                                      .max_connections = 500,
                                      .max_per_ip = 100,
                                      .idle_seconds = 60,
                                      .on_fetch = checks_watch_fetched,
                                      .ctx = s};
    struct http_client_config client = {.socks = c->socks[0] != '\0' ? c->socks : NULL};
    s->services.server = http_server_start(&http, e);
    if (s->services.server == NULL ||
        (s->services.http = http_client_new(s->loop, &client, e)) == NULL ||
        (s->services.mime = mime_new(s->loop, mime, e)) == NULL)
        return -1;
    mime_start(s->services.mime);
    if (c->dht_socket[0] == '\0' && (s->dht_process = dht_process_start(s->loop, c, e)) == NULL)
        return -1;
    s->services.dht =
        dht_connect(s->loop, c->dht_socket[0] != '\0' ? c->dht_socket : socket, on_link, s, e);
    return s->services.dht == NULL ? -1 : 0;
}

static void dovecot_ready(void *ctx)
{
    struct service *s = ctx;
    s->dovecot_ready = true;
    log_info("ready: IMAP on port %u, submission on port %u", s->config.imap_port,
             s->config.submission_port);
}

static void dovecot_died(void *ctx)
{
    ((struct service *)ctx)->dovecot_ready = false;
}

static int start_mail(struct service *s, struct error *e)
{
    const struct config *c = &s->config;
    uint8_t r[16];
    char plugins[PATH_CAP], key[PATH_CAP], socket[PATH_CAP];
    random_bytes(r, sizeof r);
    hex_encode(r, sizeof r, s->relay_password);
    struct smtp_config smtp = {.host = "127.0.0.1",
                               .name = "restante",
                               .user = "relay",
                               .password = s->relay_password,
                               .max_sessions = 100,
                               .max_rcpts = RCPTS_MAX,
                               .idle_seconds = 600,
                               .handler = &submit_handler,
                               .ctx = &s->services};
    s->smtp = smtp_server_start(s->loop, &smtp, e);
    if (s->smtp == NULL || control_start(s, e) < 0 || plugin_socket_start(s, e) < 0 ||
        program_plugin_dir(plugins, e) < 0 || config_path(c, "secret/stub.key", key, e) < 0 ||
        config_path(c, "run/plugin.sock", socket, e) < 0)
        return -1;
    struct dovecot_config d = {.launcher = s->launcher,
                               .home = c->home,
                               .address = c->address,
                               .password = s->password,
                               .imap_port = c->imap_port,
                               .submission_port = c->submission_port,
                               .relay_port = smtp_server_port(s->smtp),
                               .relay_user = "relay",
                               .relay_password = s->relay_password,
                               .plugin_dir = plugins,
                               .plugin_socket = socket,
                               .stub_key = key,
                               .wait_s = (int64_t)c->open_wait_s < 1 ? 1 : (int64_t)c->open_wait_s,
                               .ready = dovecot_ready,
                               .died = dovecot_died,
                               .ctx = s};
    s->dovecot = dovecot_start(s->loop, &d, e);
    return s->dovecot == NULL ? -1 : 0;
}

static int set_instance_run(struct db *db, void *arg)
{
    return meta_set(db, "instance", arg, INSTANCE_LEN);
}

static int open_store(struct service *s, struct error *e)
{
    char path[PATH_CAP];
    if (config_path(&s->config, "state.db", path, e) < 0 ||
        secrets_check_database(s->config.home, path, e) < 0)
        return -1;
    s->services.store = store_open(s->loop, path, e);
    if (s->services.store == NULL)
        return -1;
    if (meta_get(store_reader(s->services.store), "instance", s->services.instance, INSTANCE_LEN) <
        0) {
        random_bytes(s->services.instance, INSTANCE_LEN);
        store_do(s->services.store, set_instance_run, NULL, s->services.instance);
    }
    return 0;
}

static void on_signal(uv_signal_t *h, int signal)
{
    log_info("signal %d: stopping", signal);
    service_stop(h->data);
}

/* The logs are opened anew, for who moves them away; of the settings the log's level counts at
 * once. */
static void on_hangup(uv_signal_t *h, int signal)
{
    struct service *s = h->data;
    struct error e = {""};
    struct config *c = s->stopping ? NULL : mem_new(sizeof *c);
    if (c == NULL)
        return;
    int level = config_load(c, s->config.home, &e) < 0 ? -1 : log_level_parse(c->log_level);
    if (e.text[0] != '\0')
        log_warn("SIGHUP: the configuration cannot be used and was ignored: %s", e.text);
    else if (log_reopen(level < 0 ? LOG_INFO : (enum log_level)level) < 0)
        log_warn("SIGHUP: the log cannot be reopened; the old one is used");
    else
        log_info(
            "SIGHUP: the logs were reopened, the log level is %s; other settings take effect after "
            "`restante restart`",
            c->log_level);
    free(c);
    if (s->dovecot != NULL)
        dovecot_reopen_log(s->dovecot);
}

static int watch_signals(struct service *s)
{
    static const int which[3] = {SIGTERM, SIGINT, SIGHUP};
    for (int i = 0; i < 3; i++) {
        s->signals[i] = mem_new(sizeof **s->signals);
        if (uv_signal_init(s->loop, s->signals[i]) < 0)
            return -1;
        s->signals[i]->data = s;
        (void)uv_signal_start(s->signals[i], which[i] == SIGHUP ? on_hangup : on_signal, which[i]);
    }
    (void)signal(SIGPIPE, SIG_IGN);
    return 0;
}

int service_open_rows(struct service *s, const char *home, struct error *e)
{
    s->loop = uv_default_loop();
    s->services.loop = s->loop;
    if (home_check(home, e) < 0 || config_load(&s->config, home, e) < 0)
        return -1;
    set_flow_config(s);
    return secrets_load(s, e) < 0 || open_store(s, e) < 0 ? -1 : 0;
}

int service_start(struct service *s, const char *home, struct error *e)
{
    s->loop = uv_default_loop();
    s->started_ms = clock_mono_ms();
    s->services.loop = s->loop;
    if (home_check(home, e) < 0 || config_load(&s->config, home, e) < 0 ||
        home_make_folders(home, e) < 0 || home_drop_temporaries(home, e) < 0 ||
        tls_prepare(home, s->config.address, e) < 0)
        return -1;
    set_flow_config(s);
    if (here_set(s, e) < 0 || secrets_load(s, e) < 0 || open_store(s, e) < 0 ||
        start_threads(s, e) < 0)
        return -1;
    invite_nodes_take(s);
    if (start_faces(s, e) < 0 || flow_start(&s->services, e) < 0 || start_mail(s, e) < 0 ||
        checks_watch_start(s, e) < 0 || home_gone_start(s, service_stop, e) < 0 ||
        installed_start(s, service_stop, e) < 0)
        return -1;
    invite_waiting_take(s);
    if (watch_signals(s) < 0)
        return error_set(e, "Signals cannot be watched.");
    names_start(s);
    here_start(s);
    log_info("%s starts; outbox at port %u", s->config.address,
             http_server_port(s->services.server));
    return 0;
}

void service_abort(struct service *s)
{
    s->stopping = true;
    s->services.stopping = true;
    dht_process_stop(&s->dht_process);
    http_server_stop(&s->services.server);
    store_close(&s->services.store);
}

void service_free(struct service *s)
{
    flow_free(&s->services);
    checks_watch_free(s);
    buf_wipe(&s->secret);
    wipe(s->password, sizeof s->password);
    wipe(s->relay_password, sizeof s->relay_password);
}
