"""The database, and the problems that a request may end with."""

import hashlib
import os
import sqlite3
import time
import uuid

SCHEMA = """
CREATE TABLE IF NOT EXISTS key (name TEXT PRIMARY KEY, secret TEXT);
CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value TEXT);
CREATE TABLE IF NOT EXISTS code (hash TEXT PRIMARY KEY, courier TEXT, until_ms INTEGER);
CREATE TABLE IF NOT EXISTS device (id TEXT PRIMARY KEY, courier TEXT, token TEXT UNIQUE);
CREATE TABLE IF NOT EXISTS session (token TEXT PRIMARY KEY, device TEXT, until_ms INTEGER);
CREATE TABLE IF NOT EXISTS lane (name TEXT PRIMARY KEY, last INTEGER, courier TEXT);
CREATE TABLE IF NOT EXISTS event (row INTEGER PRIMARY KEY, id TEXT UNIQUE, leaf TEXT, device TEXT,
    incarnation INTEGER, lane TEXT, lane_seq INTEGER, reason TEXT, bytes BLOB);
CREATE TABLE IF NOT EXISTS position (device TEXT, incarnation INTEGER, seq INTEGER, link TEXT,
    event INTEGER, PRIMARY KEY (device, incarnation, seq));
CREATE TABLE IF NOT EXISTS feed (courier TEXT, pos INTEGER, event INTEGER, released INTEGER,
    PRIMARY KEY (courier, pos));
CREATE TABLE IF NOT EXISTS vault (ref TEXT, lane TEXT, salt TEXT, body TEXT,
    PRIMARY KEY (ref, lane));
CREATE TABLE IF NOT EXISTS upload (id TEXT PRIMARY KEY, device TEXT, sha256 TEXT, length INTEGER,
    kind TEXT, confirmed INTEGER, UNIQUE (device, sha256));
"""


class Problem(Exception):
    """Why a request was not done. Holds nothing of what was sent."""

    def __init__(self, status, code, advice):
        super().__init__(code)
        self.status, self.code, self.advice = status, code, advice


def malformed(expected):
    return Problem(400, "Malformed", f"the body is not {expected}")


def unauthorised():
    return Problem(401, "Unauthorised", "the token is missing, wrong or over; sign in again")


def not_found(what):
    return Problem(404, "NotFound", f"{what} is not known here")


def open_store(folder):
    os.makedirs(folder, exist_ok=True)
    db = sqlite3.connect(os.path.join(folder, "hub.db"), check_same_thread=False)
    db.execute("PRAGMA synchronous = FULL")
    db.executescript(SCHEMA)
    db.execute("INSERT OR IGNORE INTO meta VALUES ('epoch', ?)", (str(uuid.uuid4()),))
    db.commit()
    return db


def sha256(*parts):
    return hashlib.sha256(b"".join(parts)).hexdigest()


def now_ms():
    return time.time_ns() // 1_000_000
