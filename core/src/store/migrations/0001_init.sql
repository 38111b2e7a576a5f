-- One courier's store. Everything but event, vault and media can be rebuilt from event.

-- Each value is sealed about its key.
CREATE TABLE meta (
    key   TEXT PRIMARY KEY,
    value BLOB NOT NULL
) STRICT;

-- The confirmed fold of each lane. What is pending is folded on top when it is read.
CREATE TABLE lane (
    n            INTEGER PRIMARY KEY,
    name         TEXT    NOT NULL UNIQUE,
    folded_seq   INTEGER NOT NULL DEFAULT 0,
    fold_version INTEGER NOT NULL,
    state        TEXT    NOT NULL
) STRICT;

-- The log. bytes never change. seq, inc and link are this device's own chain; lane_seq is the
-- hub's word; park its reason for giving none. Pending events lie by n in the order of their chain.
CREATE TABLE event (
    n        INTEGER PRIMARY KEY,
    lane     INTEGER NOT NULL,
    lane_seq INTEGER,
    inc      INTEGER,
    seq      INTEGER,
    link     BLOB,
    park     TEXT,
    bytes    BLOB    NOT NULL
) STRICT;

-- What is not confirmed, by lane. It tells as well where the outbox begins and how long it is: a
-- second index for that would be one page more to write per act.
CREATE INDEX event_open ON event (lane, park) WHERE lane_seq IS NULL;
-- A lane's confirmed history; written when the hub answers, not when the courier records.
CREATE UNIQUE INDEX event_lane ON event (lane, lane_seq) WHERE lane_seq IS NOT NULL;

-- Names, phones, addresses and free text live here and nowhere else: salt and body of an entry,
-- sealed about its reference.
CREATE TABLE vault (
    ref    BLOB PRIMARY KEY,
    lane   INTEGER NOT NULL,
    event  INTEGER,
    sealed BLOB NOT NULL
) STRICT;
CREATE INDEX vault_lane ON vault (lane);
-- Entries that have yet to reach the hub, by the event (n) they travel with.
CREATE INDEX vault_outbox ON vault (event) WHERE event IS NOT NULL;

-- state: 0 captured, 1 named by an event, 2 confirmed by the hub, 3 gone from the phone, 4 erased
-- with the person it shows, 5 erased and its file deleted,
-- 6 confirmed and its file deleted to make room.
CREATE TABLE media (
    id     BLOB PRIMARY KEY,
    lane   TEXT    NOT NULL,
    item   TEXT    NOT NULL,
    sha256 BLOB    NOT NULL,
    bytes  INTEGER NOT NULL,
    state  INTEGER NOT NULL DEFAULT 0,
    event  INTEGER,
    upload TEXT
) STRICT;
CREATE INDEX media_queue ON media (bytes) WHERE state = 1;
CREATE INDEX media_event ON media (event) WHERE event IS NOT NULL;
CREATE INDEX media_erased ON media (id) WHERE state = 4;

-- After the hub was restored from a backup: others' events that it has not sent again yet, by n.
CREATE TABLE doubted (event INTEGER PRIMARY KEY) STRICT;
-- The station's acts among them, wherever they stand: those that never come again are told to it.
CREATE TABLE absent (
    leaf BLOB PRIMARY KEY,
    act  TEXT NOT NULL
) STRICT;

CREATE TABLE receipt (
    inc       INTEGER NOT NULL,
    first_seq INTEGER NOT NULL,
    count     INTEGER NOT NULL,
    receipt   TEXT    NOT NULL,
    verdicts  TEXT    NOT NULL,
    PRIMARY KEY (inc, first_seq)
) STRICT;

-- What screens filter and sort by. due_ms is the first deadline that nothing has stopped yet.
-- today is 1 while the parcel is open and the courier's, and after that until the hub's next word:
-- so an act that ends a parcel's way writes to no index.
CREATE TABLE parcel (
    lane       INTEGER PRIMARY KEY,
    stage      TEXT    NOT NULL,
    open       INTEGER NOT NULL,
    mine       INTEGER NOT NULL,
    today      INTEGER NOT NULL,
    promise_ms INTEGER,
    due_ms     INTEGER
) STRICT;
CREATE INDEX parcel_today ON parcel (lane) WHERE today = 1;
-- A clock may outlive the parcel's way. Few rows, so that ending it costs no second index page.
CREATE INDEX parcel_owed ON parcel (due_ms) WHERE open = 0 AND due_ms IS NOT NULL;

CREATE TABLE pickup (
    lane   INTEGER PRIMARY KEY,
    open   INTEGER NOT NULL,
    mine   INTEGER NOT NULL,
    to_ms  INTEGER,
    due_ms INTEGER
) STRICT;
CREATE INDEX pickup_todo ON pickup (to_ms) WHERE open = 1 AND mine = 1;

CREATE TABLE exception_case (
    lane    INTEGER PRIMARY KEY,
    waybill TEXT,
    stage   TEXT    NOT NULL,
    open    INTEGER NOT NULL,
    due_ms  INTEGER
) STRICT;
CREATE INDEX exception_open ON exception_case (open) WHERE open = 1;

CREATE TABLE complaint (
    lane        INTEGER PRIMARY KEY,
    waybill     TEXT,
    stage       TEXT    NOT NULL,
    open        INTEGER NOT NULL,
    received_ms INTEGER,
    due_ms      INTEGER
) STRICT;
CREATE INDEX complaint_open ON complaint (received_ms) WHERE open = 1;
