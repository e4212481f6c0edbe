"""Signed receipts: the archive says with its key which instances of a study it holds, as it has just read them back.

A receipt is a JSON document (RFC 8259) of strings and whole numbers:

    {"format": "vna-receipt", "version": 1, "archive": uid, "study": uid, "time": UTC, ISO 8601,
     "sealed": {"position": n, "hash": hex},
     "instances": [{"series": uid, "instance": uid, "sop_class": uid, "version": n, "position": n, "state": word,
                    "transfer_syntax": uid, "size": bytes, "sha256": hex}, ...],
     "public_key": hex, "signature": hex}

Instances are in order of the positions that brought them, every version held: what is given back of an instance has the
state "served", the others are kept beside it ("superseded" by a correction, a "rendition" in another encoding, "aside"
because of other content, "rejected", "limited"). `sha256` is over the transfer syntax UID,
a zero byte, and the data set. The hash is that of the journal's chain at the sealed position, behind all of them.

The signature is Ed25519 (RFC 8032) over the same document without "signature": ASCII, members sorted by name, without
white space. `conformance/check_receipt.py` checks it, and imports nothing of this.
"""

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, Final

from vna.archive.sealing import Sealer
from vna.archive.verify import Finding
from vna.errors import Damaged, NotFound
from vna.index import HeldInstance
from vna.journal import SigningKey
from vna.model import StudyUID

FORMAT: Final = "vna-receipt"
VERSION: Final = 1


def write_receipt(study: StudyUID, findings: Iterable[Finding], sealer: Sealer, key: SigningKey) -> str:
    """Return the receipt for a study, as text that ends with a newline; what is held is sealed first.

    Args:
        findings: of the study's versions; none is looked for before the journal is sealed.

    Raises:
        NotFound: nothing is held of it.
        Damaged: an instance does not give its digest: of such a study there is no receipt.
        OutOfResources: the journal cannot be sealed now.
    """
    mark = sealer.seal()
    instances = [_told(finding) for finding in findings if finding.held.version_id <= mark.position]
    if not instances:
        raise NotFound(f"nothing is held of study {study}")
    claim = {
        "format": FORMAT,
        "version": VERSION,
        "archive": sealer.archive(),
        "study": study,
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
        "sealed": {"position": mark.position, "hash": mark.chain_hash.hex()},
        "instances": instances,
        "public_key": key.public,
    }
    message = json.dumps(claim, sort_keys=True, separators=(",", ":")).encode("ascii")
    signed = {**claim, "signature": key.sign_bytes(message).hex()}
    return json.dumps(signed, sort_keys=True, indent=1) + "\n"


def told_version(held: HeldInstance) -> dict[str, Any]:
    """Return what a receipt, and the list of what was eliminated, says of a version, but for its study."""
    return {
        "series": held.key.series,
        "instance": held.key.instance,
        "sop_class": held.sop_class_uid,
        "version": held.version,
        "position": held.version_id,
        "transfer_syntax": held.transfer_syntax,
        "size": held.size,
        "sha256": held.digest,
    }


def _told(finding: Finding) -> dict[str, Any]:
    held: HeldInstance = finding.held
    if finding.problem is not None:
        raise Damaged(f"no receipt, instance {held.key.instance} is damaged: {finding.problem}")
    return {**told_version(held), "state": held.state.value}
