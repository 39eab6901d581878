# SPDX-License-Identifier: GPL-3.0-or-later
"""Real messages, as scripts/fetch-corpus brings them."""

import os
import random
import smtplib

FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "..", ".corpus", "mail")


def names():
    """All message files, sorted; an empty list when the corpus is not there."""
    try:
        return sorted(n for n in os.listdir(FOLDER) if n.endswith(".eml"))
    except FileNotFoundError:
        return []


def read(name):
    """One message in CRLF; SMTP cannot carry one without a line end at its end."""
    with open(os.path.join(FOLDER, name), "rb") as f:
        data = f.read()
    return data if data.endswith(b"\r\n") else data + b"\r\n"


def pick(count, seed=2008):
    """The same `count` messages at every run, drawn from all."""
    everything = names()
    return random.Random(seed).sample(everything, min(count, len(everything)))


def submit(alice, bob, names):
    """{name: octets} of what was accepted, in this order, and {name: sentence} of what was not."""
    sent, refused = {}, {}
    with alice.smtp() as s:
        for name in names:
            data = read(name)
            try:
                s.sendmail(alice.address, [bob.address], data, mail_options=["BODY=8BITMIME"])
                sent[name] = data
            except smtplib.SMTPResponseException as e:
                refused[name] = e.smtp_error.decode()
                s.rset()
    return sent, refused
