-- What a backup holds of each chain.
ALTER TABLE head ADD COLUMN durable_to INTEGER NOT NULL DEFAULT 0;

-- Acts of this station that phones were sent before the database was restored from a backup.
CREATE TABLE lost (
    leaf    BLOB PRIMARY KEY,
    station TEXT NOT NULL,
    act     TEXT NOT NULL
) STRICT, WITHOUT ROWID;
