"""Media by tus 1.0 (section 6): creation, parts, and the hash of the whole."""

import base64
import hashlib
import os
import uuid

from store import Problem, not_found

TUS = "1.0.0"
PART = "application/offset+octet-stream"
MOST = {"jpeg": 20_000_000, "png": 20_000_000, "heic": 20_000_000, "mp4": 100_000_000}
HEIC = (b"heic", b"heix", b"mif1", b"msf1", b"hevc")
FIELDS = "id, sha256, length, kind, confirmed"


def kind_of(start):
    """Tells what a file is by its first bytes."""
    if start.startswith(b"\xff\xd8\xff"):
        return "jpeg"
    if start.startswith(b"\x89PNG\r\n\x1a\n"):
        return "png"
    if start[4:8] == b"ftyp":
        return "heic" if start[8:12] in HEIC else "mp4"
    return None


class Media:
    """Answers requests under /v1/media with a status and headers."""

    def __init__(self, db, folder):
        self.db, self.folder = db, folder

    def handle(self, method, path, device, headers, body):
        if headers.get("Tus-Resumable") != TUS:
            raise Problem(412, "TusVersion", f"send Tus-Resumable: {TUS}")
        if method == "POST" and path == "/v1/media":
            return self._create(device, headers)
        upload = self._find(device, path.removeprefix("/v1/media/"))
        if method == "HEAD":
            extra = {"Upload-Length": str(upload[2]), "Cache-Control": "no-store"}
            return 200, self._state(upload) | extra
        if method == "PATCH":
            return self._patch(upload, headers, body)
        raise not_found("this path")

    def _find(self, device, name):
        found = f"SELECT {FIELDS} FROM upload WHERE device = ? AND id = ?"
        upload = self.db.execute(found, (device, name)).fetchone()
        if not upload:
            raise not_found("the upload")
        return upload

    def _create(self, device, headers):
        pairs = (pair.split() for pair in headers.get("Upload-Metadata", "").split(","))
        try:
            told = {name: base64.b64decode(value).decode() for name, value in pairs}
            sha256, kind = bytes.fromhex(told["sha256"]).hex(), told["kind"]
            uuid.UUID(told["evidence"])
            length, most = int(headers["Upload-Length"]), MOST[kind]
        except (ValueError, KeyError, TypeError):
            advice = "send Upload-Length, and sha256, evidence and kind in Upload-Metadata"
            raise Problem(400, "BadUpload", advice) from None
        if length == 0:
            raise Problem(400, "MediaEmpty", "the file is empty; take it again")
        if length > most:
            raise Problem(413, "MediaTooLarge", f"{most} bytes are allowed; take a smaller one")
        new = (str(uuid.uuid4()), device, sha256, length, kind)
        self.db.execute("INSERT OR IGNORE INTO upload VALUES (?, ?, ?, ?, ?, 0)", new)
        there = f"SELECT {FIELDS} FROM upload WHERE device = ? AND sha256 = ?"
        upload = self.db.execute(there, (device, sha256)).fetchone()
        return 201, self._state(upload) | {"Location": f"/v1/media/{upload[0]}"}

    def _file(self, upload):
        return os.path.join(self.folder, upload[0])

    def _offset(self, upload):
        file = self._file(upload)
        return os.path.getsize(file) if os.path.exists(file) else 0

    def _state(self, upload):
        state = {"Upload-Offset": str(self._offset(upload))}
        return state | {"Lastmile-Confirmed": upload[1]} if upload[4] else state

    def _patch(self, upload, headers, body):
        if headers.get("Content-Type") != PART:
            raise Problem(415, "BadUpload", f"send Content-Type: {PART}")
        here = self._offset(upload)
        if headers.get("Upload-Offset") != str(here):
            raise Problem(409, "WrongOffset", f"{here} bytes are here; go on from there")
        if here + len(body) > upload[2]:
            raise Problem(413, "BeyondLength", "the file is longer than announced")
        with open(self._file(upload), "ab") as file:
            file.write(body)
            file.flush()
            os.fsync(file.fileno())
        if here + len(body) == upload[2]:
            upload = self._finish(upload)
        return 204, self._state(upload)

    def _finish(self, upload):
        with open(self._file(upload), "rb") as file:
            start = file.read(12)
            file.seek(0)
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        if digest != upload[1]:
            self._throw_away(upload)
            raise Problem(460, "DigestMismatch", "the file is another one; send it again")
        if kind_of(start) != upload[3]:
            self._throw_away(upload)
            raise Problem(415, "NotMedia", "the file is not of its kind; take it again")
        self.db.execute("UPDATE upload SET confirmed = 1 WHERE id = ?", upload[:1])
        return (*upload[:4], 1)

    def _throw_away(self, upload):
        self.db.execute("DELETE FROM upload WHERE id = ?", upload[:1])
        self.db.commit()
        os.remove(self._file(upload))
