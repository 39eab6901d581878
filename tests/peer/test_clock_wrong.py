# SPDX-License-Identifier: GPL-3.0-or-later
"""A clock that is wrong for a while loses nothing that comes meanwhile."""

import os
import struct
import subprocess
import time

import pytest

from env import Network, wait_for
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


DAY = 86400


def state_of(peer, data, address):
    entry = peer.outbox_of(data)
    return {r["to"]: r["state"] for r in entry["receivers"]}[address] if entry else None


@pytest.fixture
def hasty():
    """A network whose peers end what is over at once."""
    with Network(nodes=4, settings={"timing.expiry_grace": "1"}) as net:
        yield net


def test_a_receiver_ten_days_ahead_for_some_seconds_loses_no_stub(hasty, clock):
    """No battery, dual boot, a bad time server: the stub stays, and opens once the clock is right."""
    env, set_to = clock
    ann, ben = hasty.peer("ann@demo"), hasty.peer("ben@demo", start=False)
    ben.start(env)
    ben.wait_ready()
    data = compose(ann.address, ben.address, "Stands through a wrong hour")
    ann.send(data, [ben.address])
    uid = ben.wait_message(data, 20)
    set_to(10 * DAY)
    wait_for(lambda: "the clock jumped ahead" in ben.log_text(), 20, "the jump", ben.logs)
    time.sleep(4)  # two looks of the scheduler by the wrong clock
    health = [h for h in ben.status()["health"] if h["part"] == "clock"]
    assert "ahead of what others confirm" in str(health[0])
    assert ben.find(data) == [uid]
    set_to(0)
    wait_for(lambda: "the clock jumped back" in ben.log_text(), 20, "the way back", ben.logs)
    assert ben.find(data) == [uid], "the stub became a notice"
    with ben.imap() as box:
        check_arrived(data, box.open(uid))
    ben.wait_idle()
    ann.wait_idle()


def test_a_sender_ten_days_ahead_for_some_seconds_ends_nothing(hasty, clock):
    """Neither expired nor reported nor collected; and it goes on by itself, without a restart."""
    env, set_to = clock
    eve, dan = hasty.peer("eve@demo"), hasty.peer("dan@demo", start=False)
    dan.start(env)
    dan.wait_ready()
    data = compose(dan.address, eve.address, "Kept through a wrong hour")
    late = compose(dan.address, eve.address, "Submitted by the right clock again")
    eve.stop()
    dan.send(data, [eve.address])
    wait_for(lambda: state_of(dan, data, eve.address) == "announced", 20, "the put", dan.logs)
    set_to(10 * DAY)
    wait_for(lambda: "the clock jumped ahead" in dan.log_text(), 20, "the jump", dan.logs)
    time.sleep(4)
    assert state_of(dan, data, eve.address) == "announced"
    set_to(0)
    wait_for(lambda: "the clock jumped back" in dan.log_text(), 20, "the way back", dan.logs)
    dan.send(late, [eve.address])
    eve.start()
    for each in (data, late):
        uid = eve.wait_message(each, 30)
        with eve.imap() as box:
            check_arrived(each, box.open(uid))
    dan.wait_idle()
    with dan.imap(readonly=True) as box:
        assert box.uids("HEADER", "CONTENT-TYPE", "multipart/report") == []


def test_a_start_by_a_wrong_clock_ends_nothing(hasty, clock):
    """Eight days ahead at the next start, as a computer that was off, and nobody confirms it."""
    env, set_to = clock
    gil, hal = hasty.peer("gil@demo", start=False), hasty.peer("hal@demo")
    gil.start(env)
    gil.wait_ready()
    data = compose(hal.address, gil.address, "Stands through a wrong start")
    hal.send(data, [gil.address])
    uid = gil.wait_message(data, 20)
    gil.stop()
    set_to(8 * DAY)
    gil.start(env)
    gil.wait_up()
    wait_for(lambda: "ahead of what can be believed" in gil.log_text(), 20, "the doubt", gil.logs)
    time.sleep(4)
    assert gil.find(data) == [uid]
    set_to(0)
    wait_for(lambda: "the clock is confirmed" in gil.log_text(), 20, "the end of doubt", gil.logs)
    with gil.imap() as box:
        check_arrived(data, box.open(uid))
    gil.wait_idle()


def test_two_contacts_confirm_how_late_it_is(hasty):
    """Three hours off, and so were two contacts: what they sign by then is believed."""
    later = {"RESTANTE_CLOCK_OFFSET": str(3 * 3600 * 1000)}
    nan, others = hasty.peer("nan@demo"), [hasty.peer("ole@demo"), hasty.peer("pip@demo")]
    data = compose(nan.address, [o.address for o in others], "Pins two contacts")
    nan.send(data, [o.address for o in others])
    for o in others:
        o.wait_message(data, 30)
    for peer in (nan, *others):
        peer.stop()
    nan.start(later)
    wait_for(lambda: "ahead of what can be believed" in nan.log_text(), 20, "the doubt", nan.logs)
    for o in others:
        o.start(later)
        o.wait_ready(60)
    wait_for(lambda: "the clock is confirmed" in nan.log_text(), 90, "two witnesses", nan.logs)


def test_a_member_ten_days_ahead_keeps_the_replicas(hasty, clock):
    """What it holds for others is not unlinked, and given when it is asked for."""
    env, set_to = clock
    kim, lea, moe = hasty.peer("kim@five"), hasty.peer("lea@five", start=False), hasty.peer("moe@demo")
    lea.start(env)
    for peer in (kim, lea):
        peer.wait_ready()
    kim.cli("group", "create")
    kim.cli("group", "add", lea.address)
    wait_for(lambda: kim.address in lea.cli("group", "list"), 40, "the list of members", lea.logs)
    lea.cli("group", "accept")
    data = compose(kim.address, moe.address, "Held by a member whose clock is wrong")
    kim.send(data, [moe.address])
    uid = moe.wait_message(data, 30)
    held = os.path.join(lea.home, "replica")
    wait_for(lambda: len([n for n in os.listdir(held) if len(n) == 64]) > 0, 40, "the copy", lea.logs)
    set_to(10 * DAY)
    wait_for(lambda: "the clock jumped ahead" in lea.log_text(), 20, "the jump", lea.logs)
    time.sleep(4)
    assert len([n for n in os.listdir(held) if len(n) == 64]) > 0, "the copy went by a wrong clock"
    set_to(0)
    kim.stop()
    with moe.imap() as box:
        check_arrived(data, box.open(uid))
