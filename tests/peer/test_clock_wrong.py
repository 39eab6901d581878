# SPDX-License-Identifier: GPL-3.0-or-later
"""A clock that is wrong for a while loses nothing that comes meanwhile."""

import os
import struct
import subprocess

import pytest

from env import wait_for
from env.mail import check_arrived, compose

SHIM = r"""
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
static const volatile int64_t *shift;
__attribute__((constructor)) static void map_shift(void)
{
    const char *name = getenv("CLOCK_FILE");
    int fd = name != NULL && strcmp(program_invocation_short_name, "restanted") == 0
                 ? open(name, O_RDONLY | O_CLOEXEC) : -1;
    void *p = fd < 0 ? MAP_FAILED : mmap(NULL, sizeof *shift, PROT_READ, MAP_SHARED, fd, 0);
    if (p != MAP_FAILED)
        shift = p;
}
int clock_gettime(clockid_t id, struct timespec *t)
{
    int rc = (int)syscall(SYS_clock_gettime, id, t);
    if (rc == 0 && shift != NULL && id == CLOCK_REALTIME)
        t->tv_sec += *shift;
    return rc;
}
"""


@pytest.fixture
def clock(folder):
    """(environment of a peer whose daemon's wall clock is shifted, function that sets by how much)"""
    source, shim, value = (os.path.join(folder, n) for n in ("shim.c", "shim.so", "shift"))
    with open(source, "w", encoding="ascii") as f:
        f.write(SHIM)
    subprocess.run(["cc", "-shared", "-fPIC", "-o", shim, source], check=True)

    def set_to(seconds):
        with open(value, "r+b" if os.path.exists(value) else "wb") as f:
            f.write(struct.pack("=q", seconds))

    set_to(0)
    return {"LD_PRELOAD": shim, "CLOCK_FILE": value}, set_to


def test_what_came_while_the_clock_was_wrong_is_seen(net, alice, clock):
    """Forty days behind, the notification seems to live longer than allowed."""
    env, set_to = clock
    bob = net.peer("bea@demo", start=False)
    bob.start(env)
    bob.wait_ready()
    set_to(-40 * 86400)
    data = compose(alice.address, bob.address, "Came in the wrong hour")
    alice.send(data, [bob.address])
    wait_for(lambda: "longer than allowed" in bob.log_text(), 20, "the look in vain", bob.logs)
    assert bob.find(data) == []
    set_to(0)
    uid = bob.wait_message(data, 20)
    with bob.imap() as box:
        check_arrived(data, box.open(uid))
    bob.wait_idle()
