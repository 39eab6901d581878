# SPDX-License-Identifier: GPL-3.0-or-later
"""The DHT holds what a departed peer announced (P-10.4)."""

from env import Network, wait_for
from env.mail import check_arrived, compose, picture


def test_receiver_started_after_the_sender_stopped():
    with Network(nodes=8) as net:
        alice, bob = net.peer("alice@demo"), net.peer("bob@demo")
        bob.stop()
        data = compose(alice.address, bob.address, "Read it on Monday",
                       attachment=picture(10_000))
        alice.send(data, [bob.address])  # bob's key is still in the DHT
        wait_for(lambda: alice.outbox_of(data)["receivers"][0]["state"] == "announced", 20,
                 "the notification to be in the DHT", alice.logs)
        alice.stop()  # and with it its restante-dht
        bob.start()
        bob.wait_ready()
        uid = bob.wait_message(data)
        assert bob.stub_of(data)["state"] == "stub"
        alice.start()
        alice.wait_ready()
        with bob.imap() as box:
            check_arrived(data, box.open(uid))
        alice.wait_idle()
        bob.wait_idle()
