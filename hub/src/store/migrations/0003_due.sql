-- From when on the hub may have something to do by itself in a lane, UTC milliseconds: an index over
-- what the lane's state says, never the truth.
ALTER TABLE lane ADD COLUMN due_ms INTEGER;

UPDATE lane SET due_ms = 0 WHERE state IS NOT NULL;

CREATE INDEX lane_due ON lane (due_ms) WHERE due_ms IS NOT NULL;
