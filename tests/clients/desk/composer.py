# SPDX-License-Identifier: GPL-3.0-or-later
"""Thunderbird's window in which a message is written."""

import os

from env.wait import wait_for


class Composer:
    """The newest such window; waits until it can be written in."""

    def __init__(self, bird, has=""):
        self.bird = bird
        bird.wait("a window to write in", "return !!composer()?.gMsgCompose?.editor")
        wait_for(lambda: has in self.text(), 60, f"{has!r} in the text", bird.logs, every=0.25)

    def subject(self):
        return self.bird.run("return composer().document.getElementById('msgSubject').value")

    def recipients(self):
        return self.bird.run("""return Array.from(composer().document.querySelectorAll(
            "#addressRowTo mail-address-pill")).map(p => p.emailAddress)""")

    def text(self):
        return self.bird.run(
            "return composer()?.gMsgCompose?.editor?.outputToString('text/plain', 0) ?? ''")

    def attachments(self):
        """[(name, size)]"""
        return [tuple(a) for a in self.bird.run(
            """return Array.from(composer().gAttachmentBucket.itemChildren)
            .map(i => [i.attachment.name, i.attachment.size])""")]

    def fill(self, to=(), subject=None, text=None, files=()):
        self.bird.run("""touch();
            const [to, subject, text, files] = arguments, w = composer();
            if (to.length)
              w.addressRowAddRecipientsArray(w.document.getElementById("addressRowTo"), to, false);
            if (subject !== null) {
              const field = w.document.getElementById("msgSubject");
              field.value = subject;
              field.dispatchEvent(new w.Event("input", {bubbles: true}));
            }
            if (text !== null) w.gMsgCompose.editor.QueryInterface(Ci.nsIEditorMailSupport)
              .insertTextWithQuotations(text);
            const {FileUtils} = ChromeUtils.importESModule("resource://gre/modules/FileUtils.sys.mjs");
            w.AddAttachments(files.map(path => {
              const a = Cc["@mozilla.org/messengercompose/attachment;1"]
                .createInstance(Ci.nsIMsgAttachment);
              a.url = Services.io.newFileURI(new FileUtils.File(path)).spec;
              a.name = path.split("/").pop();
              a.size = new FileUtils.File(path).fileSize;
              return a;
            }))""", list(to), subject, text, [os.fspath(f) for f in files])
        if files:
            wait_for(lambda: len(self.attachments()) >= len(files), 30, "the attachments")
        return self

    def send(self, seconds=120):
        """Presses Send and waits until the window is gone, which is after a copy stands in Sent. That
        a message is large is asked about."""
        count = "return Array.from(Services.wm.getEnumerator('msgcompose')).length"
        before = self.bird.run(count)
        self.bird.run("composer().goDoCommand('cmd_sendNow')")

        def gone():
            for question in self.bird.answer_questions():
                assert "about to send a message of size" in question, question
            return self.bird.run(count) < before
        wait_for(gone, seconds, "the message to be sent", self.bird.logs, every=0.5)

    def discard(self):
        self.bird.run("const w = composer(); w.gMsgCompose.bodyModified = false; w.close()")
        self.bird.wait("the window to close", "return !composer()")
