"""Certifying an elimination once every place has attested: the certificate is signed, kept, and then recorded.

It is a document beside the sealed journal, `certificates/<number>.json` with twelve digits. It is created before the
event that gives its digest, so one that was cut short in between is found and recorded as it stands.
"""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from storage_backends import BlobNotFound, Documents
from vna.archive.bordereau import list_of
from vna.archive.certificate_checks import Fault, check_certificate
from vna.archive.certificates import sign_certificate
from vna.archive.destruction import Destruction
from vna.archive.elimination_telling import told_attestation, told_step
from vna.archive.eliminations import Eliminations, EliminationShown, EliminationState
from vna.archive.recording import record_if_due
from vna.archive.sealing import Sealer
from vna.archive.translation import storage_errors
from vna.errors import Damaged, NotFound, NotPermitted
from vna.events import EliminationCertified, EliminationItem, JournalMark
from vna.index import Index, ListedItem
from vna.journal import SigningKey

CERTIFICATES: Final = "certificates/"
_LEFT_OUT: Final = ("lines", "comment")
"""Of the description: what every item says, and what somebody wrote."""


def certificate_name(number: int) -> str:
    """Return what the certificate of an elimination is called.

    >>> certificate_name(7)
    'certificates/000000000007.json'
    """
    return f"{CERTIFICATES}{number:012}.json"


@dataclass(frozen=True, slots=True)
class Notary:
    """What a certificate is made with: what seals the journal, what signs, and where certificates are kept."""

    sealer: Sealer
    key: Callable[[], SigningKey]
    documents: Documents

    def kept(self, number: int) -> bytes | None:
        """Return the certificate of an elimination; None where none is kept.

        Raises:
            OutOfResources: the place cannot be read now.
        """
        with storage_errors():
            try:
                return self.documents.read(certificate_name(number))
            except BlobNotFound:
                return None


class Certifier:
    """Writes certificates of one archive."""

    def __init__(self, index: Index, eliminations: Eliminations, destruction: Destruction, notary: Notary) -> None:
        self._index, self._eliminations, self._destruction = index, eliminations, destruction
        self._notary = notary

    def certificate(self, number: int, now: datetime) -> bytes:
        """Return the certificate of an elimination as it was signed.

        Raises:
            NotFound: there is no elimination of this number, or it is not certified.
            Damaged: what is kept is not what was recorded, or nothing is.
            OutOfResources: the place where they are kept cannot be read.
        """
        standing = self._eliminations.standing(number, now)
        known, data = standing.elimination.certificate, self._notary.kept(number)
        if known is None:
            raise NotFound(f"elimination {number} is {standing.state.value}, not certified")
        if data is None or hashlib.sha256(data).hexdigest() != known:
            what = "is missing" if data is None else "is not the one that was recorded"
            raise Damaged(f"the certificate of elimination {number} {what}: {certificate_name(number)}")
        return data

    def certify(self, number: int, now: datetime, actor: str) -> bytes:
        """Return the certificate of an elimination that is destroyed everywhere, making it where there is none.

        Raises:
            NotPermitted: something of it is left to be decided on.
            Damaged: what the certificate has to say does not fit; nothing is signed.
            OutOfResources: the journal cannot be sealed, or the certificate not kept now.
        """
        shown = self._eliminations.show(number, now)
        if shown.standing.state is EliminationState.CERTIFIED:
            return self.certificate(number, now)
        if shown.standing.state is not EliminationState.DESTROYING:
            raise NotPermitted(f"elimination {number} is {shown.standing.state.value}: there is nothing to certify")
        data = self._notary.kept(number) or self._keep(number, self._write(shown, now))
        self._check(data, shown)
        event = EliminationCertified(number, hashlib.sha256(data).hexdigest())
        if record_if_due(self._index, event, actor) is None:  # another process has just recorded it
            return self.certificate(number, now)
        self._notary.sealer.seal()
        return data

    def _keep(self, number: int, data: bytes) -> bytes:
        with storage_errors():
            if self._notary.documents.create_exclusively(certificate_name(number), data):
                return data
        return self._notary.kept(number) or data

    def _write(self, shown: EliminationShown, now: datetime) -> bytes:
        mark, key = self._notary.sealer.seal(), self._notary.key()
        data = sign_certificate(self._sections(shown, mark, now), self._notary.sealer.archive(), key)
        self._check(data, shown)
        return data

    def _check(self, data: bytes, shown: EliminationShown) -> None:
        """See that a certificate is in order before it is kept, and that one found is of just this elimination."""
        elimination, faults = shown.standing.elimination, check_certificate(data, self._notary.key().public)
        if not faults and json.loads(data)["elimination"] != _told(shown):
            faults = [Fault("elimination", "it is another one")]
        if faults:
            raise Damaged(f"no certificate of elimination {elimination.number} in {CERTIFICATES}: {faults[0]}")

    def _sections(self, shown: EliminationShown, mark: JournalMark, now: datetime) -> dict[str, Any]:
        destroyed = self._destroyed(shown)
        objects = [each for item in destroyed for each in item["objects"]]
        totals = {"items": len(destroyed), "objects": len(objects), "size": sum(each["size"] for each in objects)}
        return {
            "issued": now.isoformat(timespec="seconds"),
            "elimination": _told(shown),
            "bordereau": {name: value for name, value in shown.description.items() if name not in _LEFT_OUT},
            "approvals": [told_step(step) for step in shown.steps],
            "list": list_of([_as_listed(item) for item in shown.items]),
            "kept": [_kept(item) for item in shown.items if item.kept_at is not None],
            "destroyed": destroyed,
            "places": [told_attestation(each) for each in shown.attestations],
            "totals": totals,
            "journal": {"position": mark.position, "hash": mark.chain_hash.hex()},
        }

    def _destroyed(self, shown: EliminationShown) -> list[dict[str, Any]]:
        number = shown.standing.elimination.number
        items = {item.scope: item.number for item in shown.items if item.eliminated_at is not None}
        return [
            {
                "item": items[went.scope],
                "position": went.number,
                "time": went.time,
                "manifest": went.manifest,
                "objects": [dict(each) for each in went.objects],
            }
            for went in self._destruction.went(number)
        ]


def _told(shown: EliminationShown) -> dict[str, Any]:
    elimination = shown.standing.elimination
    profile = shown.description["profile"]
    return {
        "number": elimination.number,
        "action": elimination.action,
        "by": elimination.actor,
        "time": elimination.time,
        "profile": {
            "name": profile["name"],
            "version": profile["version"],
            "position": elimination.profile,
            "verified_by": profile["verified_by"],
            "verified_on": profile["verified_on"],
        },
        "roles": list(elimination.roles),
        "visas": list(elimination.visas),
        "wait_days": elimination.wait_days,
        "accepted": list(elimination.accepted),
        "list_digest": elimination.digest,
    }


def _as_listed(item: ListedItem) -> EliminationItem:
    return EliminationItem(item.scope, item.rules, item.retain_until, item.instances, item.size)


def _kept(item: ListedItem) -> dict[str, Any]:
    return {
        "item": item.number,
        "cause": item.cause or "",
        "holds": list(item.holds),
        "by": item.kept_by or "",
        "time": item.kept_time or "",
    }
