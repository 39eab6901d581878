# SPDX-License-Identifier: GPL-3.0-or-later
"""What the evaluation is to show, as functions of the results file: each target with its measured value
and its verdict. A value that cannot be computed is "not measured"."""

import statistics

LAN = "1 receiver"


def both(row):
    return row["sender"] + row["receiver"]


def size_ratio(m, over):
    """The worst ratio of sender's and receiver's octets to the conventional pair's, from a size on."""
    return max(both(r["restante.pulled"]) / both(r["conventional.delivered"])
               for r in m["wire"]["by_size"].values() if r["octets"] > over)


def mix_ratio(m):
    row = m["wire"]["mixes"]["modern mix"]
    return both(row["restante"]) / both(row["conventional"])


def unread(m):
    """What it costs does not depend on the size: of all sizes, the median. One size alone has the noise of
    what the receiver's node did meanwhile as a node of the DHT."""
    return statistics.median(r["restante.ignored"]["receiver"] for r in m["wire"]["by_size"].values())


def stub_disk(m):
    row = m["disk"]["spam"]["restante"]
    own = row["unread"]["receiver"] - row["unread"].get("receiver: as a DHT node", 0)
    return own - row["stub_file"]


def rate_ratio(key, which=LAN):
    def value(m):
        row = m["rate"][which]
        return row["restante"][key] / row["conventional"][key]
    return value


def cpu_ratio(m):
    row = m["rate"][LAN]
    return row["restante"]["cpu_to_the_end"]["all"] / row["conventional"]["cpu_to_the_end"]["all"]


def open_ratio(m):
    row = m["latency"]["open"]["100000"]
    return row["restante"] / (row["curl"] + row["openpgp"])


# (what, value, sense, limit, unit); sense None: reported, no target
TARGETS = [
    ("octets on the wire at the receiver for an unread message, median of all sizes", unread, "<", 3000, "octets"),
    ("disk at the receiver for a stub beyond its own file", stub_disk, "<=", 4096, "octets"),
    ("pulled over 20 KB: octets of sender and receiver / Postfix", lambda m: size_ratio(m, 20_000),
     "<=", 1.0, ""),
    ("modern mix, all pulled: octets / Postfix", mix_ratio, "<=", 0.8, ""),
    ("messages a second to visible / conventional, 1 receiver", rate_ratio("visible_per_second"),
     ">=", 1.0, ""),
    ("messages a second to visible / conventional, 100 receivers",
     rate_ratio("visible_per_second", "100 receivers"), ">=", 1.0, ""),
    ("messages a second at the SMTP door / conventional", rate_ratio("accepted_per_second"), None,
     None, ""),
    ("processor seconds per message to its end / conventional", cpu_ratio, None, None, ""),
    ("send to visible, p50, 32 nodes", lambda m: m["latency"]["visible"]["restante"]["p50"], "<", 1,
     "s"),
    ("send to visible, p99, 32 nodes", lambda m: m["latency"]["visible"]["restante"]["p99"], "<", 3,
     "s"),
    ("the same, p50, nodes 16 to 240 ms apart, 1 % loss",
     lambda m: m["latency"]["visible"]["restante, far apart"]["p50"], "<", 1, "s"),
    ("the same, p99, nodes 16 to 240 ms apart, 1 % loss",
     lambda m: m["latency"]["visible"]["restante, far apart"]["p99"], "<", 3, "s"),
    ("open of 100 KB / (curl + OpenPGP in process)", open_ratio, "<", 3, ""),
    ("1 GB: wall time / (gpg and curl)", lambda m: m["large"]["ratio"], "<=", 0.6, ""),
    ("1 GB: highest memory of one process", lambda m: m["large"]["peak_mib"], "<", 64, "MiB"),
    ("DHT: get at the largest size / at 8 nodes, over the ratio of the logarithms",
     lambda m: m["dht"]["growth"], "<=", 1.0, ""),
    ("DHT: notifications lost under churn", lambda m: m["dht"]["churn"]["lost"], "<=", 0, ""),
    ("warm listing of 5,000 stubs / the same ordinary mail", lambda m: m["imap"]["warm_ratio"], "<=",
     1.1, ""),
]


# Why a target is missed, as far as it is known: the beginning of its name, and the reason. Numbers in a
# reason come from the results as well.


def why_octets(m):
    under = [r["octets"] for r in m["wire"]["by_size"].values()
             if both(r["restante.pulled"]) <= both(r["conventional.delivered"])]
    text = ("a sealed message is smaller than its base64 on Postfix's wire, but its notification is put at eight "
            "nodes, and deleted there, whatever the message's size")
    return text + (f"; from {min(under):,.0f} octets on the sum is below Postfix's." if under else ".")


def why_rate(m):
    row = m["rate"][LAN]
    ours, theirs = row["restante"]["cpu"], row["conventional"]["cpu"]
    return (f"the limit is processor time: the machine's processors carry sender, receiver and DHT nodes, and a "
            f"message takes {1000 * ours['all']:.1f} ms of them until it is visible, {1000 * ours['sender']:.1f} of "
            f"these at its sender, where the conventional pair takes {1000 * theirs['all']:.1f}. Before the 250 it is "
            "relayed by Dovecot's submission service with TLS and AUTH; then it is signed, compressed and "
            "encrypted, its rows are committed, and blob, notification, copy in Sent and line in Outgoing are "
            "written, each durable. Where ext4 has no journal, each new file also looks past the inodes deleted "
            "lately. Waiting for the disk is shared by several messages and is not the limit.")


def why_disk(m):
    text = ("a stub's row (hashes, session-key packet, packed header, sender's key) takes most of a page of the "
            "database")
    if "receiver: as a DHT node" not in m["disk"]["spam"]["restante"]["unread"]:
        text += ("; and this run still counts what the receiver's own node holds of the DHT, which in a network of "
                 "ten nodes is nearly every notification: later ones show that for itself")
    return text + "."


REASONS = (
    ("pulled over 20 KB", why_octets),
    ("modern mix", lambda m: "half of the mix are small messages, for which the DHT's share outweighs the rest: "
     "see the target above."),
    ("messages a second to visible", why_rate),
    ("disk at the receiver", why_disk),
    ("the same, p", lambda m: "a datagram that is lost, of the first put's search, of a value or of its fetching, "
     "is sent again after a second."),
    ("octets on the wire at the receiver", lambda m: "what the receiver's node does as a node of the DHT varies "
     "by more than this between the rest before a batch and the batch."),
    ("1 GB: wall time", lambda m: "Dovecot's submission service hands a message on when it has all of it, and "
     "the receiver is told of it when all of it is sealed and durable."),
    ("DHT: get at", lambda m: "a network of eight nodes is one neighbourhood, where every node knows every other "
     "and a get is a single round; a larger one needs rounds, each as slow as the slowest of the nodes asked, "
     "and a lost datagram costs a second."),
)


def reasons(results):
    """[(target, reason)] of those missed."""
    return [(what, why(results["measures"])) for what, _, _, verdict in judged(results)
            if verdict == "missed" for begin, why in REASONS if what.startswith(begin)]


def judged(results):
    """[(what, value or None, limit text, verdict)]"""
    out = []
    for what, value, sense, limit, unit in TARGETS:
        try:
            v = value(results["measures"])
        except (KeyError, TypeError, ZeroDivisionError, ValueError):
            out.append((what, None, f"{sense} {limit:g} {unit}".strip() if sense else "", "not measured"))
            continue
        if sense is None:
            out.append((what, f"{v:.3g} {unit}".strip(), "", ""))
            continue
        good = {"<": v < limit, "<=": v <= limit, ">=": v >= limit}[sense]
        shown = f"{v:,.0f} {unit}" if abs(v) >= 100 else f"{v:.3g} {unit}"
        out.append((what, shown.strip(), f"{sense} {limit:g} {unit}".strip(),
                    "met" if good else "missed"))
    return out
