-- Small pictures of files that are still to come, sealed about their key. No evidence: one goes with
-- the hub's answer, or with its file. version counts how often it was replaced.
CREATE TABLE preview (
    evidence BLOB    PRIMARY KEY REFERENCES media (id) ON DELETE CASCADE,
    version  INTEGER NOT NULL DEFAULT 0,
    sealed   BLOB    NOT NULL
) STRICT;
