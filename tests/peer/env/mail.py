# SPDX-License-Identifier: GPL-3.0-or-later
"""Messages to send, and what must arrive of them."""

import email.errors
import email.header
import hashlib
import re
from email.message import EmailMessage
from email.utils import formatdate, make_msgid

# The two fields that the receiver's peer writes once, in this order, above m's own header.
TRACE = (b"received", b"authentication-results")


def picture(size, seed="picture"):
    """Octets that no compression makes smaller, the same at every call."""
    return hashlib.shake_256(seed.encode()).digest(size)


def compose(sender, to, subject, text="Good morning.\n", attachment=None, name="picture.png",
            **fields):
    """A message as mail clients write it: octets with CRLF."""
    m = EmailMessage()
    m["From"] = sender
    m["To"] = ", ".join([to] if isinstance(to, str) else to)
    m["Subject"] = subject
    m["Date"] = formatdate(localtime=True)
    m["Message-ID"] = make_msgid(domain=sender.split("@")[1])
    for field, value in fields.items():
        m[field.replace("_", "-")] = value
    m.set_content(text)
    if attachment is not None:
        m.add_attachment(attachment, maintype="image", subtype="png", filename=name)
    return m.as_bytes(policy=m.policy.clone(linesep="\r\n"))


def decoded(text):
    """A field's text with its encoded words decoded; as it is where they cannot be."""
    try:
        return str(email.header.make_header(email.header.decode_header(text)))
    except (ValueError, LookupError, email.errors.MessageError):
        return text


def fields(message):
    """The header as a list of (lower-case name, whole field with its line ends), and where it ends.
    A line that is no field counts as one without a name."""
    end = message.find(b"\r\n\r\n")
    end = len(message) if end < 0 else end + 2
    if message.startswith(b"\r\n"):
        end = 0
    out = []
    for line in re.findall(rb"[^\n]*\n|[^\n]+$", message[:end]):
        if out and line[:1] in b" \t":
            out[-1] = (out[-1][0], out[-1][1] + line)
        else:
            m = re.match(rb"([!-9;-~]+)[ \t]*:", line)
            out.append((m.group(1).lower() if m else b"", line))
    return out, end


def message_id(message):
    """Its Message-ID with the angle brackets."""
    return dict(fields(message)[0])[b"message-id"].split(b":", 1)[1].strip().decode()


def split_trace(message):
    """(the two trace fields, the rest); raises when they are not there."""
    head, _ = fields(message)
    names = tuple(n for n, _ in head[:2])
    assert names == TRACE, f"the trace fields are missing: {message[:300]!r}"
    cut = len(head[0][1]) + len(head[1][1])
    return message[:cut], message[cut:]


TAKEN_AWAY = (b"bcc", b"resent-bcc", b"return-path")  # P-5.1


def check_arrived(sent, got, sender=None):
    """got is the receiver's two trace fields and m; m is what was sent without what P-5.1 takes away, with a Date and a
    Message-ID if they were missing, and with the submitter as the only Sender if `sender` is given
    (the From is foreign)."""
    _, m = split_trace(got)
    if m == sent:
        return
    have, have_end = fields(m)
    want, want_end = fields(sent)
    assert m[have_end:] == sent[want_end:], "the body differs"
    want = [f for f in want if f[0] not in TAKEN_AWAY]
    names = {n for n, _ in want}
    for name in (b"date", b"message-id"):
        if name not in names:
            have = [f for f in have if f[0] != name]
    if sender:
        named = [f[1] for f in have if f[0] == b"sender"]
        assert named == [f"Sender: <{sender}>\r\n".encode()], named
        have, want = ([f for f in side if f[0] != b"sender"] for side in (have, want))
    assert have == want, f"the header differs:\n{have}\n{want}"
