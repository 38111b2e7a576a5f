-- Small facts about this database: its epoch, the policy in force.
CREATE TABLE meta (
    key   TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT;

-- A station; `device` is the hub's own device there, under which clerks' acts are chained.
CREATE TABLE station (
    id        TEXT PRIMARY KEY,
    device    INTEGER NOT NULL REFERENCES device (row),
    directory TEXT NOT NULL
) STRICT;

CREATE TABLE clerk (
    token   BLOB PRIMARY KEY,
    no      TEXT NOT NULL,
    station TEXT
) STRICT;

CREATE TABLE device (
    row         INTEGER PRIMARY KEY,
    id          BLOB NOT NULL UNIQUE,
    courier     TEXT,
    station     TEXT NOT NULL,
    public_key  TEXT,
    token       BLOB UNIQUE,
    quarantined INTEGER NOT NULL DEFAULT 0,
    enrolled_ms INTEGER NOT NULL,
    seen_ms     INTEGER NOT NULL,
    pending     INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE TABLE session (
    token      BLOB PRIMARY KEY,
    device     INTEGER NOT NULL REFERENCES device (row),
    expires_ms INTEGER NOT NULL
) STRICT;

CREATE TABLE code (
    hash       BLOB PRIMARY KEY,
    courier    TEXT NOT NULL,
    station    TEXT NOT NULL,
    expires_ms INTEGER NOT NULL
) STRICT;

-- The head of each chain: a row that is locked and advanced with what it counts.
CREATE TABLE head (
    device      INTEGER NOT NULL,
    incarnation INTEGER NOT NULL,
    received_to INTEGER NOT NULL,
    link        BLOB NOT NULL,
    PRIMARY KEY (device, incarnation)
) STRICT, WITHOUT ROWID;

-- One lane; `next` is the position its next event gets.
CREATE TABLE lane (
    row     INTEGER PRIMARY KEY,
    key     TEXT NOT NULL UNIQUE,
    next    INTEGER NOT NULL DEFAULT 1,
    station TEXT,
    about   TEXT,
    state   TEXT,
    fold    INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE INDEX lane_station ON lane (station, key);
CREATE INDEX lane_about ON lane (about) WHERE about IS NOT NULL;

-- Each event once. `lane_seq` is absent while it is parked; `id` and `lane` while it is opaque.
CREATE TABLE event (
    row         INTEGER PRIMARY KEY,
    id          BLOB UNIQUE,
    leaf        BLOB NOT NULL,
    lane        INTEGER,
    lane_seq    INTEGER,
    parked      TEXT,
    device      INTEGER NOT NULL,
    incarnation INTEGER NOT NULL,
    seq         INTEGER NOT NULL,
    bytes       BLOB NOT NULL
) STRICT;

CREATE UNIQUE INDEX event_order ON event (lane, lane_seq) WHERE lane_seq IS NOT NULL;
CREATE INDEX event_parked ON event (device, lane) WHERE lane_seq IS NULL;
CREATE INDEX event_waiting ON event (lane) WHERE lane_seq IS NULL AND lane IS NOT NULL;

-- Where each event stands in its device's chain; one that was offered again stands twice.
CREATE TABLE chain (
    device      INTEGER NOT NULL,
    incarnation INTEGER NOT NULL,
    seq         INTEGER NOT NULL,
    link        BLOB NOT NULL,
    event       INTEGER NOT NULL,
    PRIMARY KEY (device, incarnation, seq)
) STRICT, WITHOUT ROWID;

-- What was signed for a stretch of a chain. `forked` holds the leaves that are not in `chain`,
-- `signed` the device's own signature.
CREATE TABLE receipt (
    device      INTEGER NOT NULL,
    incarnation INTEGER NOT NULL,
    first_seq   INTEGER NOT NULL,
    count       INTEGER NOT NULL,
    letters     TEXT NOT NULL,
    forked      BLOB NOT NULL,
    body        TEXT NOT NULL,
    key         TEXT NOT NULL,
    signature   TEXT NOT NULL,
    signed      TEXT
) STRICT;

CREATE INDEX receipt_stretch ON receipt (device, incarnation, first_seq);

-- Personal data and free text: rows of this table can be erased, and nothing else has any.
CREATE TABLE vault (
    ref  BLOB PRIMARY KEY,
    lane TEXT NOT NULL,
    salt TEXT NOT NULL,
    body TEXT NOT NULL
) STRICT;

-- What was erased from it: what a phone still sends of that is not kept again.
CREATE TABLE erased (
    ref BLOB PRIMARY KEY
) STRICT, WITHOUT ROWID;

CREATE TABLE courier (
    row  INTEGER PRIMARY KEY,
    no   TEXT NOT NULL UNIQUE,
    next INTEGER NOT NULL DEFAULT 1
) STRICT;

-- Who sees a lane now, and as what.
CREATE TABLE sight (
    lane     INTEGER NOT NULL,
    courier  INTEGER NOT NULL,
    relation TEXT NOT NULL,
    PRIMARY KEY (lane, courier)
) STRICT, WITHOUT ROWID;

-- What each courier is sent, densely numbered. `sight`: 0 nothing, 1 the fact, 2 persons too.
CREATE TABLE feed (
    courier  INTEGER NOT NULL,
    pos      INTEGER NOT NULL,
    event    INTEGER NOT NULL,
    sight    INTEGER NOT NULL,
    released INTEGER NOT NULL,
    PRIMARY KEY (courier, pos)
) STRICT, WITHOUT ROWID;

CREATE TABLE upload (
    id         BLOB PRIMARY KEY,
    device     INTEGER NOT NULL,
    sha256     BLOB NOT NULL,
    length     INTEGER NOT NULL,
    kind       TEXT NOT NULL,
    evidence   TEXT NOT NULL,
    confirmed  INTEGER NOT NULL DEFAULT 0,
    expires_ms INTEGER NOT NULL,
    UNIQUE (device, sha256)
) STRICT;
