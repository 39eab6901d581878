/* SPDX-License-Identifier: GPL-3.0-or-later */
/* mailbox.c - see mailbox.h. */
#include "net/mailbox.h"
#include "base/mem.h"
#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>

#define INBOX "imap://127.0.0.1/INBOX" /* the host is for libcurl's form alone */

struct mailbox {
    CURL *curl;
};

static size_t mailbox_take(char *p, size_t one, size_t n, void *ctx)
{
    return buf_append(ctx, p, one * n) < 0 ? 0 : one * n;
}

struct mailbox *mailbox_new(const char *socket, long seconds, struct error *e)
{
    struct mailbox *m = mem_new(sizeof *m);
    if ((m->curl = curl_easy_init()) == NULL) {
        free(m);
        (void)error_set(e, "libcurl does not start");
        return NULL;
    }
    (void)curl_easy_setopt(m->curl, CURLOPT_UNIX_SOCKET_PATH, socket);
    (void)curl_easy_setopt(m->curl, CURLOPT_WRITEFUNCTION, mailbox_take);
    (void)curl_easy_setopt(m->curl, CURLOPT_TIMEOUT, seconds);
    (void)curl_easy_setopt(m->curl, CURLOPT_NOSIGNAL, 1L);
    (void)curl_easy_setopt(m->curl, CURLOPT_PROXY, "");
    return m;
}

static bool perform(struct mailbox *m, const char *url, const char *command, struct buf *out)
{
    buf_consume(out, out->len);
    (void)curl_easy_setopt(m->curl, CURLOPT_URL, url);
    (void)curl_easy_setopt(m->curl, CURLOPT_CUSTOMREQUEST, command);
    (void)curl_easy_setopt(m->curl, CURLOPT_WRITEDATA, out);
    return curl_easy_perform(m->curl) == CURLE_OK;
}

bool mailbox_ask(struct mailbox *m, const char *command, struct buf *out)
{
    return perform(m, INBOX, command, out);
}

bool mailbox_read(struct mailbox *m, unsigned uid, struct buf *out)
{
    char url[64];
    (void)snprintf(url, sizeof url, INBOX "/;UID=%u", uid);
    return perform(m, url, NULL, out);
}

void mailbox_free(struct mailbox **mp)
{
    if (*mp != NULL)
        curl_easy_cleanup((*mp)->curl);
    free(*mp);
    *mp = NULL;
}
