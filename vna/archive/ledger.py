"""The ledger of tombstones: what was eliminated, written where no backup of the archive brings it back from.

A backup of the data folder is a history that does not know what was eliminated after it. So each elimination is written
down in places of its own too, and read from there before a node serves anything: what is listed and no event of this
history's, goes again.

A page of the ledger is a JSON document (RFC 8259) of strings, whole numbers and arrays, made once and never changed:

    <last position, 12 digits>-<first 16 hex digits of the SHA-256 of the document>.json

    {"format": "vna-tombstones", "version": 1, "archive": uid,
     "entries": [{"position": n, "hash": hex of the chain there, "time": UTC, ISO 8601, "elimination": n,
                  "study": uid, "series": uid or "", "instance": uid or "", "rules": [id, ...],
                  "manifest": digest, "instances": n, "size": bytes}, ...],
     "public_key": hex, "signature": hex}

The signature is Ed25519 (RFC 8032) over the canonical JSON (vna.archive.certificates) of the same document without
"signature". A page names no patient.
"""

import hashlib
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from storage_backends import Documents
from vna.archive.certificates import canonical, digest_of
from vna.archive.translation import storage_errors
from vna.errors import StartRefused
from vna.index import Buried, Index, index_errors
from vna.journal import SigningKey
from vna.model import InstanceUID, Scope, SeriesUID, StudyUID

FORMAT: Final = "vna-tombstones"
VERSION: Final = 1
_NAME: Final = re.compile(r"(\d{12})-([0-9a-f]{16})\.json")
_MALFORMED: Final = (KeyError, TypeError, ValueError, AttributeError)


@dataclass(frozen=True, slots=True)
class Told:
    """What a ledger says was eliminated: where in which history, and the digest of its entry."""

    position: int
    chain_hash: bytes
    scope: Scope
    rules: tuple[str, ...]
    digest: str


class BrokenLedger(StartRefused):
    """A page of the ledger is not what it should be; the message says which, where, and why."""


class Ledger:
    """The ledger of one archive, in one place or more, by what each is called."""

    def __init__(self, index: Index, places: Mapping[str, Documents], key: Callable[[], SigningKey]) -> None:
        """Take the index, whose tombstones are written down; `key` gives the archive's key when it is needed."""
        self._index, self._places, self._key = index, dict(places), key

    def enter(self, buried: Sequence[Buried]) -> None:
        """Write tombstones down in every place; those that stand there already are not written twice.

        Raises:
            OutOfResources: a place cannot be written.
        """
        if not buried:
            return
        with index_errors():
            entries = [self._entry(each) for each in buried]
            archive = self._index.journal.archive()
        key = self._key()
        claim = {"format": FORMAT, "version": VERSION, "archive": archive, "entries": entries}
        claim["public_key"] = key.public
        page = canonical({**claim, "signature": key.sign_bytes(canonical(claim)).hex()})
        name = f"{buried[-1].number:012}-{hashlib.sha256(page).hexdigest()[:16]}.json"
        with storage_errors():
            for documents in self._places.values():
                documents.create_exclusively(name, page)

    def read(self) -> list[Told]:
        """Return all that the places say, in order, and bring each what only others have.

        Raises:
            BrokenLedger: a page was altered, is of another archive or signed with another key.
            OutOfResources: a place cannot be read, or not be brought what it lacks.
        """
        with index_errors():
            archive = self._index.journal.archive()
        pages: dict[str, bytes] = {}
        with storage_errors():
            there = {place: set(filter(_NAME.fullmatch, kept.names())) for place, kept in self._places.items()}
            for place, names in there.items():
                for name in names:
                    pages[name] = page = self._places[place].read(name)
                    self._check(f"{place}/{name}", name, page, archive)
            for place, names in there.items():
                for name in pages.keys() - names:
                    self._places[place].create_exclusively(name, pages[name])
        told = [each for name in sorted(pages) for each in _told(pages[name], archive)]
        return list({each.digest: each for each in told}.values())

    def unknown(self) -> list[Told]:
        """Return what was eliminated in another history, and was not let go again in this one.

        Raises:
            BrokenLedger, OutOfResources: as `read`.
        """
        told = self.read()
        with index_errors():
            followed = self._index.tombstones.followed()
            return [
                each
                for each in told
                if each.digest not in followed and self._index.reader.head_at(each.position) != each.chain_hash
            ]

    def _entry(self, buried: Buried) -> dict[str, Any]:
        chain_hash = self._index.reader.head_at(buried.number)
        scope = buried.scope
        return {
            "position": buried.number,
            "hash": (chain_hash or b"").hex(),
            "time": buried.time,
            "elimination": buried.elimination,
            "study": scope.study,
            "series": scope.series or "",
            "instance": scope.instance or "",
            "rules": list(buried.rules),
            "manifest": buried.manifest,
            "instances": buried.instances,
            "size": buried.size,
        }

    def _check(self, where: str, name: str, page: bytes, archive: str) -> None:
        try:
            claim = json.loads(page)
            signature, public_key = bytes.fromhex(claim.pop("signature")), str(claim["public_key"])
            if (claim["format"], claim["version"]) != (FORMAT, VERSION):
                raise BrokenLedger(f"{where}: it is of a version this release does not know")
            if claim["archive"] != archive:
                raise BrokenLedger(f"{where}: it is of another archive, {claim['archive']}, and this is {archive}")
            Ed25519PublicKey.from_public_bytes(bytes.fromhex(public_key)).verify(signature, canonical(claim))
            list(_told(page, archive))
        except InvalidSignature as exc:
            raise BrokenLedger(f"{where}: its signature is wrong") from exc
        except _MALFORMED as exc:
            raise BrokenLedger(f"{where}: it is no page of a ledger of tombstones") from exc
        if public_key != self._key().public:
            raise BrokenLedger(f"{where}: it is signed with another key than this archive's, {public_key}")
        if name.partition("-")[2] != f"{hashlib.sha256(page).hexdigest()[:16]}.json":
            raise BrokenLedger(f"{where}: it stands under another one's name")


def _told(page: bytes, archive: str) -> Iterator[Told]:
    for entry in json.loads(page)["entries"]:
        yield Told(
            position=int(entry["position"]),
            chain_hash=bytes.fromhex(entry["hash"]),
            scope=Scope(
                StudyUID(entry["study"]),
                SeriesUID(entry["series"]) if entry["series"] else None,
                InstanceUID(entry["instance"]) if entry["instance"] else None,
            ),
            rules=tuple(map(str, entry["rules"])),
            digest=digest_of({"archive": archive, **entry}),
        )
