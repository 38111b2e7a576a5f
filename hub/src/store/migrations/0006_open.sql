-- Whether anything is still to be done in a lane: a new phone is sent those first.
ALTER TABLE lane ADD COLUMN open INTEGER NOT NULL DEFAULT 1;

CREATE INDEX sight_now ON sight (courier, lane) WHERE relation <> 'former_holder';
