# SPDX-License-Identifier: GPL-3.0-or-later
"""A small client of Marionette, the remote control that Thunderbird has built in: JSON frames with their
length in front. Scripts run with the rights of Thunderbird's own windows."""

import json
import socket


class ScriptError(Exception):
    """A script in Thunderbird raised."""


class Marionette:
    def __init__(self, port, seconds=120):
        self.sock = socket.create_connection(("127.0.0.1", port), seconds)
        self.buffer = b""
        self.number = 0
        self._frame()  # the greeting
        self.command("WebDriver:NewSession", {})
        self.command("Marionette:SetContext", {"value": "chrome"})
        self.command("WebDriver:SetTimeouts", {"script": (seconds - 20) * 1000})

    def close(self):
        self.sock.close()

    def _more(self):
        piece = self.sock.recv(65536)
        if not piece:
            raise EOFError("Thunderbird closed the connection")
        self.buffer += piece

    def _frame(self):
        while b":" not in self.buffer:
            self._more()
        size, self.buffer = self.buffer.split(b":", 1)
        while len(self.buffer) < int(size):
            self._more()
        frame, self.buffer = self.buffer[:int(size)], self.buffer[int(size):]
        return json.loads(frame)

    def command(self, name, parameters):
        self.number += 1
        data = json.dumps([0, self.number, name, parameters]).encode()
        self.sock.sendall(b"%d:%s" % (len(data), data))
        _, _, error, result = self._frame()
        if error:
            raise ScriptError(f"{error.get('message')}\n{error.get('stacktrace', '')[:600]}")
        return result

    def _script(self, kind, code, arguments):
        return self.command(f"WebDriver:Execute{kind}", {
            "script": code, "args": list(arguments), "sandbox": "system",
            "newSandbox": False}).get("value")

    def run(self, code, *arguments):
        """The value that the script returns; a promise is waited for."""
        return self._script("Script", code, arguments)
