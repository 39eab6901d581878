/* SPDX-License-Identifier: GPL-3.0-or-later */
/* options.h - the command line of restante-dht. */
#ifndef RESTANTE_DHTD_OPTIONS_H
#define RESTANTE_DHTD_OPTIONS_H

#include "engine.h"
#include "resolver.h"
#include <string>
#include <vector>

struct Options {
    EngineConfig engine;
    std::string socket, state, log;
    std::vector<Resolver::Host> bootstraps;
    bool tied = false; /* end when standard input does */
    bool verbose = false;
};

/* Fills o. Returns -1 to go on, or the exit status after --help, --version or an error (which was
 * printed). */
int read_options(int argc, char **argv, Options &o);

#endif
