"""The server's keys: a root that phones pin, and a working key that it certifies (section 5)."""

import hashlib

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

CURVE = ec.SECP256R1()


class Keys:
    """Signs receipts. Both keys are kept in the database, so that a restart keeps them."""

    def __init__(self, db):
        self.root = _load(db, "root")
        self.working = _load(db, "working")
        public = _public(self.working)
        name = "hub-" + hashlib.sha256(bytes.fromhex(public)).hexdigest()[:12]
        certificate = _sign(self.root, f"lastmile hub key v1\n{name}\n{public}\n")
        self.listed = [{"key": name, "public": public, "certificate": certificate}]
        self.root_key = _public(self.root)

    def countersign(self, text):
        """Signs the text of a receipt, which does not travel."""
        return {"key": self.listed[0]["key"], "signature": _sign(self.working, text)}


def _load(db, name):
    row = db.execute("SELECT secret FROM key WHERE name = ?", (name,)).fetchone()
    if row:
        return ec.derive_private_key(int(row[0], 16), CURVE)
    key = ec.generate_private_key(CURVE)
    secret = format(key.private_numbers().private_value, "x")
    db.execute("INSERT INTO key VALUES (?, ?)", (name, secret))
    db.commit()
    return key


def _public(key):
    form = (serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)
    return key.public_key().public_bytes(*form).hex()


def _sign(key, text):
    return key.sign(text.encode(), ec.ECDSA(hashes.SHA256())).hex()
