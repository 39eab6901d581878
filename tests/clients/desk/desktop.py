# SPDX-License-Identifier: GPL-3.0-or-later
"""A desktop that nobody sees: a screen (Xvfb), a session bus, and a program that shows notices on it
(dunst). What is noticed is read from the bus; pictures are taken of the screen."""

import os
import re
import subprocess

from env.process import Process
from env.wait import Timeout, wait_for
from PIL import Image, ImageGrab

DUNST = """[global]
width = 400
height = 200
origin = bottom-right
offset = 16x60
font = Sans 11
format = "<b>%s</b>\\n%b"
frame_width = 1
frame_color = "#c8c8c8"
show_indicators = no
[urgency_normal]
background = "#ffffff"
foreground = "#202020"
timeout = 20
"""


class Desktop:
    def __init__(self, folder, width=1180, height=760):
        self.folder = folder
        self.size = (width, height)
        self.processes = []
        self.notice_log = os.path.join(folder, "notices.log")
        read, write = os.pipe()
        self._start("Xvfb", "-displayfd", str(write), "-screen", "0", f"{width}x{height}x24",
                    "-nolisten", "tcp", pass_fds=[write])
        os.close(write)
        with os.fdopen(read) as f:
            self.display = ":" + f.readline().strip()
        if self.display == ":":
            raise Timeout("Xvfb did not start; see " + folder)
        address = f"unix:path={folder}/bus"
        self.env = {"DISPLAY": self.display, "DBUS_SESSION_BUS_ADDRESS": address, "HOME": folder,
                    "XDG_RUNTIME_DIR": folder, "NO_AT_BRIDGE": "1", "GDK_BACKEND": "x11"}
        self._start("dbus-daemon", "--session", "--nofork", "--nopidfile", "--address", address)
        wait_for(lambda: os.path.exists(f"{folder}/bus"), 20, "the session bus")
        with open(f"{folder}/dunstrc", "w", encoding="utf-8") as f:
            f.write(DUNST)
        self._start("dunst", "-conf", f"{folder}/dunstrc")
        self._start("dbus-monitor", "--session",
                    "interface='org.freedesktop.Notifications',member='Notify'",
                    output=self.notice_log)
        wait_for(lambda: "NameAcquired" in self._notices(), 20, "dbus-monitor to watch")
        wait_for(self._dunst_answers, 20, "dunst")

    def _start(self, *command, output=None, **options):
        with open(output or os.path.join(self.folder, command[0] + ".log"), "ab") as out:
            self.processes.append(subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                env={**os.environ, **getattr(self, "env", {})}, **options))

    def _dunst_answers(self):
        return subprocess.run(
            ["dbus-send", "--session", "--print-reply", "--dest=org.freedesktop.Notifications",
             "/org/freedesktop/Notifications", "org.freedesktop.Notifications.GetServerInformation"],
            env={**os.environ, **self.env}, capture_output=True, check=False).returncode == 0

    def _notices(self):
        with open(self.notice_log, encoding="utf-8", errors="replace") as f:
            return f.read()

    def notices(self):
        """[(title, text)] of all that was noticed so far."""
        out = []
        for call in re.split(r"^method call ", self._notices(), flags=re.M)[1:]:
            # Notify(application, replaces, icon, title, text, ...); a string may go over lines.
            words = re.findall(r'^   string "(.*?)"$', call, flags=re.M | re.S)
            if "member=Notify" in call and len(words) >= 4:
                out.append((words[2], words[3]))
        return out

    def wait_notice(self, text, seconds=60, after=0):
        """The first notice behind the first `after` ones that says this."""
        return wait_for(lambda: [n for n in self.notices()[after:] if text in "\n".join(n)], seconds,
                        f"a notice with {text!r}", [self.notice_log])[0]

    def picture(self, path, colours=128):
        """A small PNG of the screen."""
        image = ImageGrab.grab(xdisplay=self.display).convert("RGB")
        image = image.quantize(colours, Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        image.save(path, optimize=True)

    def close(self):
        for p in reversed(self.processes):
            p.terminate()
            try:
                p.wait(10)
            except subprocess.TimeoutExpired:
                p.kill()
                p.wait()
