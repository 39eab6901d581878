/* SPDX-License-Identifier: GPL-3.0-or-later */
/* message_log.h - lines of the log on a message's way. Each begins with the ids of the message and
 * the other peer (store/about.h), so that `restante trace` and grep find it: what is about one
 * message is logged through here. On the loop's thread only. */
#ifndef RESTANTE_FLOW_MESSAGE_LOG_H
#define RESTANTE_FLOW_MESSAGE_LOG_H

#include "base/log.h"
#include "flow/core/services.h"
#include "store/about.h"

/* About a committed row. */
void message_log(const struct services *sv, enum log_level level, const char *area, enum about what,
                 int64_t n, const char *fmt, ...) __attribute__((format(printf, 6, 7)));
/* About what has no row here, or none yet: by its id (of at least 8 octets) and peer (NULL: none).
 */
void message_log_id(enum log_level level, const char *area, const uint8_t *id, const char *peer,
                    const char *fmt, ...) __attribute__((format(printf, 5, 6)));

#define message_warn(sv, what, n, ...) message_log(sv, LOG_WARN, LOG_AREA, what, n, __VA_ARGS__)
#define message_info(sv, what, n, ...) message_log(sv, LOG_INFO, LOG_AREA, what, n, __VA_ARGS__)
#define id_warn(id, peer, ...) message_log_id(LOG_WARN, LOG_AREA, id, peer, __VA_ARGS__)
#define id_info(id, peer, ...) message_log_id(LOG_INFO, LOG_AREA, id, peer, __VA_ARGS__)

/* About the row of a step under way (flow/core/step.h). */
#define work_log(w, level, ...)                                                                    \
    message_log((w)->services, level, LOG_AREA, (w)->step->queue->about, (w)->n, __VA_ARGS__)
#define work_error(w, ...) work_log(w, LOG_ERROR, __VA_ARGS__)
#define work_warn(w, ...) work_log(w, LOG_WARN, __VA_ARGS__)
#define work_info(w, ...) work_log(w, LOG_INFO, __VA_ARGS__)

#endif
