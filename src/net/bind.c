/* SPDX-License-Identifier: GPL-3.0-or-later */
/* bind.c - see bind.h. */
#include "net/bind.h"
#include <arpa/inet.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

/* Removes a socket file that nobody listens on; -1 when somebody does. */
static int remove_stale(const struct sockaddr_un *sun, struct error *e)
{
    struct stat st;
    if (lstat(sun->sun_path, &st) != 0) {
        return errno == ENOENT
                   ? 0
                   : error_set(e, "Cannot look at %s: %s", sun->sun_path, strerror(errno));
    }
    if (!S_ISSOCK(st.st_mode))
        return error_set(e, "%s is in the way: it is not a socket", sun->sun_path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return error_set(e, "Cannot make a socket: %s", strerror(errno));
    int r = connect(fd, (const struct sockaddr *)sun, sizeof *sun);
    bool alive = r == 0 || errno == EAGAIN;
    close(fd);
    if (alive)
        return error_set(e, "Another program already listens on %s", sun->sun_path);
    if (unlink(sun->sun_path) != 0 && errno != ENOENT)
        return error_set(e, "Cannot remove the old socket %s: %s", sun->sun_path, strerror(errno));
    return 0;
}

int bind_unix(const char *path, struct error *e)
{
    struct sockaddr_un sun = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof sun.sun_path) {
        return error_set(e, "The path of the socket is longer than %zu bytes: %s",
                         sizeof sun.sun_path - 1, path);
    }
    memcpy(sun.sun_path, path, strlen(path) + 1);
    if (remove_stale(&sun, e) != 0)
        return -1;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return error_set(e, "Cannot make a socket: %s", strerror(errno));
    /* On Linux the mode of the unbound socket becomes the mode of the file. */
    if (fchmod(fd, 0600) != 0 || bind(fd, (struct sockaddr *)&sun, sizeof sun) != 0) {
        error_set(e, "Cannot listen on %s: %s", path, strerror(errno));
        close(fd);
        return -1;
    }
    return fd;
}

static bool is_loopback(const char *host, uint16_t port, struct sockaddr_storage *ss)
{
    struct sockaddr_in *in4 = (struct sockaddr_in *)ss;
    struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)ss;
    memset(ss, 0, sizeof *ss);
    if (uv_ip4_addr(host, port, in4) == 0)
        return ntohl(in4->sin_addr.s_addr) >> 24 == 127;
    return uv_ip6_addr(host, port, in6) == 0 && IN6_IS_ADDR_LOOPBACK(&in6->sin6_addr);
}

int listen_loopback(uv_tcp_t *tcp, const char *host, uint16_t port, uv_connection_cb cb,
                    uint16_t *port_r, struct error *e)
{
    struct sockaddr_storage ss;
    int len = sizeof ss;
    if (!is_loopback(host, port, &ss))
        return error_set(e, "The SMTP listener's address %s is not a loopback address", host);
    int r = uv_tcp_bind(tcp, (struct sockaddr *)&ss, 0);
    if (r == 0)
        r = uv_listen((uv_stream_t *)tcp, 64, cb);
    if (r == 0)
        r = uv_tcp_getsockname(tcp, (struct sockaddr *)&ss, &len);
    if (r == UV_EADDRINUSE) {
        return error_set(e, "Port %u on %s, wanted for SMTP, is taken by another program",
                         (unsigned)port, host);
    }
    if (r != 0) {
        return error_set(e, "Cannot listen for SMTP on %s port %u: %s", host, (unsigned)port,
                         uv_strerror(r));
    }
    *port_r = ntohs(ss.ss_family == AF_INET ? ((struct sockaddr_in *)&ss)->sin_port
                                            : ((struct sockaddr_in6 *)&ss)->sin6_port);
    return 0;
}
