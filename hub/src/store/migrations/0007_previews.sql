-- Small pictures of files that are still on their way. One goes when its file is there, or erased.
CREATE TABLE preview (
    device  INTEGER NOT NULL,
    sha256  BLOB    NOT NULL,
    picture BLOB    NOT NULL,
    PRIMARY KEY (device, sha256)
) STRICT;
CREATE INDEX preview_sha256 ON preview (sha256);
