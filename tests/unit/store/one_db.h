/* SPDX-License-Identifier: GPL-3.0-or-later */
/* one_db.h - for a program whose tests all work on one database, which is new for each of them. */
#ifndef RESTANTE_ONE_DB_H
#define RESTANTE_ONE_DB_H

#include "store_test.h"

static struct db db;

static int setup(void **state)
{
    test_db(&db);
    return 0;
}

static int teardown(void **state)
{
    db_close(&db);
    return 0;
}

#endif
