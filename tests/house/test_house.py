# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules of the house that a machine can hold: licence lines, words of unfinished work, the
list of packages. (Who may include whom is scripts/check-layers.)"""

import glob
import os
import re

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SOURCE_FOLDERS = ("src", "dhtd", "mimed", "plugin", "bench", "tests/unit", "tests/fuzz")

def sources(folders=SOURCE_FOLDERS, ends=(".c", ".h", ".cpp", ".hpp")):
    for top in folders:
        for folder, _, names in os.walk(os.path.join(ROOT, top)):
            for name in sorted(names):
                if name.endswith(ends):
                    path = os.path.join(folder, name)
                    with open(path, encoding="utf-8") as f:
                        yield os.path.relpath(path, ROOT), f.read()


def test_every_source_file_names_its_licence():
    wrong = [path for path, text in sources()
             if "SPDX-License-Identifier: GPL-3.0-or-later" not in text[:200]]
    assert not wrong, "\n".join(wrong)


def test_no_words_of_unfinished_work():
    words = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b")
    wrong = [path for path, text in sources() if words.search(text)]
    assert not wrong, "\n".join(wrong)


def test_every_package_has_a_stage_and_a_reason():
    with open(os.path.join(ROOT, "packages.txt"), encoding="utf-8") as f:
        for line in f:
            if line.strip() and not line.startswith("#"):
                stage, package, reason = line.split(None, 2)
                assert stage in ("run", "build", "opendht", "test", "deb", "check", "clients", "bench"), line
                assert re.fullmatch(r"[a-z0-9.+-]+", package), line
                assert reason.strip(), line


def test_every_source_file_that_the_docs_name_exists():
    """By its path from the top or from src/, `*` included, or by its name alone."""
    names = {name for _, _, files in os.walk(ROOT) for name in files}
    wrong = []
    for doc in ["README.md", *glob.glob("doc/*.md", root_dir=ROOT)]:
        with open(os.path.join(ROOT, doc), encoding="utf-8") as f:
            for named in sorted(set(re.findall(r"[\w./*-]*\w\*?\.(?:cpp|hpp|py|[ch])\b", f.read()))):
                if "/" not in named and "*" not in named:
                    found = named in names
                else:
                    found = any(glob.glob(os.path.join(ROOT, top, named)) for top in ("", "src"))
                if not found:
                    wrong.append(f"{doc}: {named}")
    assert not wrong, "\n".join(wrong)


FUNCTION = re.compile(r"^(?:static |const )*[\w ]+[ *](\w+)\([^;{}]*\)\n\{", re.M)
TAG = re.compile(r"^(?:typedef )?(?:struct|enum|union) (\w+) \{", re.M)
# What every part does: a breakpoint must say in which.
NO_NAMES = {"add", "ask", "begin", "check", "checked", "commit", "commit_done", "commit_run", "done", "end", "fetched",
            "fill", "find", "finish", "judge", "keep", "look", "on_blob", "on_data", "on_done", "on_key", "on_list",
            "on_look", "on_put", "on_timer", "on_value", "put", "take", "tell", "write_done", "write_run"}


def defined(what):
    """The files that define each name."""
    files = {}
    for path, text in sources(("src",)):
        for name in what.findall(text):
            files.setdefault(name, set()).add(path)
    return files


def test_one_can_set_a_breakpoint_on_each_function():
    files = defined(FUNCTION)
    assert len(files) > 2500
    wrong = [f"{name}: {', '.join(sorted(at))}" for name, at in files.items()
             if name in NO_NAMES or
             len(at) > 1 and any(path.startswith(("src/flow/", "src/store/")) for path in at)]
    assert not wrong, "\n".join(wrong)


def test_no_type_has_the_name_of_another():
    files = defined(TAG)
    assert len(files) > 350
    wrong = [f"{name}: {', '.join(sorted(at))}" for name, at in files.items() if len(at) > 1]
    assert not wrong, "\n".join(wrong)


def test_peers_are_asked_through_the_table_of_links():
    """flow/peers/peer_link.h: another way to a peer is another file, and nobody goes round it."""
    wrong = [path for path, text in sources(("src/flow",))
             if "http_fetch(" in text and path != "src/flow/peers/link_http.c"]
    assert not wrong, "\n".join(wrong)


# Who speaks to a mail client, directly or by what it hands to one that does.
SPEAKERS = ["src/net/smtp_command.c", "src/net/smtp_data.c", "src/net/smtp_parse.c", "src/net/smtp_reply.c", "src/net/smtp_server.c",
            "src/net/smtp_session.c", "mimed/parse.c", "src/flow/receiver/deliver.c", "src/flow/mail/dsn.c",
            "src/flow/receiver/expire.c", "src/flow/mail/header.c", "src/flow/sender/outbox_text.c", "src/flow/peers/lookup.c",
            "src/flow/receiver/sender_feedback.c", "src/flow/receiver/opening.c", "src/flow/receiver/policy.c", "src/flow/receiver/pull.c",
            "src/flow/sender/recipients.c", "src/flow/peers/sources.c", "src/flow/sender/submit.c",
            "src/flow/peers/transfer.c", "src/flow/receiver/recall_apply.c", "src/flow/peers/endpoint_lookup.c"]
TEXTS = "src/base/texts.h"
# Calls whose texts go into the log, or are shown by `restante status` alone.
INTERNAL = re.compile(r"\b(log_\w+|(message|work|id)_(log\w*|error|warn|info)|i_(error|warning|info|debug|panic)|mail_set_critical|"
                      r"mailbox_set_critical|work_retry|\w+_end|pool_alloconly_create|"
                      r"mailbox_transaction_begin|error_set\(e,|error =)[ (]?")
FIELD = re.compile(r"(\\r\\n)*[A-Z][A-Za-z-]+: ")  # of a header
WORDS = re.compile(r"[A-Za-z']+[,:;]? [a-z']+[,:;]? [a-z']+")


def statements(text):
    """Each statement of a C file, without its string literals, and these."""
    literals = []

    def keep(match):
        literals.append(match.group()[1:-1])
        return f"@{len(literals) - 1}@"

    text = re.sub(r"/\*.*?\*/", " ", text, flags=re.S)
    text = re.sub(r"""'(?:[^'\\\n]|\\.)+'|"(?:[^"\\\n]|\\.)*\"""", keep, text)
    for statement in re.split(r"[;{}]", text):
        yield statement, [literals[int(n)] for n in re.findall(r"@(\d+)@", statement)]


def test_what_a_mail_client_shows_stands_in_one_file():
    paths = [path for path, _ in sources(("src", "mimed", "plugin"))]
    wrong = [f"{path}: is no file any more" for path in SPEAKERS if path not in paths]
    for path, text in sources(("src", "mimed", "plugin")):
        if path == TEXTS:
            continue
        if re.search(r'"[245]\.\d\.\d+ ', text):
            wrong.append(f"{path}: a reply to SMTP")
        if path not in SPEAKERS and not path.startswith("plugin"):
            continue
        for statement, literals in statements(text):
            if not INTERNAL.search(statement):
                wrong += [f"{path}: {said[:70]}" for said in literals
                          if WORDS.search(said) and not FIELD.match(said)]
    assert not wrong, "\n".join(wrong)


def test_texts_are_plain_sentences():
    with open(os.path.join(ROOT, TEXTS), encoding="ascii") as f:  # mail clients show no other octets
        text = re.sub(r"\\\n\s*", "", f.read())
    text = text.replace('%" PRIu64 "', "%llu")
    named = re.findall(r'#define (TEXT_\w+)\s+((?:"(?:[^"\\]|\\.)*"\s*)+)', text)
    assert len(named) > 90
    for name, value in named:
        words = re.sub(r'"\s*"', "", value).strip()[1:-1]
        assert len(words) < 400, name
        notice = re.search("NOTICE|LINE|REPORT|SUBJECT", name)
        if not notice:
            assert re.search(r"(\.|%s)$", words) and "\\r" not in words, f"{name}: {words}"
            assert "!" not in words and not re.search(r"\b(error|invalid|failed|illegal)\b", words,
                                                      re.I), f"{name}: {words}"
    used = "".join(text for path, text in sources(("src", "mimed", "plugin")) if path != TEXTS)
    unused = [name for name, _ in named if not re.search(rf"\b{name}\b", used)]
    assert not unused, unused


def test_the_package_asks_for_what_the_build_does():
    """debian/control and packages.txt name the same packages."""
    with open(os.path.join(ROOT, "packages.txt"), encoding="utf-8") as f:
        listed = {stage: set() for stage in ("run", "build", "opendht")}
        for line in f:
            if line.startswith(("run ", "build ", "opendht ")):
                listed[line.split()[0]].add(line.split()[1])
    with open(os.path.join(ROOT, "debian", "control"), encoding="utf-8") as f:
        control = f.read()
    wanted = re.search(r"^Build-Depends:\n((?: .*\n)+)", control, re.M)[1]
    wanted = {w for w in re.findall(r"[a-z0-9][a-z0-9.+-]+", re.sub(r"\(.*?\)", "", wanted))}
    # A clean root has a compiler; the version there comes from debian/changelog.
    missing = (listed["build"] | listed["opendht"]) - {"gcc", "g++", "git"} - wanted
    assert not missing, f"debian/control: Build-Depends lacks {missing}"
    depends = re.search(r"^Package: restante\n(?:.*\n)*?Depends:\n((?: .*\n)+)", control, re.M)[1]
    missing = {p for p in listed["run"] if f" {p},\n" not in depends} - {"openssl"}
    assert not missing, f"debian/control: Depends lacks {missing}"
