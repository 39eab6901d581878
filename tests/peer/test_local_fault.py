# SPDX-License-Identifier: GPL-3.0-or-later
"""What this machine cannot do ends no message: a disk that is full while a head or a body is opened."""

import os
import shutil
import subprocess

import pytest

from env import Network, wait_for
from env.hosts import inside
from env.imap import ImapError
from env.mail import check_arrived, compose, picture


def mount(path, size):
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size},mode=700", "none", path], check=True)


SHIM = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <string.h>
int rename(const char *from, const char *to)
{
    static int failed;
    size_t n = strlen(from);
    if (n > 7 && strcmp(from + n - 7, ".sealed") == 0 && failed < 2) {
        failed++;
        errno = EIO;
        return -1;
    }
    return ((int (*)(const char *, const char *))dlsym(RTLD_NEXT, "rename"))(from, to);
}
"""


def test_name_that_cannot_be_given(folder):
    """Before, the row said that the blob was published, and every receiver got a 404 until a restart."""
    source, shim = os.path.join(folder, "shim.c"), os.path.join(folder, "shim.so")
    with open(source, "w", encoding="ascii") as f:
        f.write(SHIM)
    if not shutil.which("cc"):
        pytest.skip("NOT TESTED, no C compiler here")
    subprocess.run(["cc", "-shared", "-fPIC", "-o", shim, source, "-ldl"], check=True)
    with Network(nodes=3) as network:
        alice, bob = network.peer("alice@demo", start=False), network.peer("bob@demo")
        alice.start({"LD_PRELOAD": shim})
        alice.wait_ready()
        data = compose(alice.address, bob.address, "Named late", attachment=picture(9_000))
        alice.send(data, [bob.address])
        uid = bob.wait_message(data)
        assert "cannot name" in alice.log_text()
        with bob.imap() as box:
            check_arrived(data, wait_for(lambda: box.open(uid), 30, "the blob to have its name",
                                         alice.logs))
        alice.wait_idle()


@inside
def test_no_room_for_a_head(folder):
    """Today the message is declined, and its sender frees it."""
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    with Network(nodes=3, folder=folder) as network:
        alice, bob = network.peer("alice@demo"), network.peer("bob@demo")
        bob.stop()
        parts = os.path.join(bob.home, "inbox", "parts")
        mount(parts, "256k")
        bob.start()
        bob.wait_ready()
        with open(os.path.join(parts, "ballast"), "wb") as f:
            f.write(b"x" * (256 - 148) * 1024)
        data = compose(alice.address, bob.address, "A long header", attachment=picture(9_000))
        long = b"".join(b"X-Long-%d: %s\r\n" % (n, os.urandom(400).hex().encode())
                        for n in range(200))
        alice.send(long + data, [bob.address])
        wait_for(lambda: "the header of a message of alice@demo cannot be stored" in bob.log_text(),
                 30, "bob to have no room", bob.logs)
        assert alice.waits(data)
        os.remove(os.path.join(parts, "ballast"))
        uid = bob.wait_message(data)
        with bob.imap() as box:
            check_arrived(long + data, box.open(uid))
        alice.wait_idle()
        bob.stop()
        subprocess.run(["umount", parts], check=True)


@inside
def test_no_room_for_a_body(folder):
    """The verified octets stay, nobody is blamed, and it opens when there is room."""
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    with Network(nodes=3, folder=folder, settings={"mail.open_wait": "5"}) as network:
        alice, bob = network.peer("alice@demo"), network.peer("bob@demo")
        data = compose(alice.address, bob.address, "Two megabytes", attachment=picture(2_000_000))
        alice.send(data, [bob.address])
        uid = bob.wait_message(data)
        full = os.path.join(bob.home, "inbox", "full")
        mount(full, "1m")
        with bob.imap() as box:
            with pytest.raises(ImapError) as e:
                box.open(uid)
        said = str(e.value)
        assert "enough free space" in said and "tell alice" not in said
        stub = bob.stub_of(data)
        assert stub["state"] in ("stub", "pulling")
        assert alice.waits(data)
        subprocess.run(["umount", full], check=True)
        with bob.imap() as box:
            check_arrived(data, box.open(uid))
        alice.wait_idle()
