/* SPDX-License-Identifier: GPL-3.0-or-later */
/* pull.c - the conversation of pull.h: one connection per FETCH, a window of open questions, lines
 * that are checked before they are believed. */
#include "lib.h"
#include "array.h"
#include "fd-util.h"
#include "ioloop.h"
#include "istream.h"
#include "net.h"
#include "ostream.h"
#include "str.h"
#include "pull.h"
#include "restante-plugin.h"
#include "shim.h"

#define ID_LEN 64
#define WINDOW 256        /* questions without an answer yet */
#define LINE_MAX_LEN 2048 /* of an answer */
#define SENTENCE_MAX 400  /* octets of it that a person sees */
#define ALIVE_MSECS (15 * 1000)
#define EXTRA_SECS 5 /* beyond the daemon's own limit: it knows better what to say */

struct item {
    char id[ID_LEN + 1];
    uint32_t message;
    bool first; /* of the items with this id: it carries the question */
    bool answered;
    bool ok;
    bool skipped;
};

struct pull {
    pool_t pool;
    struct pull_request request;
    unsigned int messages;
    ARRAY(struct item) items; /* sorted by id when asking begins */
    unsigned int next;        /* the item to ask about next */
    unsigned int open;        /* asked and not answered */
    int fd;
    struct istream *input;
    struct ostream *output;
    struct io *io;
    struct timeout *to_alive, *to_end;
    pull_callback *done, *alive;
    void *context;
    const char *error;
};

struct pull *pull_new(const struct pull_request *request)
{
    pool_t pool = pool_alloconly_create("restante pull", 2048);
    struct pull *p = p_new(pool, struct pull, 1);
    p->pool = pool;
    p->request = *request;
    p->request.part = p_strdup(pool, request->part);
    p->request.client = p_strdup(pool, request->client);
    p->fd = -1;
    i_array_init(&p->items, 8);
    return p;
}

void pull_add(struct pull *p, const char *id_hex, uint32_t message)
{
    struct item *it = array_append_space(&p->items);
    i_assert(strlen(id_hex) == ID_LEN);
    memcpy(it->id, id_hex, sizeof it->id);
    it->message = message;
}

unsigned int pull_count(const struct pull *p)
{
    return array_count(&p->items);
}

static int item_cmp(const struct item *a, const struct item *b)
{
    int ret = strcmp(a->id, b->id);
    return ret != 0 ? ret : a->message < b->message ? -1 : a->message > b->message;
}

static void set_error(struct pull *p, const char *text)
{
    if (p->error != NULL)
        return;
    string_t *s = str_new(p->pool, 128);
    for (; *text != '\0' && str_len(s) < SENTENCE_MAX; text++) {
        unsigned char c = (unsigned char)*text;
        str_append_c(s, c >= 0x20 && c < 0x7f ? c : '?');
    }
    p->error = str_len(s) == 0 ? TEXT_NO_DAEMON : str_c(s);
}

static void disconnect(struct pull *p)
{
    timeout_remove(&p->to_alive);
    timeout_remove(&p->to_end);
    io_remove(&p->io);
    i_stream_destroy(&p->input);
    o_stream_destroy(&p->output);
    i_close_fd(&p->fd);
}

static void finish(struct pull *p, const char *text)
{
    if (text != NULL)
        set_error(p, text);
    disconnect(p);
    p->done(p->context); /* may free p */
}

static void ask_more(struct pull *p)
{
    unsigned int count;
    struct item *items = array_get_modifiable(&p->items, &count);
    const struct pull_request *r = &p->request;
    o_stream_cork(p->output);
    for (; p->next < count && p->open < WINDOW; p->next++) {
        struct item *it = &items[p->next];
        if (!it->first)
            continue;
        T_BEGIN
        {
            o_stream_nsend_str(p->output,
                               t_strdup_printf("PULL %s n=%u peek=%d partial=%d octets=%" PRIu64
                                               " client=%s part=%s\n",
                                               it->id, p->messages, r->peek ? 1 : 0,
                                               r->partial ? 1 : 0, r->octets, r->client, r->part));
        }
        T_END;
        p->open++;
    }
    o_stream_uncork(p->output);
}

static struct item *find_first(struct pull *p, const char *id)
{
    unsigned int lo = 0, hi;
    struct item *items = array_get_modifiable(&p->items, &hi);
    unsigned int count = hi;
    while (lo < hi) {
        unsigned int mid = lo + (hi - lo) / 2;
        if (strcmp(items[mid].id, id) < 0)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo < count && strcmp(items[lo].id, id) == 0 ? &items[lo] : NULL;
}

/* "OK <id>", "SKIP <id>" or "NO <id> <sentence>". -1: not an answer this protocol knows. */
static int take_answer(struct pull *p, const char *line)
{
    bool ok = str_begins_with(line, "OK "), skip = str_begins_with(line, "SKIP ");
    const char *rest = line + (skip ? 5 : 3);
    if ((!ok && !skip && !str_begins_with(line, "NO ")) || strlen(rest) < ID_LEN ||
        (rest[ID_LEN] != '\0' && rest[ID_LEN] != ' '))
        return -1;
    char id[ID_LEN + 1];
    memcpy(id, rest, ID_LEN);
    id[ID_LEN] = '\0';
    struct item *it = find_first(p, id);
    if (it == NULL || it->answered || it - array_idx(&p->items, 0) >= (ptrdiff_t)p->next)
        return -1; /* never asked, or answered already */
    if (!ok && !skip)
        set_error(p, rest[ID_LEN] == '\0' ? "" : rest + ID_LEN + 1);
    it->answered = TRUE;
    const struct item *end = array_idx(&p->items, 0) + array_count(&p->items);
    for (; it < end && strcmp(it->id, id) == 0; it++) {
        it->ok = ok;
        it->skipped = skip;
    }
    p->open--;
    return 0;
}

static void pull_input(struct pull *p)
{
    const char *line;
    bool bad = FALSE;
    while (!bad && p->open > 0 && (line = i_stream_read_next_line(p->input)) != NULL) {
        T_BEGIN
        {
            bad = take_answer(p, line) < 0;
        }
        T_END;
    }
    if (bad) {
        i_error("restante: the daemon gave an answer that is not in the protocol");
        finish(p, TEXT_NO_DAEMON);
        return;
    }
    ask_more(p);
    if (p->open == 0)
        finish(p, NULL);
    else if (p->input->eof || p->input->stream_errno != 0 ||
             i_stream_get_data_size(p->input) >= LINE_MAX_LEN)
        finish(p, TEXT_NO_DAEMON);
}

static void pull_timeout(struct pull *p)
{
    finish(p, TEXT_WAITING);
}

static void pull_alive(struct pull *p)
{
    p->alive(p->context);
}

int pull_start(struct pull *p, unsigned int messages, pull_callback *done, pull_callback *alive,
               void *context)
{
    array_sort(&p->items, item_cmp);
    unsigned int count;
    struct item *items = array_get_modifiable(&p->items, &count);
    for (unsigned int i = 0; i < count; i++)
        items[i].first = i == 0 || strcmp(items[i].id, items[i - 1].id) != 0;
    p->fd = net_connect_unix(restante_set.socket);
    if (p->fd == -1) {
        set_error(p, TEXT_NO_DAEMON);
        return -1;
    }
    p->messages = messages;
    p->done = done;
    p->alive = alive;
    p->context = context;
    p->input = i_stream_create_fd(p->fd, LINE_MAX_LEN);
    p->output = o_stream_create_fd(p->fd, SIZE_MAX);
    o_stream_set_no_error_handling(p->output, TRUE);
    p->io = io_add_istream(p->input, pull_input, p);
    p->to_alive = timeout_add(ALIVE_MSECS, pull_alive, p);
    p->to_end = timeout_add((restante_set.wait_secs + EXTRA_SECS) * 1000, pull_timeout, p);
    ask_more(p);
    return 0;
}

void pull_missing(const struct pull *p,
                  void (*missing)(void *context, uint32_t message, bool skipped), void *context)
{
    const struct item *it;
    array_foreach(&p->items, it)
    {
        if (!it->ok)
            missing(context, it->message, it->skipped);
    }
}

const char *pull_error(const struct pull *p)
{
    return p->error != NULL ? p->error : TEXT_WAITING;
}

void pull_free(struct pull **_p)
{
    struct pull *p = *_p;
    if (p == NULL)
        return;
    *_p = NULL;
    disconnect(p);
    array_free(&p->items);
    pool_unref(&p->pool);
}
