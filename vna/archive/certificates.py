"""Certificates of elimination: the archive says with its key what it has destroyed, why, who agreed, and where.

A certificate is a JSON document (RFC 8259) of strings, whole numbers, arrays and objects. It names no patient: UIDs,
digests and counts stand for what has gone.

    {"format": "vna-elimination-certificate", "version": 1, "archive": uid, "public_key": hex,
     "issued":      UTC, ISO 8601,
     "elimination": {"number", "action", "by", "time", "profile": {"name", "version", "position", "verified_by",
                     "verified_on"}, "roles", "visas", "wait_days", "accepted", "list_digest"},
     "bordereau":   what the list was described with when it was proposed (vna.archive.bordereau),
     "approvals":   [{"role", "by", "time", "decision", "reference", "reference_date", "document", "position"}],
     "list":        [[study, series or null, instance or null, [rule ids], retain until, instances, bytes]],
     "kept":        [{"item": place in the list from 1, "cause", "holds", "by", "time"}],
     "destroyed":   [{"item", "position", "time", "manifest": digest, "objects": [...]}],
     "places":      [{"place", "method", "files", "size", "time", "position"}],
     "totals":      {"items", "objects", "size"},
     "journal":     {"position": sealed up to here, "hash": hex of the chain there},
     "digests":     {member: digest, or array of the digests of the member's elements},
     "signature":   hex}

**Canonical** JSON is ASCII, members sorted by name, without white space. A digest is the SHA-256, in hex, of the
canonical JSON of a value; `list_digest` is that of `list`, `manifest` that of `objects`. `digests` holds one for each
of the members from `issued` to `journal`, and one for each element of those that are arrays, so that a change shows
where it is. The signature is Ed25519 (RFC 8032) over the canonical JSON of the object of `format`, `version`,
`archive`, `public_key` and `digests`. `vna.archive.certificate_checks` verifies all of it from the file alone.
"""

import hashlib
import json
from collections.abc import Mapping
from typing import Any, Final

from vna.journal import SigningKey

FORMAT: Final = "vna-elimination-certificate"
VERSION: Final = 1
SECTIONS: Final = (
    "issued",
    "elimination",
    "bordereau",
    "approvals",
    "list",
    "kept",
    "destroyed",
    "places",
    "totals",
    "journal",
)
"""The members that `digests` speaks of."""
HEAD: Final = ("format", "version", "archive", "public_key", "digests")
"""The members that are signed; the digests stand for the others."""


def canonical(value: Any) -> bytes:
    """Return the canonical JSON of a value."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False).encode("ascii")


def digest_of(value: Any) -> str:
    """Return the SHA-256 of the canonical JSON of a value, in hex.

    >>> digest_of({})[:8]
    '44136fa3'
    """
    return hashlib.sha256(canonical(value)).hexdigest()


def digests_of(section: Any) -> str | list[str]:
    """Return what `digests` says of a member."""
    return [digest_of(element) for element in section] if isinstance(section, list) else digest_of(section)


def sign_certificate(sections: Mapping[str, Any], archive: str, key: SigningKey) -> bytes:
    """Return the certificate with these sections, signed, as text that ends with a newline."""
    digests = {name: digests_of(sections[name]) for name in SECTIONS}
    head = {"format": FORMAT, "version": VERSION, "archive": archive, "public_key": key.public, "digests": digests}
    signature = key.sign_bytes(canonical(head)).hex()
    document = {**head, **{name: sections[name] for name in SECTIONS}, "signature": signature}
    return json.dumps(document, sort_keys=True, indent=1).encode("ascii") + b"\n"
