/* SPDX-License-Identifier: GPL-3.0-or-later */
/* about.c - see about.h. A receiver gets its notification id when its message is sealed. */
#include "store/about.h"
#include "base/crypt.h"
#include "store/db.h"
#include <stdio.h>
#include <string.h>

#define ID_OCTETS (ABOUT_DIGITS / 2)

static const char *const sql[] = {
    [ABOUT_MESSAGE] = "SELECT id,NULL,NULL FROM message WHERE n=?",
    [ABOUT_BLOB] =
        "SELECT m.id,b.hash,NULL FROM blob b JOIN message m ON m.n=b.message WHERE b.n=?",
    [ABOUT_RECEIVER] =
        "SELECT m.id,r.nid,r.address FROM receiver r JOIN message m ON m.n=r.message WHERE r.n=?",
    [ABOUT_INCOMING] = "SELECT nid,NULL,sender FROM incoming WHERE n=?",
    [ABOUT_REPLICA] = "SELECT hash,NULL,owner FROM replica WHERE n=?",
    [ABOUT_REPLICA_NS] = "SELECT blob,NULL,owner FROM replica_ns WHERE n=?",
};

void about_ids(const uint8_t *id, const uint8_t *id2, const char *peer, char out[ABOUT_CAP])
{
    char first[ABOUT_DIGITS + 1], second[ABOUT_DIGITS + 1] = "";
    hex_encode(id, ID_OCTETS, first);
    if (id2 != NULL)
        hex_encode(id2, ID_OCTETS, second);
    (void)snprintf(out, ABOUT_CAP, "%s%s%s%s%s", first, id2 == NULL ? "" : " ", second,
                   peer == NULL ? "" : " ", peer == NULL ? "" : peer);
}

/* NULL when there is none. */
static const uint8_t *id_of(sqlite3_stmt *q, int i)
{
    return sqlite3_column_bytes(q, i) < ID_OCTETS ? NULL : sqlite3_column_blob(q, i);
}

void about_row(struct db *db, enum about what, int64_t n, char out[ABOUT_CAP])
{
    (void)strcpy(out, "?");
    if (sql[what] == NULL)
        return;
    sqlite3_stmt *q = db_query(db, sql[what], "i", n);
    if (!db_row(q, NULL))
        return;
    const uint8_t *id = id_of(q, 0);
    if (id != NULL)
        about_ids(id, id_of(q, 1), (const char *)sqlite3_column_text(q, 2), out);
    (void)sqlite3_reset(q);
}
