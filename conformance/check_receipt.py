"""Checks a signed receipt of the archive: `python check_receipt.py RECEIPT PUBLIC-KEY [FOLDER]`.

Says whether the key signed it and, given a folder of DICOM files, whether what the archive serves is in it.
It needs the package `cryptography` and nothing of the archive. Exit status: 0 all is as the receipt says, 1 it is not.
"""

import hashlib
import json
import sys
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey


def check_signature(receipt: dict[str, str], public_key: str) -> None:
    """See that the key, in hex, signed the receipt: all of it but "signature", sorted and without white space."""
    claim = {name: value for name, value in receipt.items() if name != "signature"}
    message = json.dumps(claim, sort_keys=True, separators=(",", ":")).encode("ascii")
    try:
        key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(public_key))
        key.verify(bytes.fromhex(receipt["signature"]), message)
    except (InvalidSignature, ValueError, KeyError):
        sys.exit("FALSE: this key did not sign this receipt")


def digest(file: bytes) -> str:
    """Return SHA-256(transfer syntax UID, a zero byte, data set) of a DICOM file (PS3.10 7.1)."""
    at, syntax = 132, b""
    while file[at : at + 2] == b"\2\0":  # File Meta: group 2, Explicit VR Little Endian
        wide = file[at + 4 : at + 6] in (b"OB", b"OW", b"UN", b"SQ", b"UT")
        start = at + (12 if wide else 8)
        end = start + int.from_bytes(file[start - (4 if wide else 2) : start], "little")
        syntax = file[start:end].rstrip(b"\0 ") if file[at + 2 : at + 4] == b"\x10\0" else syntax
        at = end
    return hashlib.sha256(syntax + b"\0" + file[at:]).hexdigest()


if __name__ == "__main__":
    told = json.loads(Path(sys.argv[1]).read_bytes())
    check_signature(told, sys.argv[2])
    served = [each for each in told["instances"] if each["state"] == "served"]  # others are kept beside them
    print(f"signed: study {told['study']}, instances: {len(served)}, {told['time']}")
    if len(sys.argv) > 3:
        files = [path for path in Path(sys.argv[3]).rglob("*") if path.is_file()]
        found = {digest(data) for path in files if (data := path.read_bytes())[128:132] == b"DICM"}
        missing = [each["instance"] for each in served if each["sha256"] not in found]
        print(f"{len(served) - len(missing)} of them are here as the archive holds them")
        sys.exit("\n".join(["NOT HERE, OR ALTERED:", *missing]) if missing else 0)
