#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes the page and its plots from a results file. Every number on the page comes from there.

usage: report.py RESULTS
"""

import ast
import json
import os
import sys

import plots
import targets

ABOUT = {
    "wire": "Octets on the wire per message", "disk": "Octets on disk per message",
    "rate": "Messages a second, processor seconds", "latency": "Latency",
    "large": "One message of 1 GB", "groups": "Replication in groups", "dht": "The DHT",
    "receivers": "One message to many receivers", "imap": "The IMAP face",
}


def table(head, rows):
    """A table in Markdown; the first column is text."""
    out = ["| " + " | ".join(head) + " |", "|---" + "|---:" * (len(head) - 1) + "|"]
    return "\n".join(out + ["| " + " | ".join(str(c) for c in r) + " |" for r in rows]) + "\n"


def number(v, digits=3):
    if v is None:
        return "-"
    if isinstance(v, float) and abs(v) < 1000:
        return f"{v:.{digits}g}"
    return f"{v:,.0f}"


def ranged(r, key):
    """A median with the least and the most of the runs, where they are known."""
    text = number(r.get(key))
    if key not in r.get("range", ()):
        return text
    least, most = r["range"][key]
    return f"{text} ({number(least)} to {number(most)})"


def wire(m):
    rows = []
    for _, r in sorted(m["by_size"].items(), key=lambda i: i[1]["octets"]):
        c = r["conventional.delivered"]
        for outcome in ("pulled", "declined", "ignored"):
            x = r["restante." + outcome]
            rows.append([f"{r['octets']:,.0f} {outcome}", number(x["sender"]), number(x["receiver"]),
                         number(x["dht"]), number(c["sender"]), number(c["receiver"]),
                         number(targets.both(x) / targets.both(c))])
    text = table(["message", "sender", "receiver", "DHT nodes", "Postfix sender", "Postfix receiver",
                  "ratio of sender and receiver"], rows)
    rows = [[f"{name} ({r['count']}, mean {r['octets']:,.0f})", number(r["restante"]["sender"]),
             number(r["restante"]["receiver"]), number(r["restante"]["dht"]),
             number(r["conventional"]["sender"]), number(r["conventional"]["receiver"]),
             number(targets.both(r["restante"]) / targets.both(r["conventional"]))]
            for name, r in m["mixes"].items()]
    text += "\nAll pulled:\n\n" + table(["messages", "sender", "receiver", "DHT nodes",
                                       "Postfix sender", "Postfix receiver", "ratio"], rows)
    idle = m["idle_octets_per_second"]["restante"]
    text += ("\nAt rest, octets a second, already subtracted above: sender "
             f"{number(idle['sender'])}, receiver {number(idle['receiver'])}, all DHT nodes "
             f"{number(idle['dht'])}.\n")
    return text


def disk(m):
    text = ""
    for name in ("spam", "modern mix"):
        r = m[name]
        rows = [[k, number(r["restante"]["unread"][k]), number(r["restante"]["opened"][k]),
                 number(r["conventional"]["unread"].get(k)), number(r["conventional"]["opened"].get(k))]
                for k in r["restante"]["unread"]]
        text += (f"\n{r['count']} messages ({name}, mean {r['octets']:,.0f} octets); a stub's own file "
                 f"takes {number(r['restante']['stub_file'])}:\n\n"
                 + table(["where", "unread", "opened", "conventional, delivered", "opened"], rows))
    return text


def rate(m):
    rows = []
    for what in ("1 receiver", "100 receivers"):
        if what not in m:
            continue
        for side in ("restante", "conventional"):
            r = m[what][side]
            rows.append([f"{what}, {side}", *(number(r[k]) for k in (
                "accepted_per_second", "visible_per_second", "opened_per_second")),
                *(number(1000 * r[k]["all"]) for k in ("cpu", "cpu_to_the_end"))])
    text = table(["", "accepted/s", "visible/s", "opened/s", "CPU ms to visible", "CPU ms to the end"],
                 rows)
    if "100 receivers" not in m:
        text += "\n100 receivers: not measured yet (only the full run does).\n"
    return text


def latency(m):
    rows = [[side, v["count"], *(number(v[k]) for k in ("p50", "p90", "p99", "max"))]
            for side, v in m["visible"].items()]
    text = f"From the 250 to visible, seconds, {m['nodes']} nodes:\n\n" + table(
        ["", "messages", "p50", "p90", "p99", "longest"], rows)
    rows = [[f"{int(k):,}", *(number(r[c]) for c in ("restante", "conventional", "curl", "openpgp"))]
            for k, r in m["open"].items()]
    return text + "\nFrom the click to the last octet, seconds:\n\n" + table(
        ["octets", "Restante (pull)", "Dovecot (there already)", "curl alone", "OpenPGP alone"], rows)


def by_number(rows):
    return sorted(rows.items(), key=lambda i: int(i[0]))


def groups(m):
    return f"Messages of {m['octets']:,} octets:\n\n" + table(
        ["members", "seconds to the last copy", "octets of the sender", "octets of each other member"],
        [[k, *(ranged(r, c) for c in ("seconds", "sender_octets", "member_octets"))]
         for k, r in by_number(m["by_members"])])


def receivers(m):
    rows = []
    for k, r in by_number(m["by_count"]):
        ours, theirs = r["restante"], r.get("conventional", {})
        rows.append([k, ours.get("pulled_by", k), ours.get("runs", 1), ranged(ours, "sender_disk"),
                     ranged(theirs, "sender_disk"), ranged(ours, "sender_octets_announced"),
                     ranged(ours, "sender_octets"), ranged(theirs, "sender_octets"),
                     ranged(ours, "announced_s"), ranged(ours, "all_pulled_s"),
                     ranged(theirs, "all_delivered_s")])
    return f"A message of {m['octets']:,} octets; the sender's share:\n\n" + table(
        ["receivers", "of them pull", "rounds", "disk", "Postfix: disk", "octets until announced",
         "octets until these pulled", "Postfix: octets", "seconds until announced", "until these pulled",
         "Postfix: until delivered"],
        rows)


def dht(m):
    rows = []
    for k, r in by_number(m["by_size"]):
        heard = r["listen"]
        rows.append([k, *(number(1000 * r[o][p]) for o in ("put", "get") for p in ("p50", "p99")),
                     number(1000 * heard["p50"]) if "p50" in heard else "-",
                     f"{heard['heard']} of {heard['tries']}", number(r["octets_per_put"]),
                     number(r["octets_per_get"]), number(r["idle_octets_per_second_and_node"]),
                     r["not_found"]])
    text = table(["nodes", "put p50, ms", "p99", "get p50, ms", "p99", "heard p50, ms", "heard",
                  "octets per put, all nodes", "per get", "a second and node at rest", "not found"], rows)
    if m.get("left_out"):
        text += f"\nFor lack of time not measured: {', '.join(map(str, sorted(m['left_out'])))} nodes.\n"
    c = m["churn"]
    text += (f"\nChurn: {c['nodes']} nodes, {c['deaths']} deaths, {c['hours']} hours compressed "
             f"{c['time_compressed_by']:,} times, {c['entries']} entries put once, {c['lost']} lost.\n\n")
    return text + table(
        ["entries at one key", "nodes", "entries", "read", "seconds", "octets at the reader per entry"],
        [[k, r["nodes"], r["entries"], r["read"], number(r["seconds"]),
          number(r["octets_at_the_reader_per_entry"])] for k, r in m["popular"].items()])


def imap(m):
    rows = [[k.removesuffix(" s"), number(1000 * r["stubs"]), number(1000 * r["ordinary"]),
             number(r["ratio"])] for k, r in sorted(m.items()) if isinstance(r, dict)]
    return (f"Milliseconds; {m['stubs']:,} messages in each mailbox, {m['large Maildir']:,} in the large "
            "ones:\n\n" + table(["", "stubs", "ordinary mail", "ratio"], rows))


def large(m):
    text = table([f"{m['octets']:,} octets", "seconds"],
                 [["SMTP's 250", number(m["accepted"])], ["visible at the receiver", number(m["visible"])],
                  ["pulled", number(m["pulled"])], ["gpg and curl", number(m["gpg_and_curl"])]])
    return text + "\nHighest memory, MiB:\n\n" + table(
        ["process", "MiB"], [[k, number(v)] for k, v in sorted(m["peak_mib_by_process"].items())])


def plain(m):
    """Numbers that need no table of their own."""
    skip = ("seconds", "load", "quick", "when", "restante")
    rows = []

    def walk(name, v):
        if isinstance(v, dict):
            for k, x in v.items():
                walk(f"{name} {k}".strip(), x)
        elif not isinstance(v, list):
            rows.append([name, number(v) if isinstance(v, (int, float)) else v])

    for k, v in m.items():
        if k not in skip:
            walk(k.replace("_", " "), v)
    return table(["", "value"], rows)


def how(results):
    m = results["machine"]
    packages = ", ".join(f"{k} {v}" for k, v in m["packages"].items())
    return (f"Machine: {m['processor']}, {m['processors']} processors, {m['memory_mib']:,} MiB, Linux "
            f"{m['kernel']}, {m['file_system']}, Debian {m['debian']}; load when the run began: "
            f"{m['load_at_start']:.1f}.\nRestante {m['restante']}; {packages}.\n\n"
            f"Command: `{results['command']}` (as root). Bench and page are made by `bench/`; each measure's "
            "file says at its head what is counted and how.\n")


INTRO = """# Evaluation

The paper ends with experiments it had only begun: what a message costs its sender, its receiver and the
network, against a conventional pair of mail servers. Here they are done: Restante beside Postfix to Postfix
over TLS, delivered by LMTP into Dovecot, alternately and on the same messages, each party in a network
namespace of its own whose interface the kernel counts. Both sides are durable: Restante answers 250 after a
sync, Postfix and Dovecot sync as they do by default. Figures are medians of the runs.

This page is made from the results file (`evaluation/results.json`) by `bench/report.py`; no number on it is
written by hand. Where it says *quick run*, the counts were small and the machine was busy with other work: the
ratios are rough. `make bench` as root, on a quiet machine with 24 GiB, makes the full one in about an hour and
a half; `make bench ARGS="--only dht"` repeats one measure and keeps the others. Each measure says how loaded the
machine was: those that count octets rather than seconds may have run beside others.
"""


def source(name):
    """The text of a measure's file: its head says what is counted and how."""
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), f"measure_{name}.py")
    with open(path, encoding="utf-8") as f:
        return f.read()


def page(results, plot_names):
    out = [INTRO, how(results), "## Targets\n", table(
        ["target", "measured", "wanted", "verdict"],
        [[w, v or "-", lim, verdict] for w, v, lim, verdict in targets.judged(results)])]
    missed = targets.reasons(results)
    if missed:
        out.append("What is missed, and why:\n")
        out.append("\n".join(f"- {what}: {why}" for what, why in missed) + "\n")
    for name, title in ABOUT.items():
        out.append(f"## {title}\n")
        m = results["measures"].get(name)
        if m is None:
            out.append("Not measured yet.\n")
            continue
        if "error" in m:
            out.append(f"The measure failed: {m['error']}\n")
            continue
        about = ast.get_docstring(ast.parse(source(name))).split(": ", 1)[1]
        out.append(about[0].upper() + about[1:] + "\n")
        of = f", Restante {m['restante']}" if "restante" in m else ""
        out.append(f"({'Quick run' if m['quick'] else 'Full run'} of {m['when']}{of}, load "
                   f"{m['load'][0]:.1f} to {m['load'][1]:.1f}, {m['seconds']:.0f} s.)\n")
        out.append(globals().get(name, plain)(m))
        for p in plot_names.get(name, []):
            out.append(f"![{title}]({p})\n")
    return "\n".join(out)


def terminal(results):
    print("\nTarget, measured, wanted, verdict")
    for what, value, limit, verdict in targets.judged(results):
        print(f"  {what:82} {value or '-':>16} {limit:>12}  {verdict}")


def write(path):
    """The page beside the folder of the results file (doc/evaluation.md for doc/evaluation/...)."""
    with open(path, encoding="utf-8") as f:
        results = json.load(f)
    folder = os.path.dirname(os.path.abspath(path))
    names = plots.draw(results, folder)
    target = folder + ".md"
    relative = {k: [os.path.join(os.path.basename(folder), n) for n in v] for k, v in names.items()}
    with open(target, "w", encoding="utf-8") as f:
        f.write(page(results, relative))
    terminal(results)
    print(f"\nPage: {target}\nResults: {path}")


if __name__ == "__main__":
    write(sys.argv[1])
