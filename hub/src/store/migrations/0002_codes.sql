-- The pickup codes of a site: its secret, and the first number that was not given out yet.
CREATE TABLE code_site (
    station TEXT NOT NULL,
    site    TEXT NOT NULL,
    key     TEXT NOT NULL,
    next    INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (station, site)
) STRICT, WITHOUT ROWID;

-- The last lease of each life of a device at a site, to be sent again until it has arrived.
CREATE TABLE code_lease (
    device      INTEGER NOT NULL,
    incarnation INTEGER NOT NULL,
    site        TEXT NOT NULL,
    first       INTEGER NOT NULL,
    count       INTEGER NOT NULL,
    PRIMARY KEY (device, incarnation, site)
) STRICT, WITHOUT ROWID;

-- Which parcels lie at a site under which code's HMAC.
CREATE TABLE code_use (
    station TEXT NOT NULL,
    site    TEXT NOT NULL,
    hash    BLOB NOT NULL,
    lane    INTEGER NOT NULL,
    PRIMARY KEY (station, site, hash, lane)
) STRICT, WITHOUT ROWID;

CREATE INDEX code_use_lane ON code_use (lane);
