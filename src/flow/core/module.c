/* SPDX-License-Identifier: GPL-3.0-or-later */
/* module.c - see module.h and events.h. */
#include "flow/core/module.h"
#include "base/mem.h"
#include <stdlib.h>

void *module_state(const struct services *sv, const void *key)
{
    for (size_t i = 0; i < MODULES_MAX && sv->modules[i].of != NULL; i++)
        if (sv->modules[i].of == key || sv->modules[i].of->key == key)
            return sv->modules[i].state;
    return NULL;
}

/* The module's place, a new one if it has none yet; NULL: all are taken. */
static void **module_place_of(struct services *sv, const struct module *m)
{
    for (size_t i = 0; i < MODULES_MAX; i++) {
        if (sv->modules[i].of == NULL)
            sv->modules[i].of = m;
        if (sv->modules[i].of == m)
            return &sv->modules[i].state;
    }
    return NULL;
}

void *module_new(struct services *sv, const struct module *m, size_t size)
{
    void **at = module_place_of(sv, m);
    return at == NULL ? NULL : (*at = mem_new(size));
}

int modules_start(struct services *sv, const struct module *const *all, struct error *e)
{
    for (size_t i = 0; all[i] != NULL; i++) {
        if (module_place_of(sv, all[i]) == NULL)
            return error_set(e, "There are more modules than MODULES_MAX.");
        if (all[i]->start != NULL && all[i]->start(sv, e) < 0)
            return -1;
    }
    return 0;
}

void modules_stop(struct services *sv, const struct module *const *all)
{
    for (size_t i = 0; all[i] != NULL; i++)
        if (all[i]->stop != NULL)
            all[i]->stop(sv);
}

void modules_free(struct services *sv, const struct module *const *all)
{
    size_t n = 0;
    while (all[n] != NULL)
        n++;
    while (n-- > 0) {
        if (all[n]->free != NULL)
            all[n]->free(sv);
        void **at = module_place_of(sv, all[n]);
        if (at == NULL)
            continue;
        free(*at);
        *at = NULL;
    }
}

void event_raise(struct services *sv, enum event what)
{
    for (size_t i = 0; i < MODULES_MAX && sv->modules[i].of != NULL && !sv->stopping; i++)
        if (sv->modules[i].of->on != NULL)
            sv->modules[i].of->on(sv, what);
}
