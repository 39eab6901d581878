#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""A mail client for the account that `restante account --json` printed, on standard input.

usage: client.py send TO SUBJECT TEXT | open SUBJECT SECONDS | reopen SUBJECT SECONDS | count SUBJECT

open waits for the subject in the inbox, reads the message, and prints it; reopen reads it again as long as the
answer says that its sender cannot be reached now."""

import email
import email.message
import email.utils
import imaplib
import json
import smtplib
import ssl
import sys
import time


def imap(account, context):
    box = imaplib.IMAP4_SSL("localhost", account["imap_port"], ssl_context=context, timeout=60)
    box.login(account["user"], account["password"])
    box.select("INBOX")
    return box


def found(box, subject):
    box.noop()
    return box.search(None, "SUBJECT", f'"{subject}"')[1][0].split()


def main():
    account = json.load(sys.stdin)
    context = ssl.create_default_context(cadata=account["ca"])
    verb, *rest = sys.argv[1:]
    if verb == "send":
        message = email.message.EmailMessage()
        message["From"], message["To"], message["Subject"] = account["address"], rest[0], rest[1]
        message["Date"] = email.utils.localtime()
        message.set_content(rest[2])
        with smtplib.SMTP_SSL("localhost", account["submission_port"], context=context,
                              timeout=60) as out:
            out.login(account["user"], account["password"])
            out.send_message(message)
        return
    box = imap(account, context)
    if verb == "count":
        print(len(found(box, rest[0])))
        return
    end = time.monotonic() + float(rest[1])
    while not found(box, rest[0]):
        if time.monotonic() > end:
            sys.exit(f"no message {rest[0]} in the inbox")
        time.sleep(0.2)
    kind, data = box.fetch(found(box, rest[0])[-1], "(BODY[])")
    while verb == "reopen" and kind == "NO" and b"[UNAVAILABLE]" in data[0] and time.monotonic() < end:
        time.sleep(1)
        kind, data = box.fetch(found(box, rest[0])[-1], "(BODY[])")
    if kind != "OK" or not isinstance(data[0], tuple):
        sys.exit(f"{rest[0]} does not open: {data}")
    print(email.message_from_bytes(data[0][1]).get_payload())


if __name__ == "__main__":
    main()
