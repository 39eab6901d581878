/* SPDX-License-Identifier: GPL-3.0-or-later */
/* goodbye.c - see goodbye.h. libcurl writes the MIME and speaks SMTP. */
#include "cli/goodbye.h"
#include "base/buf.h"
#include "daemon/home.h"
#include <curl/curl.h>
#include <stdio.h>
#include <string.h>

#define SEND_WAIT_S 60L

struct mail {
    CURL *curl;
    curl_mime *mime;
    struct curl_slist *fields, *receivers;
    struct buf password;
    char why[CURL_ERROR_SIZE];
};

static int add(struct curl_slist **list, const char *text)
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
    return add(&m->fields, line);
}

static int compose(struct mail *m, const struct config *c, const char *to, const char *subject,
                   const char *text)
{
    m->mime = curl_mime_init(m->curl);
    curl_mimepart *part = m->mime == NULL ? NULL : curl_mime_addpart(m->mime);
    return part == NULL || add_field(m, "From", c->address) < 0 || add_field(m, "To", to) < 0 ||
                   add_field(m, "Subject", subject) < 0 || add(&m->receivers, to) < 0 ||
                   curl_mime_data(part, text, CURL_ZERO_TERMINATED) != CURLE_OK ||
                   curl_mime_type(part, "text/plain; charset=utf-8") != CURLE_OK ||
                   curl_mime_encoder(part, "quoted-printable") != CURLE_OK
               ? -1
               : 0;
}

static CURLcode perform(struct mail *m, const struct config *c, const char *ca)
{
    char url[64];
    (void)snprintf(url, sizeof url, "smtps://localhost:%u", c->submission_port);
    (void)curl_easy_setopt(m->curl, CURLOPT_ERRORBUFFER, m->why);
    (void)curl_easy_setopt(m->curl, CURLOPT_PROXY, "");
    (void)curl_easy_setopt(m->curl, CURLOPT_CAINFO, ca);
    (void)curl_easy_setopt(m->curl, CURLOPT_URL, url);
    (void)curl_easy_setopt(m->curl, CURLOPT_USERNAME, c->address);
    (void)curl_easy_setopt(m->curl, CURLOPT_PASSWORD, buf_str(&m->password));
    (void)curl_easy_setopt(m->curl, CURLOPT_MAIL_FROM, c->address);
    (void)curl_easy_setopt(m->curl, CURLOPT_MAIL_RCPT, m->receivers);
    (void)curl_easy_setopt(m->curl, CURLOPT_HTTPHEADER, m->fields);
    (void)curl_easy_setopt(m->curl, CURLOPT_MIMEPOST, m->mime);
    (void)curl_easy_setopt(m->curl, CURLOPT_TIMEOUT, SEND_WAIT_S);
    (void)curl_easy_setopt(m->curl, CURLOPT_NOSIGNAL, 1L);
    return curl_easy_perform(m->curl);
}

int goodbye_send(const struct config *c, const char *to, const char *subject, const char *text,
                 struct error *e)
{
    struct mail m = {.curl = curl_easy_init(), .password = BUF_INIT(64)};
    char ca[PATH_CAP];
    int rc = config_path(c, "tls/ca.pem", ca, e);
    if (rc == 0)
        rc = home_read_secret(c->home, "secret/password", &m.password, e);
    while (m.password.len > 0 && m.password.data[m.password.len - 1] <= ' ')
        m.password.len--;
    if (rc == 0 && (m.curl == NULL || compose(&m, c, to, subject, text) < 0))
        rc = error_set(e, "There is not enough memory.");
    if (rc == 0) {
        CURLcode code = perform(&m, c, ca);
        if (code != CURLE_OK)
            rc = error_set(e, "The mail to %s was not accepted: %.300s.", to,
                           m.why[0] == '\0' ? curl_easy_strerror(code) : m.why);
    }
    curl_mime_free(m.mime);
    curl_slist_free_all(m.fields);
    curl_slist_free_all(m.receivers);
    curl_easy_cleanup(m.curl);
    buf_wipe(&m.password);
    return rc;
}
