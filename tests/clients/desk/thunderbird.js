/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What every script of thunderbird.py begins with: Thunderbird's windows, folders and messages. */
const {MailServices} = ChromeUtils.importESModule("resource:///modules/MailServices.sys.mjs");
const main = Services.wm.getMostRecentWindow("mail:3pane");
const pane = () => main.document.getElementById("tabmail").currentAbout3Pane;
const shown = () => main.document.getElementById("tabmail").currentAboutMessage;
const hub = () => main.document.querySelector("account-hub-container")?.shadowRoot
  .querySelector("account-hub-email");
const server = () => MailServices.accounts.accounts.map(a => a.incomingServer)
  .find(s => s.type == "imap");
const local = () => MailServices.accounts.localFoldersServer;
const folder = name => name.startsWith("Local/")
  ? local().rootFolder.getChildNamed(name.slice(6))
  : server().rootFolder.descendants.find(f => f.URI.endsWith("/" + name));
const messages = name => Array.from(folder(name).messages);
const message = (name, subject) =>
  messages(name).find(m => m.mime2DecodedSubject == subject);
const uri = (name, subject) => folder(name).getUriForMsg(message(name, subject));
/* A person is at the desk: what Thunderbird does when nobody is must begin anew. */
const touch = () => Cc["@mozilla.org/widget/useridleservice;1"]
  .getService(Ci.nsIUserIdleServiceInternal).resetIdleTimeOut(0);
const row = subject => {
  const view = pane().gDBView;
  for (let i = 0; view && i < view.rowCount; i++)
    if (view.getMsgHdrAt(i).mime2DecodedSubject == subject) return i;
  return -1;
};
const composer = () => Array.from(Services.wm.getEnumerator("msgcompose")).pop();
/* The window that asks for a file's name belongs to the desktop: ours answers by itself. */
const answerPicker = () => {
  const picker = {
    QueryInterface: ChromeUtils.generateQI(["nsIFilePicker"]),
    filterIndex: 0, mode: 0, defaultString: "", defaultExtension: "", displayDirectory: null,
    init() {}, appendFilters() {}, appendFilter() {}, appendRawFilter() {},
    get file() {
      const f = Cc["@mozilla.org/file/local;1"].createInstance(Ci.nsIFile);
      f.initWithPath(globalThis.savePath);
      return f;
    },
    open(callback) {
      Promise.resolve().then(() => callback.done(Ci.nsIFilePicker.returnOK));
    },
  };
  if (globalThis.pickerMade) return;
  globalThis.pickerMade = true;
  Components.manager.QueryInterface(Ci.nsIComponentRegistrar).registerFactory(
    Components.ID("{5d0b2f2a-6b0c-4d1e-9a53-2a7d8c1f0e11}"), "", "@mozilla.org/filepicker;1",
    {createInstance: iid => picker.QueryInterface(iid)});
};
