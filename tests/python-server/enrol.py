"""One-time codes become devices and sessions (section 3)."""

import json
import secrets
import uuid

from store import Problem, malformed, now_ms, sha256, unauthorised

CODE_MS = 30 * 60_000
SESSION_MS = 12 * 3_600_000
STATION = "PYTHON"


def add_codes(db, text):
    """Takes a list of codes: on each line a courier and his codes."""
    for line in text.splitlines():
        courier, *codes = line.split() or [None]
        for code in codes:
            row = (_hash(code), courier, now_ms() + CODE_MS)
            db.execute("INSERT OR IGNORE INTO code VALUES (?, ?, ?)", row)
    db.commit()


def enrol(db, keys, body):
    asked = _read(body)
    courier = _use(db, asked["code"], None)
    device, token = str(uuid.uuid4()), secrets.token_hex(32)
    db.execute("INSERT INTO device VALUES (?, ?, ?)", (device, courier, _hash(token)))
    session, _ = _new_session(db, device)
    (epoch,) = db.execute("SELECT value FROM meta WHERE name = 'epoch'").fetchone()
    return {
        "device": device, "courier": courier, "station": STATION, "device_token": token,
        "session_token": session, "root_key": keys.root_key, "epoch": epoch,
    }


def renew_session(db, device, courier, body):
    _use(db, _read(body)["code"], courier)
    token, until_ms = _new_session(db, device)
    return {"session_token": token, "expires_ms": until_ms}


def end_session(db, token):
    db.execute("DELETE FROM session WHERE token = ?", (_hash(token or ""),))


def device_of(db, authorization):
    """Returns the device whose token a request carries, and its courier."""
    word, _, token = (authorization or "").partition(" ")
    found = db.execute("SELECT id, courier FROM device WHERE token = ?", (_hash(token),)).fetchone()
    if word != "Bearer" or not found:
        raise unauthorised()
    return found


def session_lives(db, device, token):
    row = (_hash(token or ""), device, now_ms())
    found = "SELECT 1 FROM session WHERE token = ? AND device = ? AND until_ms > ?"
    return db.execute(found, row).fetchone() is not None


def _read(body):
    try:
        asked = json.loads(body)
    except ValueError:
        asked = None
    if not isinstance(asked, dict) or not isinstance(asked.get("code"), str):
        raise malformed("JSON with a code")
    return asked


def _use(db, code, courier):
    """Uses a code up, unless it is another courier's. Returns whose it was."""
    row = (_hash(code), now_ms())
    found = db.execute("SELECT courier FROM code WHERE hash = ? AND until_ms > ?", row).fetchone()
    if not found:
        raise Problem(401, "CodeSpent", "the code is wrong, used or over; ask for another")
    if courier and found[0] != courier:
        raise Problem(403, "OtherCourier", "the code is another courier's; ask for one of your own")
    db.execute("DELETE FROM code WHERE hash = ?", row[:1])
    return found[0]


def _new_session(db, device):
    token, until_ms = secrets.token_hex(32), now_ms() + SESSION_MS
    db.execute("INSERT INTO session VALUES (?, ?, ?)", (_hash(token), device, until_ms))
    return token, until_ms


def _hash(secret):
    """A code that is read out may come with spaces, hyphens and small letters."""
    return sha256("".join(secret.split()).replace("-", "").upper().encode())
