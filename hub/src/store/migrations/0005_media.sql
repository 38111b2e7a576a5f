-- Which lanes name a media file, and where it was erased: a file goes when it was in all of them.
CREATE TABLE evidence (
    sha256 BLOB NOT NULL,
    lane   INTEGER NOT NULL,
    erased INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (sha256, lane)
) STRICT, WITHOUT ROWID;

INSERT OR IGNORE INTO evidence (sha256, lane)
SELECT unhex(json_extract(item.value, '$.sha256')), e.lane
FROM event e, json_tree(CAST(e.bytes AS TEXT), '$.data') item
WHERE e.lane_seq IS NOT NULL AND instr(CAST(e.bytes AS TEXT), '"sha256"') > 0
    AND item.type = 'object' AND json_extract(item.value, '$.source') IS NOT NULL;

-- An upload whose file was erased stays for a while, so that what still arrives of it goes too.
ALTER TABLE upload ADD COLUMN erased INTEGER NOT NULL DEFAULT 0;

CREATE INDEX upload_erased ON upload (id) WHERE erased = 1;
CREATE INDEX upload_sha256 ON upload (sha256);
