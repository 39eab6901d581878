/* SPDX-License-Identifier: GPL-3.0-or-later */
/* path.h - where files stand in the home. */
#ifndef RESTANTE_FLOW_PATH_H
#define RESTANTE_FLOW_PATH_H

#include "base/file.h"
#include "flow/core/services.h"

/* HOME/dir/hex(id)suffix. */
void home_path(const struct services *sv, char out[PATH_CAP], const char *dir, const uint8_t *id,
               size_t id_len, const char *suffix);

#endif
