# SPDX-License-Identifier: GPL-3.0-or-later
"""A sender behind a proxy that answers a Range request with the whole, and a line that breaks (P-6.4)."""

import pytest

from env import Network
from env.imap import ImapError
from env.mail import check_arrived, compose, picture
from env.proxy import RangelessProxy


def test_range_answered_with_the_whole():
    """A broken line is said to be one; what came is kept; the rest of the whole that comes next is taken."""
    with Network(nodes=3, settings={"mail.open_wait": "6", "timing.retry": "1"}) as network:
        alice = network.peer("alice@demo", start=False)
        proxy = RangelessProxy(alice.http_port)
        try:
            alice.set_config("network.endpoints", f"http://127.0.0.1:{proxy.port}")
            alice.start()
            alice.wait_ready()
            bob = network.peer("bob@demo")
            data = compose(alice.address, bob.address, "Behind a proxy",
                           attachment=picture(12_000_000))
            proxy.cut = 9_000_000
            alice.send(data, [bob.address])
            uid = bob.wait_message(data)
            with bob.imap() as box:
                with pytest.raises(ImapError) as e:
                    box.open(uid)
            said = str(e.value)
            assert "The connection to alice@demo broke" in said or "MB are here" in said, said
            assert "does not resume" not in bob.log_text()
            assert "The connection to alice@demo broke" in bob.log_text()

            proxy.cut = None
            with bob.imap() as box:
                check_arrived(data, box.open(uid))
            assert proxy.ranges > 0
            alice.wait_idle()
        finally:
            proxy.close()
