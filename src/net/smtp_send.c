/* SPDX-License-Identifier: GPL-3.0-or-later */
/* smtp_send.c - see smtp_send.h. */
#include "net/smtp_send.h"
#include "proto/limits.h"
#include <curl/curl.h>
#include <stdio.h>

#define SEND_WAIT_S 60L

struct mail {
    CURL *curl;
    curl_mime *mime;
    struct curl_slist *fields, *recipients;
    char why[CURL_ERROR_SIZE];
};

static int field_add(struct curl_slist **list, const char *text)
{
    struct curl_slist *l = curl_slist_append(*list, text);
    if (l == NULL)
        return -1;
    *list = l;
    return 0;
}

static int add_field(struct mail *m, const char *name, const char *value)
{
    char line[ADDRESS_MAX + 400];
    if (snprintf(line, sizeof line, "%s: %s", name, value) >= (int)sizeof line)
        return -1;
    return field_add(&m->fields, line);
}

static int compose(struct mail *m, const char *from, const char *to, const char *subject,
                   const char *text)
{
    m->mime = curl_mime_init(m->curl);
    curl_mimepart *part = m->mime == NULL ? NULL : curl_mime_addpart(m->mime);
    return part == NULL || add_field(m, "From", from) < 0 || add_field(m, "To", to) < 0 ||
                   add_field(m, "Subject", subject) < 0 || field_add(&m->recipients, to) < 0 ||
                   curl_mime_data(part, text, CURL_ZERO_TERMINATED) != CURLE_OK ||
                   curl_mime_type(part, "text/plain; charset=utf-8") != CURLE_OK ||
                   curl_mime_encoder(part, "quoted-printable") != CURLE_OK
               ? -1
               : 0;
}

static CURLcode perform(struct mail *m, const struct smtp_account *a)
{
    char url[64];
    (void)snprintf(url, sizeof url, "smtps://localhost:%u", a->port);
    (void)curl_easy_setopt(m->curl, CURLOPT_ERRORBUFFER, m->why);
    (void)curl_easy_setopt(m->curl, CURLOPT_PROXY, "");
    (void)curl_easy_setopt(m->curl, CURLOPT_CAINFO, a->ca);
    (void)curl_easy_setopt(m->curl, CURLOPT_URL, url);
    (void)curl_easy_setopt(m->curl, CURLOPT_USERNAME, a->address);
    (void)curl_easy_setopt(m->curl, CURLOPT_PASSWORD, a->password);
    (void)curl_easy_setopt(m->curl, CURLOPT_MAIL_FROM, a->address);
    (void)curl_easy_setopt(m->curl, CURLOPT_MAIL_RCPT, m->recipients);
    (void)curl_easy_setopt(m->curl, CURLOPT_HTTPHEADER, m->fields);
    (void)curl_easy_setopt(m->curl, CURLOPT_MIMEPOST, m->mime);
    (void)curl_easy_setopt(m->curl, CURLOPT_TIMEOUT, SEND_WAIT_S);
    (void)curl_easy_setopt(m->curl, CURLOPT_NOSIGNAL, 1L);
    return curl_easy_perform(m->curl);
}

int smtp_send(const struct smtp_account *a, const char *to, const char *subject, const char *text,
              struct error *e)
{
    struct mail m = {.curl = curl_easy_init()};
    int rc = 0;
    if (m.curl == NULL || compose(&m, a->address, to, subject, text) < 0)
        rc = error_set(e, "There is not enough memory.");
    CURLcode code = rc == 0 ? perform(&m, a) : CURLE_OK;
    if (code != CURLE_OK)
        rc = error_set(e, "The mail to %s was not accepted: %.300s.", to,
                       m.why[0] == '\0' ? curl_easy_strerror(code) : m.why);
    curl_mime_free(m.mime);
    curl_slist_free_all(m.fields);
    curl_slist_free_all(m.recipients);
    curl_easy_cleanup(m.curl);
    return rc;
}
