"""Signed heads: the archive says with its key that its journal had this hash at this position.

The hash of the chain fixes everything before it, so one signature vouches for the whole journal up to there. A signed
head is a CBOR map, as it stands:

    {"format": "vna-head", "version": 1, "archive": uid, "position": n, "hash": 32 bytes, "time": UTC, ISO 8601,
     "public_key": 32 bytes, "signature": 64 bytes}

The signature is Ed25519 (RFC 8032) over the deterministic CBOR (RFC 8949 4.2) of the same map without "signature".
The private key is a PKCS #8 PEM file that only the node's user can read.
"""

import os
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import cbor2
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from storage_backends import Documents
from storage_backends.posix import fsync_folder, make_folder
from vna.errors import StartRefused
from vna.events import JournalMark
from vna.journal.names import head_name
from vna.journal.packing import MALFORMED, Unreadable, octets

FORMAT: Final = "vna-head"
VERSION: Final = 1


@dataclass(frozen=True, slots=True)
class SignedHead:
    """A head whose signature is right; `public_key` in hex, `time` UTC in ISO 8601."""

    archive: str
    mark: JournalMark
    time: str
    public_key: str


class SigningKey:
    """The Ed25519 key of one archive."""

    def __init__(self, key: Ed25519PrivateKey) -> None:
        self._key = key

    @property
    def public(self) -> str:
        """The public part, 64 hex digits."""
        return self._key.public_key().public_bytes_raw().hex()

    def sign(self, archive: str, mark: JournalMark, time: str) -> bytes:
        """Return the signed head of an archive."""
        claim = {"format": FORMAT, "version": VERSION, "archive": archive}
        claim |= {"position": mark.position, "hash": mark.chain_hash, "time": time}
        claim["public_key"] = bytes.fromhex(self.public)
        return cbor2.dumps({**claim, "signature": self._key.sign(cbor2.dumps(claim, canonical=True))}, canonical=True)

    def sign_bytes(self, message: bytes) -> bytes:
        """Return the Ed25519 signature of a message, 64 bytes."""
        return self._key.sign(message)

    def sign_into(self, documents: Documents, archive: str, mark: JournalMark, time: str) -> bool:
        """Put a signed head into the store; return whether it was made now and not there already."""
        return documents.create_exclusively(head_name(mark.position), self.sign(archive, mark, time))


def read_head(data: bytes) -> SignedHead:
    """Return what a signed head says.

    Raises:
        Unreadable: it is none, or its signature is wrong.
    """
    try:
        claim: dict[str, Any] = cbor2.loads(data)
        signature = claim.pop("signature")
        if (claim["format"], claim["version"]) != (FORMAT, VERSION):
            raise Unreadable("it is of a version this release does not know")
        key = Ed25519PublicKey.from_public_bytes(claim["public_key"])
        key.verify(signature, cbor2.dumps(claim, canonical=True))
        mark = JournalMark(int(claim["position"]), octets(claim["hash"]))
        return SignedHead(str(claim["archive"]), mark, str(claim["time"]), octets(claim["public_key"]).hex())
    except InvalidSignature as exc:
        raise Unreadable("its signature is wrong") from exc
    except (cbor2.CBORDecodeError, *MALFORMED) as exc:
        raise Unreadable("it is no signed head") from exc


def load_key(file: Path) -> SigningKey | None:
    """Return the key in a file; None if there is no such file.

    Raises:
        StartRefused: the file is no Ed25519 key, or cannot be read.
    """
    try:
        key = load_pem_private_key(file.read_bytes(), password=None)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError) as exc:
        raise StartRefused(f"the signing key {file} cannot be read: {exc}") from exc
    if not isinstance(key, Ed25519PrivateKey):
        raise StartRefused(f"the signing key {file} is no Ed25519 key")
    return SigningKey(key)


def make_key(file: Path) -> SigningKey:
    """Return the key in a file, making it where it is missing; of two that make it at once both get the same.

    Raises:
        StartRefused: it cannot be made or read.
    """
    found = load_key(file)
    if found is not None:
        return found
    pem = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    staged = file.with_name(f".{secrets.token_hex(8)}")
    try:
        make_folder(file.parent, mode=0o700)
        _write_private(staged, pem)
        try:
            os.link(staged, file)
        except FileExistsError:
            pass
        finally:
            staged.unlink()
        fsync_folder(file.parent)
    except OSError as exc:
        raise StartRefused(f"the signing key {file} cannot be made: {exc.strerror}") from exc
    made = load_key(file)
    if made is None:
        raise StartRefused(f"the signing key {file} has gone")
    return made


def _write_private(file: Path, data: bytes) -> None:
    fd = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        os.write(fd, data)
        os.fsync(fd)
    finally:
        os.close(fd)
