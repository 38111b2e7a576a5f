"""POST /v1/sync: push and pull in one round trip (section 4), for the lanes of exceptions."""

import json
import re

from enrol import session_lives
from store import Problem, malformed, now_ms, sha256

LIMITS = {"push_events": 500, "push_bytes": 1 << 20, "media_chunk": 256 << 10, "poll_ms": 1_800_000}
LONGEST_EVENT = 65_536
NO_LINK = "0" * 64
REQUIRED = {
    "device": str, "incarnation": int, "first_seq": int, "prev_link": str, "events": int,
    "vault": int, "pending": int,
}
PULL = {"cursor": int, "max_events": int, "directory": int, "policy": int}
ENVELOPE = {
    "kind": str, "v": int, "id": str, "lane": str, "dev": str, "by": str, "at": dict,
    "policy": int, "data": dict,
}
OPENERS = {"ExceptionReported", "RecoveryRequested"}
#: What this server understands of its lanes: whatever else must be understood is parked.
KINDS = OPENERS | {"EvidenceAdded", "ProgressNoted", "EvidenceLost", "CorrectionDeclared"}
DIGEST = re.compile(rb'"([0-9a-f]{64})"')
PLACE = "SELECT row, leaf, lane_seq, reason FROM event "


def sync(db, keys, device, courier, session, body):
    """Takes a push in and answers it. The caller commits."""
    header, lines, vault = _take_apart(body)
    if header["device"] != device:
        raise Problem(403, "OtherDevice", "the token belongs to another device than the push")
    refused = _keep_vault(db, vault)
    push = Push(db, device, courier, header)
    verdicts = [push.take(index, line) for index, line in enumerate(lines)]
    (epoch,) = db.execute("SELECT value FROM meta WHERE name = 'epoch'").fetchone()
    hub_ms = now_ms()
    reply = {
        "protocol": 1, "epoch": epoch, "hub_ms": hub_ms, "verdicts": verdicts,
        "received_to": push.received_to(), "lane_seqs": [], "vault": 0, "cursor": 0,
        "more": False,
    }
    if refused:
        reply["vault_refused"] = refused
    if lines:
        reply["receipt"] = keys.countersign(push.receipt(verdicts, hub_ms))
        if push.gap:
            reply["receipt"]["chain_gap"] = True
    pull, sent, entries = header.get("pull"), [], []
    if pull:
        reply["cursor"] = pull["cursor"]
        if session_lives(db, device, session):
            sent, entries = _pull(db, push, pull, reply)
        else:
            reply["session_ended"] = True
    parts = [_line(reply), *sent, *(_line(entry) for entry in entries)]
    return b"".join(part + b"\n" for part in parts)


def _take_apart(body):
    first, *rest = body.split(b"\n")[:-1] if body.endswith(b"\n") else [b""]
    try:
        header = json.loads(first)
    except ValueError:
        header = None
    if not _has(header, REQUIRED) or header["incarnation"] < 1 or header["first_seq"] < 1:
        raise malformed("a whole push")
    if header.get("pull") is not None and not _has(header["pull"], PULL):
        raise malformed("a whole push")
    if len(rest) != header["events"] + header["vault"]:
        raise malformed("a whole push")
    if header["events"] > LIMITS["push_events"]:
        raise Problem(413, "TooManyEvents", "send the rest in another push")
    return header, rest[:header["events"]], rest[header["events"]:]


def _has(value, fields):
    return isinstance(value, dict) and all(
        isinstance(value.get(name), kind) for name, kind in fields.items()
    )


def _line(value):
    return json.dumps(value, separators=(",", ":")).encode()


def read_event(line):
    """Reads a line; None if it is no event."""
    try:
        event = json.loads(line.decode())
    except (ValueError, RecursionError):
        return None
    return event if _has(event, ENVELOPE) else None


class Push:
    """One push on its way into the chain of its device."""

    def __init__(self, db, device, courier, header):
        self.db, self.device, self.courier = db, device, courier
        self.incarnation, self.first_seq = header["incarnation"], header["first_seq"]
        self.first_link = self.link = header["prev_link"]
        self.gap = self._held_link() != self.first_link
        latest = "SELECT max(incarnation) FROM position WHERE device = ?"
        self.outdated = (db.execute(latest, (device,)).fetchone()[0] or 0) > self.incarnation
        self.forked = False
        self.leaves = []

    def _held_link(self):
        """The link that is held before the first line."""
        link = "SELECT link FROM position WHERE device = ? AND incarnation"
        if self.first_seq > 1:
            where = (self.device, self.incarnation, self.first_seq - 1)
            found = self.db.execute(f"{link} = ? AND seq = ?", where).fetchone()
            return found and found[0]
        older = f"{link} < ? ORDER BY incarnation DESC, seq DESC LIMIT 1"
        found = self.db.execute(older, (self.device, self.incarnation)).fetchone()
        return found[0] if found else NO_LINK

    def take(self, index, line):
        """Takes one line and returns its verdict."""
        leaf = sha256(line)
        self.leaves.append(leaf)
        self.link = sha256(bytes.fromhex(self.link), bytes.fromhex(leaf))
        verdict = None if self.forked else self._judge(self.first_seq + index, line, leaf)
        self.forked = verdict is None
        return verdict or "fork"

    def _judge(self, seq, line, leaf):
        at = (self.device, self.incarnation, seq)
        here = "JOIN position ON position.event = event.row WHERE position.device = ?"
        here = f"{PLACE} {here} AND position.incarnation = ? AND position.seq = ?"
        held = self.db.execute(here, at).fetchone()
        if held or self.outdated:
            return _as_before(held) if held and held[1] == leaf else None
        event = read_event(line) if len(line) <= LONGEST_EVENT else None
        own = event is not None and event["dev"] == self.device
        if own:
            known = self.db.execute(PLACE + "WHERE id = ?", (event["id"],)).fetchone()
        else:
            by_leaf = "WHERE id IS NULL AND device = ? AND leaf = ?"
            known = self.db.execute(PLACE + by_leaf, (self.device, leaf)).fetchone()
        if known and known[1] != leaf:
            return None
        if known:
            row, verdict = known[0], _as_before(known)
        else:
            lane = event["lane"] if event else None
            reason = self._reason(line, event) or self._behind(lane)
            new = (event["id"] if own else None, leaf, self.device, self.incarnation, lane, reason)
            insert = "INSERT INTO event VALUES (NULL, ?, ?, ?, ?, ?, NULL, ?, ?)"
            row = self.db.execute(insert, (*new, line)).lastrowid
            verdict = {"p": reason} if reason else {"a": place(self.db, row, event)}
        self.db.execute("INSERT INTO position VALUES (?, ?, ?, ?, ?)", (*at, self.link, row))
        return verdict

    def _reason(self, line, event):
        if event is None:
            return "TooLarge" if len(line) > LONGEST_EVENT else "Unparseable"
        if event["dev"] != self.device or event["by"] != f"courier:{self.courier}":
            return "NotYourLane"
        if event.get("must") and event["kind"] not in KINDS:
            return "UnknownKind"
        return None if may_stand(self.db, event) else "UnknownLane"

    def _behind(self, lane):
        waiting = "SELECT 1 FROM event WHERE device = ? AND lane = ? AND reason IS NOT NULL"
        return "Behind" if self.db.execute(waiting, (self.device, lane)).fetchone() else None

    def received_to(self):
        highest = "SELECT max(seq) FROM position WHERE device = ? AND incarnation = ?"
        return self.db.execute(highest, (self.device, self.incarnation)).fetchone()[0] or 0

    def receipt(self, verdicts, hub_ms):
        """The text of a receipt (section 5)."""
        letters = ["f" if it == "fork" else "p" if "p" in it else "a" for it in verdicts]
        listed = "".join(f"{leaf} {letter}\n" for leaf, letter in zip(self.leaves, letters))
        says = (
            "lastmile receipt v1", self.device, self.incarnation, self.first_seq, len(verdicts),
            self.first_link, self.link, sha256(listed.encode()), "gap" if self.gap else "-", hub_ms,
        )
        return "".join(f"{line}\n" for line in says)


def _as_before(held):
    _, _, lane_seq, reason = held
    return {"p": reason} if reason else {"k": lane_seq}


def may_stand(db, event):
    """Tells whether an event's lane is open, or opened by it. Only exceptions have lanes here."""
    lane = event["lane"]
    known = db.execute("SELECT 1 FROM lane WHERE name = ?", (lane,)).fetchone()
    is_case = re.fullmatch(r"exception:[0-9a-fA-F-]{36}", lane)
    return known or (is_case and event["kind"] in OPENERS)


def place(db, row, event, released=False):
    """Gives an event the next place in its lane and tells the courier whose case it is."""
    lane = event["lane"]
    _, _, reporter = event["by"].partition(":")
    opened = db.execute("INSERT OR IGNORE INTO lane VALUES (?, 0, ?)", (lane, reporter)).rowcount
    db.execute("UPDATE lane SET last = last + 1 WHERE name = ?", (lane,))
    last, owner = db.execute("SELECT last, courier FROM lane WHERE name = ?", (lane,)).fetchone()
    db.execute("UPDATE event SET lane_seq = ?, reason = NULL WHERE row = ?", (last, row))
    end = "(SELECT coalesce(max(pos), 0) + 1 FROM feed WHERE courier = ?1)"
    db.execute(f"INSERT INTO feed VALUES (?1, {end}, ?2, ?3)", (owner, row, released))
    if opened:
        _let_in(db, lane)
    return last


def _let_in(db, lane):
    """Takes in, device by device, what waited for a lane."""
    waiting = "SELECT row, device, reason, bytes FROM event WHERE lane = ? AND reason IS NOT NULL"
    stuck = set()
    for row, device, reason, line in db.execute(waiting + " ORDER BY row", (lane,)).fetchall():
        if device in stuck or reason not in ("UnknownLane", "Behind"):
            stuck.add(device)
        else:
            place(db, row, read_event(line), released=True)


def _keep_vault(db, lines):
    refused = []
    for line in lines:
        try:
            entry = json.loads(line)
            salt, body = bytes.fromhex(entry["salt"]), entry["body"].encode()
            row = (entry["ref"], entry["lane"], entry["salt"], entry["body"])
        except (ValueError, KeyError, TypeError, AttributeError):
            continue
        if sha256(salt, body) == entry["ref"]:
            db.execute("INSERT OR IGNORE INTO vault VALUES (?, ?, ?, ?)", row)
        else:
            refused.append(entry["ref"])
    return refused


def _pull(db, push, pull, reply):
    """Collects the next events of the courier's feed, and the vault entries they name."""
    end = "SELECT coalesce(max(pos), 0) FROM feed WHERE courier = ?"
    (end,) = db.execute(end, (push.courier,)).fetchone()
    cursor = pull["cursor"] if pull["cursor"] <= end else 0
    feed = """SELECT pos, released, device, incarnation, lane, lane_seq, bytes FROM feed
        JOIN event ON event.row = feed.event WHERE courier = ? AND pos > ? ORDER BY pos"""
    sent, entries = [], {}
    for pos, released, device, incarnation, lane, lane_seq, line in db.execute(
        feed, (push.courier, cursor)
    ):
        own = (device, incarnation) == (push.device, push.incarnation)
        if not own or released:
            if len(sent) == pull["max_events"]:
                break
            sent.append(line)
            reply["lane_seqs"].append(lane_seq)
        if not own:
            entries.update(_entries(db, lane, line))
        cursor = pos
    reply.update(cursor=cursor, more=cursor < end, vault=len(entries))
    return sent, entries.values()


def _entries(db, lane, line):
    for ref in DIGEST.findall(line):
        named = "SELECT ref, lane, salt, body FROM vault WHERE ref = ? AND lane = ?"
        found = db.execute(named, (ref.decode(), lane)).fetchone()
        if found:
            yield found[0], dict(zip(("ref", "lane", "salt", "body"), found))
