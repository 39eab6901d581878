/* SPDX-License-Identifier: GPL-3.0-or-later */
/* delay.c - bench-delay: the cable between the hosts of bench/wan.py. It makes one tun device named
 * eth0 in each network namespace given and carries IPv4 packets between them, each after a delay.
 *
 * Standard input: one line per host, "NAMESPACE ADDRESS MILLISECONDS", the address without a prefix
 * length; then the end. A packet from a to b takes half of a's and half of b's milliseconds, plus
 * up to a tenth of that at random. It prints "ready" once all devices are there; it ends when it is
 * killed. Loss is not made here: nftables in the namespaces drops. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#define HOSTS_MAX 2048
#define PACKET_MAX 2048
#define QUEUE_MAX 200000 /* packets under way; more are dropped and counted */

struct host {
    uint32_t address; /* network order */
    unsigned half_us;
    int fd;
};

struct packet {
    uint64_t due_us;
    uint16_t to, size;
    uint8_t *data; /* owned */
};

static struct host hosts[HOSTS_MAX];
static size_t host_count;
static struct packet *heap; /* smallest due_us first */
static size_t heap_count;
static uint16_t by_address[1 << 16]; /* the last two octets: host number + 1 */

static void die(const char *what)
{
    fprintf(stderr, "bench-delay: %s: %s\n", what, strerror(errno));
    exit(1);
}

static uint64_t now_us(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

/* A tun device in that namespace; its descriptor works from anywhere. */
static int open_tun(const char *ns)
{
    char path[256];
    struct ifreq request = {.ifr_flags = IFF_TUN | IFF_NO_PI};
    (void)snprintf(path, sizeof path, "/run/netns/%s", ns);
    int at = open(path, O_RDONLY | O_CLOEXEC);
    if (at < 0 || setns(at, CLONE_NEWNET) < 0)
        die(path);
    (void)close(at);
    int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
    (void)snprintf(request.ifr_name, sizeof request.ifr_name, "eth0");
    if (fd < 0 || ioctl(fd, TUNSETIFF, &request) < 0)
        die("/dev/net/tun");
    return fd;
}

static void push(struct packet p)
{
    size_t i = heap_count++;
    for (; i > 0 && heap[(i - 1) / 2].due_us > p.due_us; i = (i - 1) / 2)
        heap[i] = heap[(i - 1) / 2];
    heap[i] = p;
}

static struct packet pop(void)
{
    struct packet first = heap[0], last = heap[--heap_count];
    size_t i = 0;
    for (size_t child; (child = 2 * i + 1) < heap_count; i = child) {
        if (child + 1 < heap_count && heap[child + 1].due_us < heap[child].due_us)
            child++;
        if (heap[child].due_us >= last.due_us)
            break;
        heap[i] = heap[child];
    }
    heap[i] = last;
    return first;
}

static void take(struct host *from)
{
    uint8_t data[PACKET_MAX];
    for (unsigned n = 0; n < 64; n++) {
        ssize_t size = read(from->fd, data, sizeof data);
        if (size < 20)
            return;
        uint16_t to = by_address[data[18] << 8 | data[19]];
        if (data[0] >> 4 != 4 || to == 0 || heap_count >= QUEUE_MAX)
            continue;
        unsigned delay = from->half_us + hosts[to - 1].half_us;
        struct packet p = {.to = (uint16_t)(to - 1), .size = (uint16_t)size};
        p.due_us = now_us() + delay + (unsigned)(rand() % (int)(delay / 10 + 1));
        p.data = malloc((size_t)size);
        if (p.data == NULL)
            die("memory");
        memcpy(p.data, data, (size_t)size);
        push(p);
    }
}

static void give_due(void)
{
    while (heap_count > 0 && heap[0].due_us <= now_us()) {
        struct packet p = pop();
        (void)!write(hosts[p.to].fd, p.data, p.size);
        free(p.data);
    }
}

static void read_hosts(void)
{
    char ns[128], address[64];
    unsigned ms;
    while (host_count < HOSTS_MAX && scanf("%127s %63s %u", ns, address, &ms) == 3) {
        struct host *h = &hosts[host_count];
        struct in_addr a;
        if (inet_pton(AF_INET, address, &a) != 1)
            die(address);
        h->address = a.s_addr;
        h->half_us = ms * 500;
        h->fd = open_tun(ns);
        by_address[ntohl(a.s_addr) & 0xffff] = (uint16_t)++host_count;
    }
}

int main(void)
{
    heap = calloc(QUEUE_MAX, sizeof *heap);
    int poller = epoll_create1(EPOLL_CLOEXEC);
    if (heap == NULL || poller < 0)
        die("start");
    read_hosts();
    for (size_t i = 0; i < host_count; i++) {
        struct epoll_event e = {.events = EPOLLIN, .data.u64 = i};
        if (epoll_ctl(poller, EPOLL_CTL_ADD, hosts[i].fd, &e) < 0)
            die("epoll");
    }
    (void)puts("ready");
    (void)fflush(stdout);
    for (;;) {
        struct epoll_event events[64];
        struct timespec wait = {.tv_sec = 1};
        if (heap_count > 0) {
            uint64_t now = now_us(), left = heap[0].due_us > now ? heap[0].due_us - now : 0;
            wait = (struct timespec){(time_t)(left / 1000000), (long)(left % 1000000) * 1000};
        }
        int n = epoll_pwait2(poller, events, 64, &wait, NULL);
        for (int i = 0; i < n; i++)
            take(&hosts[events[i].data.u64]);
        give_due();
    }
}
