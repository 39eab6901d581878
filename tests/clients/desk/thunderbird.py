# SPDX-License-Identifier: GPL-3.0-or-later
"""Debian's Thunderbird on a desktop of its own, driven through its windows as a person would do it."""

import os
import shutil
import time

from env.process import Process
from env.wait import Timeout, tail, wait_for

from .marionette import Marionette, ScriptError

INSTALLED = "/usr/lib/thunderbird"
# Nothing but the peer is reachable, and nobody is asked anything. Thunderbird's preferences about mail
# stay as they are delivered, but for how the list of messages looks.
PREFERENCES = {
    "marionette.port": 0,
    "remote.prefs.recommended": False,
    "app.donation.eoy.version.viewed": 999,
    "app.update.enabled": False,
    "datareporting.healthreport.uploadEnabled": False,
    "datareporting.policy.dataSubmissionPolicyBypassNotification": True,
    "extensions.update.enabled": False,
    "mail.pane_config.dynamic": 0,
    "mail.rights.version": 1,
    "mail.shell.checkDefaultClient": False,
    "mail.spotlight.firstRunDone": True,
    "mail.threadpane.listview": 1,
    "mailnews.start_page.enabled": False,
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
    "network.proxy.type": 1,
    "network.proxy.http": "127.0.0.1", "network.proxy.http_port": 9,
    "network.proxy.ssl": "127.0.0.1", "network.proxy.ssl_port": 9,
    "network.proxy.no_proxies_on": "localhost, 127.0.0.1",
    "toolkit.telemetry.enabled": False,
}
with open(os.path.join(os.path.dirname(__file__), "thunderbird.js"), encoding="utf-8") as _f:
    PRELUDE = _f.read()


def shadow(folder):
    """An installation like Debian's that may be written: programs are copied, the rest are links."""
    os.mkdir(folder)
    for name in os.listdir(INSTALLED):
        source, target = os.path.join(INSTALLED, name), os.path.join(folder, name)
        if name in ("isp", "distribution"):
            shutil.copytree(source, target)
        elif os.path.isfile(source) and os.access(source, os.X_OK) and ".so" not in name:
            shutil.copy2(source, target)
        else:
            os.symlink(source, target)
    return folder


def preference(value):
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int) else f'"{value}"'


class Thunderbird:
    def __init__(self, folder, desktop, logs=()):
        """logs: files whose ends a wait in vain shows besides Thunderbird's own."""
        self.folder, self.desktop = folder, desktop
        self.program = shadow(os.path.join(folder, "thunderbird"))
        self.profile = os.path.join(folder, "profile")
        self.log = os.path.join(folder, "thunderbird.log")
        self.logs = [self.log, *logs]
        self.process = self.marionette = None
        os.mkdir(self.profile)
        with open(os.path.join(self.profile, "user.js"), "w", encoding="utf-8") as f:
            for name, value in PREFERENCES.items():
                f.write(f'user_pref("{name}", {preference(value)});\n')

    # Life

    def start(self):
        port = os.path.join(self.profile, "MarionetteActivePort")
        self.process = Process(
            [os.path.join(self.program, "thunderbird"), "--profile", self.profile, "--no-remote",
             "--marionette", "--remote-allow-system-access"], self.log,
            {**self.desktop.env, "LIBGL_ALWAYS_SOFTWARE": "1", "MOZ_DISABLE_CONTENT_SANDBOX": "1",
             "MOZ_CRASHREPORTER_DISABLE": "1"})
        wait_for(lambda: self._alive() and os.path.getsize(port) > 0, 180, "Thunderbird", self.logs)
        with open(port, encoding="ascii") as f:
            self.marionette = Marionette(int(f.read()))
        self.run("main.moveTo(0, 0); main.resizeTo(...arguments)", *self.desktop.size)
        return self

    def _alive(self):
        if not self.process.running():
            raise Timeout("Thunderbird ended: " + tail(self.log))
        return True

    def close(self):
        if self.marionette:
            try:
                self.run("Services.startup.quit(Ci.nsIAppStartup.eForceQuit)")
            except (OSError, EOFError, ScriptError):
                pass
            self.marionette.close()
        if self.process:
            try:
                self.process.wait(20)
            except Timeout:
                self.process.terminate()

    # Scripts

    def run(self, code, *arguments):
        """The value that the script returns; thunderbird.js stands before it."""
        return self.marionette.run(PRELUDE + code, *arguments)

    def wait(self, what, code, *arguments, seconds=60):
        """Until the script returns something true; that."""
        return wait_for(lambda: self.run(code, *arguments), seconds, f"Thunderbird: {what}",
                        self.logs, every=0.25)

    def picture(self, name):
        """Of the screen, once the line at the bottom says nothing more of what is loaded. After a refused
        download in the background Thunderbird leaves a word there until somebody comes and goes."""
        try:
            self.wait("quiet", """return !/Loading|Download|Look|Connect/.test(
                main.document.getElementById("statusText").value)""", seconds=20)
        except Timeout:
            pass
        self.desktop.picture(os.path.join(os.environ.get("RESTANTE_PICTURES", self.folder), name))

    # The account

    def add_account(self, name, address, password):
        """New account: what a person types, and Continue. The settings must be found by themselves."""
        self._hub_at("emailAutoConfigSubview")
        self._hub_fill(realName=name, email=address)
        self._hub_at("emailConfigFoundSubview")
        found = self.run("return hub().querySelector('#emailConfigFoundSubview').textContent")
        self.picture("account.png")
        self._hub_fill()
        self._hub_at("emailPasswordSubview")
        self._hub_fill(password=password)
        self._hub_at("emailAddedSuccessSubview")
        self._hub_fill()
        self.wait("the account", "return !!server()")
        return found

    def _hub_at(self, step):
        self.wait(step, """return Array.from(hub()?.querySelectorAll("[id$=Subview]") ?? [])
            .some(e => e.id == arguments[0] && !e.hidden)""", step)

    def _hub_fill(self, **fields):
        """Fills the fields and presses the button that leads on."""
        self.run("""for (const [id, value] of Object.entries(arguments[0])) {
              const field = hub().querySelector("#" + id);
              field.focus();
              field.value = value;
              field.dispatchEvent(new main.Event("input", {bubbles: true}));
            }""", fields)
        self.wait("the button", """const b = hub().querySelector("#forward");
            if (b.disabled) return false;
            b.click();
            return true""")

    # Folders and lists

    def show_folder(self, name):
        self.wait(f"the folder {name}", """touch(); if (!folder(arguments[0])) return false;
            pane().displayFolder(folder(arguments[0]).URI); return true""", name)

    def show_column(self, column):
        self.run("""pane().threadPane.onColumnsVisibilityChanged(
            {value: arguments[0], target: {hasAttribute: () => true}})""", column)

    def check_mail(self, name="INBOX"):
        """What the button "Get messages" does."""
        self.run("touch(); folder(arguments[0]).updateFolder(main.msgWindow)", name)

    def listing(self, name="INBOX"):
        """{subject: {...}} of what Thunderbird knows without a body."""
        found = self.run("""return messages(arguments[0]).map(m => ({subject: m.mime2DecodedSubject,
            from: m.mime2DecodedAuthor, size: m.messageSize, read: m.isRead,
            attachment: !!(m.flags & Ci.nsMsgMessageFlags.Attachment),
            offline: !!(m.flags & Ci.nsMsgMessageFlags.Offline)}))""", name)
        return {m["subject"]: m for m in found}

    def wait_line(self, name, subject, state):
        """Outgoing writes each message's state before its subject; the whole line."""
        def look():
            self.check_mail(name)
            return [s for s in self.listing(name) if subject in s and state in s]
        return wait_for(look, 60, f"{subject!r} as {state} in {name}", self.logs, every=1)[0]

    def wait_listed(self, subject, name="INBOX", seconds=60):
        return wait_for(lambda: self.listing(name).get(subject), seconds,
                        f"{subject!r} in Thunderbird's {name}", self.logs, every=0.25)

    # Messages

    def click(self, subject):
        """Selects the message in the list that is shown, as a click does."""
        if self.wait(f"the row of {subject!r}", """touch(); const i = row(arguments[0]);
                if (i < 0) return 0;
                return pane().threadTree.selectedIndex == i ? 2 : 1""", subject) == 2:
            self.click_nothing()
        self.run("pane().threadTree.selectedIndex = row(arguments[0])", subject)

    def click_nothing(self):
        """Takes the selection away, and gives Thunderbird the time to put the message aside."""
        self.run("pane().threadTree.selectedIndex = -1")
        time.sleep(1)

    def text(self):
        """What stands in the message pane."""
        return self.run("""const b = shown()?.document.getElementById("messagepane");
            return b?.contentDocument?.body?.textContent ?? \"\"""")

    def wait_text(self, text, seconds=60):
        wait_for(lambda: text in self.text(), seconds, f"Thunderbird to show {text!r}", self.logs,
                 every=0.25)

    def wait_images(self, count):
        """Until so many pictures stand in the message pane, each drawn."""
        self.wait(f"{count} pictures in the message", """
            const letter = shown()?.document.getElementById("messagepane")?.contentDocument;
            const all = Array.from(letter?.images ?? []).filter(i => i.src && !i.hidden);
            return all.filter(i => i.complete && i.naturalHeight > 100).length >= arguments[0]""", count)

    def attachments(self):
        """[(name, size)] as the message pane lists them."""
        return [tuple(a) for a in self.run(
            "return Array.from(shown().currentAttachments ?? []).map(a => [a.name, a.size])")]

    def command(self, name):
        """A command of the main window on what is selected there."""
        self.run("touch(); main.focus(); main.goDoCommand(arguments[0])", name)

    def hide_message_pane(self):
        self._message_pane(False)

    def show_message_pane(self):
        self._message_pane(True)

    def _message_pane(self, wanted):
        self.run("""pane().threadTree.selectedIndex = -1;
            if (pane().paneLayout.messagePaneVisible != arguments[0])
              main.goDoCommand("cmd_toggleMessagePane")""", wanted)
        time.sleep(0.5)

    # Folders of its own

    def make_local_folder(self, name):
        self.run("local().rootFolder.createSubfolder(arguments[0], null)", name)
        self.wait("the folder", "return !!folder(arguments[0])", "Local/" + name)

    def to_local(self, subject, name, move):
        """Drags the message from the inbox to a local folder; with Ctrl it is copied."""
        self.run("""touch(); MailServices.copy.copyMessages(folder("INBOX"),
            [message("INBOX", arguments[0])], folder(arguments[1]), arguments[2], null,
            main.msgWindow, true)""", subject, "Local/" + name, move)

    def local_file(self, name):
        """The local folder's mbox."""
        with open(self.run("return folder(arguments[0]).filePath.path", "Local/" + name), "rb") as f:
            return f.read()

    def save(self, path):
        """Save as, of the selected message; the question for a file is answered with this path."""
        self.run("globalThis.savePath = arguments[0]; answerPicker(); main.goDoCommand('cmd_saveAsFile')", path)

    # Questions

    def answer_questions(self):
        """Says OK to each open question; their texts."""
        return self.run("""return Array.from(Services.wm.getEnumerator(null))
            .filter(w => w.document.documentURI.endsWith("/commonDialog.xhtml")).map(w => {
              const text = w.document.getElementById("infoBody").textContent;
              w.document.querySelector("dialog").acceptDialog();
              return text;
            })""")
