/* SPDX-License-Identifier: GPL-3.0-or-later */
/* module.h - a part of the flow that has a state of its own, timers or listeners. Its file exports
 * one struct module; flow.c has the list of all. */
#ifndef RESTANTE_FLOW_MODULE_H
#define RESTANTE_FLOW_MODULE_H

#include "flow/core/events.h"
#include "flow/core/services.h"

struct module { /* each member may be NULL */
    /* Names its state for module_state, where files that the module calls need it too (a module is
     * above them); NULL: the module itself does. */
    const void *key;
    int (*start)(struct services *sv, struct error *e);
    void (*on)(struct services *sv, enum event what); /* between start and stop */
    void (*stop)(struct services *sv); /* no new work; also when start was never called */
    void (*free)(struct services *sv); /* after the loop has run out; the state is freed after it */
};

/* The module's state, by the module or its key; NULL before module_new and after the end. */
void *module_state(const struct services *sv, const void *key);
/* Makes it: zero, of this size. NULL: there are MODULES_MAX others, which modules_start refuses. */
void *module_new(struct services *sv, const struct module *m, size_t size);

/* Starts all of a list that ends with NULL, in its order; -1 and e at the first that fails. */
int modules_start(struct services *sv, const struct module *const *all, struct error *e);
void modules_stop(struct services *sv, const struct module *const *all);
/* In the opposite order; frees the states. */
void modules_free(struct services *sv, const struct module *const *all);

#endif
