"""Verifying a certificate of elimination from its file alone: no node, no index, no settings.

Three things are asked, each with the place where it fails: whether the archive's key has signed it and nothing was
changed since; whether its parts fit each other; and whether it tells of an elimination that was in order (who agreed,
in which order, how long was waited, that every item's time was over, that some place attested).
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from vna.archive.certificates import FORMAT, HEAD, SECTIONS, VERSION, canonical, digest_of, digests_of

_MEMBERS: Final = frozenset((*HEAD, *SECTIONS, "signature"))
_MALFORMED: Final = (ValueError, TypeError, KeyError, IndexError, AttributeError, OverflowError)


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that is wrong with a certificate: where in the file, and what."""

    where: str
    what: str

    def __str__(self) -> str:
        return f"{self.where}: {self.what}"


def check_certificate(data: bytes, public_key: str = "") -> list[Fault]:
    """Return what is wrong with a certificate; nothing where it is genuine, whole and in order.

    Args:
        public_key: that of the archive in hex, known from elsewhere; without it the key is taken from the file, and
            only says that the file was not changed since somebody signed it.
    """
    try:
        document = json.loads(data, object_pairs_hook=_without_doubles)
    except ValueError as exc:
        return [Fault("file", f"it is no certificate: {exc}")]
    if not isinstance(document, dict) or (document.get("format"), document.get("version")) != (FORMAT, VERSION):
        return [Fault("format", f"it is no {FORMAT} of version {VERSION}")]
    faults = [Fault(name, "it is missing") for name in sorted(_MEMBERS - document.keys())]
    faults += [Fault(name, "there is no such member") for name in sorted(document.keys() - _MEMBERS)]
    if faults:
        return faults
    faults = [*_changes(document), *_signature(document, public_key)]
    return faults or _disorder(document)


def _without_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len({name for name, _ in pairs}) != len(pairs):
        raise ValueError("a member stands there twice")
    return dict(pairs)


def _changes(document: dict[str, Any]) -> Iterator[Fault]:
    """Compare each section with its digests."""
    digests = document["digests"]
    if not isinstance(digests, dict) or digests.keys() != set(SECTIONS):
        yield Fault("digests", "they are not those of the sections")
        return
    for name in SECTIONS:
        known, found = digests[name], digests_of(document[name])
        if known == found:
            continue
        if not isinstance(known, list) or not isinstance(found, list) or len(known) != len(found):
            yield Fault(name, "it was changed")
            continue
        for number, (one, other) in enumerate(zip(known, found, strict=True)):
            if one != other:
                yield Fault(f"{name}[{number}]", "it was changed")


def _signature(document: dict[str, Any], public_key: str) -> Iterator[Fault]:
    own = document["public_key"]
    if public_key and str(own).lower() != public_key.lower():
        yield Fault("public_key", "it is not the key that was given: another archive has signed this")
    try:
        key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(own))
        key.verify(bytes.fromhex(document["signature"]), canonical({name: document[name] for name in HEAD}))
    except (InvalidSignature, *_MALFORMED):
        yield Fault("signature", f"it is not that of {', '.join(HEAD)}: one of these was changed, or it was")


def _disorder(document: dict[str, Any]) -> list[Fault]:
    """Say where what was signed does not fit itself or the rules of an elimination."""
    try:
        return [*_list_faults(document), *_approval_faults(document), *_destruction_faults(document)]
    except _MALFORMED as exc:
        return [Fault("file", f"it is not built as a certificate is: {exc!r}")]


def _list_faults(document: dict[str, Any]) -> Iterator[Fault]:
    if digest_of(document["list"]) != document["elimination"]["list_digest"]:
        yield Fault("list", "its digest is not that which was decided on")
    told = sorted(each["item"] for each in (*document["kept"], *document["destroyed"]))
    if told != list(range(1, len(document["list"]) + 1)):
        yield Fault("kept, destroyed", "not every item of the list is in just one of them")


def _approval_faults(document: dict[str, Any]) -> Iterator[Fault]:
    elimination, approvals = document["elimination"], document["approvals"]
    if not elimination["roles"] or [each["role"] for each in approvals] != elimination["roles"]:
        yield Fault("approvals", f"asked for were {', '.join(elimination['roles'])}, in this order")
    persons = [elimination["by"], *(each["by"] for each in approvals)]
    if len(set(persons)) != len(persons):
        yield Fault("approvals", "one person stands there twice, or proposed it too")
    for number, each in enumerate(approvals):
        if each["decision"] != "favourable":
            yield Fault(f"approvals[{number}]", "it is not favourable")
        if each["role"] in elimination["visas"] and not (each["reference"] and each["reference_date"]):
            yield Fault(f"approvals[{number}]", "the visa has no number or no date")


def _destruction_faults(document: dict[str, Any]) -> Iterator[Fault]:
    agreed = [datetime.fromisoformat(each["time"]) for each in document["approvals"]]
    from_then = max(agreed) + timedelta(days=document["elimination"]["wait_days"])
    objects = size = 0
    for number, each in enumerate(document["destroyed"]):
        where, time = f"destroyed[{number}]", datetime.fromisoformat(each["time"])
        listed = document["list"][each["item"] - 1]
        if digest_of(each["objects"]) != each["manifest"]:
            yield Fault(where, "its objects are not those of its manifest")
        if time < from_then:
            yield Fault(where, "it went before all had agreed, or in the waiting time")
        if time.date() <= date.fromisoformat(listed[4]):
            yield Fault(where, "it went before its time was over")
        if each["position"] > document["journal"]["position"]:
            yield Fault(where, "it stands behind the sealed end of the journal")
        objects, size = objects + len(each["objects"]), size + sum(each["size"] for each in each["objects"])
    if document["totals"] != {"items": len(document["destroyed"]), "objects": objects, "size": size}:
        yield Fault("totals", "they are not the sums of what was destroyed")
    if document["destroyed"] and not document["places"]:
        yield Fault("places", "no place has attested the destruction")
