/* SPDX-License-Identifier: GPL-3.0-or-later */
/* request.c - see request.h. */
#include "dht/request.h"
#include "base/mem.h"
#include <stdlib.h>
#include <string.h>

#define IDS_MAX (100 * 1000 * DHT_ID_LEN) /* octets of one list */

struct dht_request *request_new(enum frame_verb verb, const char *key, void *ctx)
{
    struct dht_request *r = mem_new(sizeof *r);
    r->verb = verb;
    r->ctx = ctx;
    r->ids.cap = IDS_MAX;
    if (key != NULL)
        entry_infohash(key, r->infohash);
    return r;
}

void request_free(struct dht_request *r)
{
    buf_free(&r->ids);
    free(r);
}

void request_done(struct dht_request *r, const char *why)
{
    enum dht_result result = why == NULL                           ? DHT_OK
                             : strcmp(why, FRAME_WHY_ABSENT) == 0  ? DHT_WAS_ABSENT
                             : strcmp(why, FRAME_WHY_DELETED) == 0 ? DHT_WAS_DELETED
                                                                   : DHT_FAILED;
    r->fn.done(r->ctx, result, why);
}

void request_fail(struct dht_request *r, const char *why)
{
    switch (r->verb) {
    case FRAME_PUT:
    case FRAME_ADD:
    case FRAME_DEL:
    case FRAME_WARM:
    case FRAME_DROP:
        request_done(r, why);
        break;
    case FRAME_LIST:
        r->fn.list(r->ctx, false, NULL, 0);
        break;
    case FRAME_GET:
        r->fn.value(r->ctx, false, NULL);
        break;
    case FRAME_LOOK:
        r->fn.look(r->ctx, false, DHT_ABSENT);
        break;
    case FRAME_STATUS:
        r->fn.status(r->ctx, false, NULL);
        break;
    default:
        break;
    }
}
