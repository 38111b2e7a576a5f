"""A small hub, written from docs/protocol.md alone: what its section 11 calls a core server.

    python3 server.py CODES FOLDER

CODES holds on each line a courier and one-time codes for him, FOLDER the database and the media.
It listens on a free port of loopback and says which.
"""

import gzip
import json
import sys
import threading
import traceback
import zlib
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import enrol
from keys import Keys
from media import TUS, Media
from store import Problem, malformed, not_found, open_store
from sync import LIMITS, sync

GZIP_FROM = 1024
LONGEST_BODY = 4 << 20
FOR_DEVICES = ("POST /v1/sync", "POST /v1/session", "DELETE /v1/session")


class Handler(BaseHTTPRequestHandler):
    """One request at a time: each is one transaction."""

    protocol_version = "HTTP/1.1"
    lock = threading.Lock()
    db = keys = media = None

    def answer(self):
        body = self.rfile.read(min(int(self.headers.get("Content-Length", 0)), LONGEST_BODY))
        with self.lock:
            try:
                status, headers, body = self.route(body)
                self.db.commit()
            except Exception as error:
                self.db.rollback()
                status, headers, body = problem(error)
        self.send(status, headers, body)

    do_GET = do_POST = do_PATCH = do_HEAD = do_DELETE = do_PUT = do_OPTIONS = answer

    def route(self, body):
        asked, db = f"{self.command} {self.path}", self.db
        if asked == "GET /healthz":
            return as_json(200, {"healthy": True})
        if asked == "GET /v1/keys":
            return as_json(200, self.keys.listed)
        if asked == "POST /v1/enrol":
            return as_json(201, enrol.enrol(db, self.keys, body))
        is_media = self.path.startswith("/v1/media")
        if not is_media and asked not in FOR_DEVICES:
            raise not_found("this path")
        device, courier = enrol.device_of(db, self.headers.get("Authorization"))
        session = self.headers.get("Lastmile-Session")
        if is_media:
            media = self.media.handle(self.command, self.path, device, self.headers, body)
            return *media, b""
        if asked == "POST /v1/session":
            return as_json(201, enrol.renew_session(db, device, courier, body))
        if asked == "DELETE /v1/session":
            enrol.end_session(db, session)
            return 204, {}, b""
        reply = sync(db, self.keys, device, courier, session, self.plain(body))
        return 200, {"Content-Type": "application/x-ndjson"}, reply

    def plain(self, body):
        """The body as it was before compression, no longer than is allowed."""
        encoding, most = self.headers.get("Content-Encoding", "identity"), LIMITS["push_bytes"]
        if encoding == "gzip":
            unzip = zlib.decompressobj(wbits=31)
            try:
                body = unzip.decompress(body, most + 1)
            except zlib.error:
                raise malformed("gzip") from None
            if len(body) <= most and not unzip.eof:
                raise malformed("gzip")
        elif encoding != "identity":
            raise Problem(415, "UnknownEncoding", "send the body plain or with gzip")
        if len(body) > most:
            raise Problem(413, "RequestTooLarge", f"{most} bytes are allowed; send smaller parts")
        return body

    def send(self, status, headers, body):
        if len(body) > GZIP_FROM and "gzip" in self.headers.get("Accept-Encoding", ""):
            headers, body = headers | {"Content-Encoding": "gzip"}, gzip.compress(body)
        if self.path.startswith("/v1/media"):
            headers = headers | {"Tus-Resumable": TUS}
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if status != 204:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, format, *args):
        pass


def problem(error):
    """What a request that failed is answered with. Nothing of it was written."""
    if not isinstance(error, Problem):
        traceback.print_exception(error)
        error = Problem(500, "HubFailed", "the hub could not do it now; try again later")
    return as_json(error.status, {"code": error.code, "advice": error.advice})


def as_json(status, value):
    return status, {"Content-Type": "application/json"}, json.dumps(value).encode()


def main(codes, folder):
    db = open_store(folder)
    with open(codes, encoding="utf-8") as file:
        enrol.add_codes(db, file.read())
    Handler.db, Handler.keys, Handler.media = db, Keys(db), Media(db, folder)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    print(f"listening on http://127.0.0.1:{server.server_port}", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main(*sys.argv[1:])
