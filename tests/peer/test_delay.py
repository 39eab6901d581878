# SPDX-License-Identifier: GPL-3.0-or-later
"""NOTIFY=DELAY (RFC 3461): who asked for it is told once, a day later, who has not fetched a message
(P-13.7)."""

import pytest

from env import Network, wait_for
from env.mail import check_arrived, compose, message_id
from test_expiry import recipients, reports_on

A_DAY_MS = 86_400_000


@pytest.fixture(scope="module")
def net():
    """Its peers come and go under other clocks."""
    with Network(nodes=3) as network:
        yield network


def a_day_later():
    """The clock of a peer, three seconds before a day is over: its records are to be believed."""
    return {"RESTANTE_CLOCK_OFFSET": str(A_DAY_MS - 3_000)}


def send(sender, receivers, subject):
    data = compose(sender.address, list(receivers), subject)
    s = sender.smtp()
    s.mail(sender.address)
    for address, wish in receivers.items():
        assert s.rcpt(address, [f"NOTIFY={wish}"])[0] == 250
    assert s.data(data)[0] == 250
    s.close()
    return data


@pytest.mark.parametrize("crash", [None, "delay_notice.before", "delay_notice.after"])
def test_told_once_of_those_who_wait(net, crash):
    """The others are not named, and the message goes on waiting: it opens as ever."""
    number = ["one", "two", "three"][[None, "delay_notice.before", "delay_notice.after"].index(crash)]
    alice, bob, carol, dora = (net.peer(f"{name}-{number}@demo") for name in ("alice", "bob", "carol", "dora"))
    data = send(alice, {bob.address: "DELAY", carol.address: "FAILURE", dora.address: "DELAY,FAILURE"},
                "Waits for long")
    for peer in (bob, carol, dora):
        peer.wait_message(data)
    with dora.imap() as box:
        box.open(dora.wait_message(data))
    wait_for(lambda: not dora.status()["inbox"]["receipts_pending"], 20, "dora's receipt", dora.logs)
    assert reports_on(alice, data) == []
    alice.stop()
    alice.start({**a_day_later(), **({"RESTANTE_CRASH_AT": crash} if crash else {})})
    if crash:
        wait_for(lambda: not alice.process.running(), 60, "the crash", alice.logs)
        alice.process = None
        alice.start(a_day_later())
    alice.wait_ready()
    wait_for(lambda: reports_on(alice, data), 60, "the report", alice.logs)
    wait_for(lambda: "have not fetched it yet" in alice.log_text(), 20, "its end", alice.logs)
    report, = reports_on(alice, data)
    (address, fields), = recipients(report).items()
    assert (address, fields["Action"], fields["Status"]) == (bob.address, "delayed", "4.0.0")
    assert fields["Will-Retry-Until"] and report["Subject"] == "Not fetched yet: Waits for long"
    assert report["In-Reply-To"] == message_id(data)
    for peer in (bob, carol):
        with peer.imap() as box:
            check_arrived(data, box.open(peer.wait_message(data)))
    alice.wait_idle()
    assert len(reports_on(alice, data)) == 1
    for peer in (alice, bob, carol, dora):
        peer.stop()
