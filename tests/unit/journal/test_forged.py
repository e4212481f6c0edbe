"""Files of the journal that somebody made to do harm: all of them are unreadable, and none takes memory or time."""

import cbor2
import pytest
import zstandard
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from vna.events import KeptPayload
from vna.journal.packing import Unreadable, pack
from vna.journal.payloads import FORMAT as PAYLOADS
from vna.journal.payloads import PayloadFile, PayloadReader
from vna.journal.segment import FORMAT as JOURNAL
from vna.journal.segment import Segment
from vna.journal.signing import FORMAT as HEAD
from vna.journal.signing import VERSION, read_head

HUGE = 2**60
"""As many bytes `bytes(HUGE)` would make."""
BASE = b"\1" * 32


def payload_file(*entries: object, first: object = 1) -> bytes:
    head = {"format": PAYLOADS, "version": 1, "archive": "a", "owner": "o", "first": first, "last": 1}
    return pack(map(cbor2.dumps, (head, *entries)))


@pytest.mark.parametrize(
    "entry",
    [
        ["payload", 1, HUGE, BASE, b""],
        ["payload", 1, b"", HUGE, b""],
        ["payload", 1, b"", BASE, HUGE],
        ["payload", float("inf"), b"", BASE, b""],
        ["base", HUGE, b""],
        ["base", BASE, HUGE],
        ["payload"],
        [],
        7,
    ],
    ids=str,
)
def test_a_payload_file_with_other_things_in_it_is_unreadable(entry: object) -> None:
    with pytest.raises(Unreadable):
        PayloadFile.unpack(payload_file(entry))


@pytest.mark.parametrize("marks", [HUGE, "abcd", None], ids=str)
def test_a_segment_with_other_things_in_it_is_unreadable(marks: object) -> None:
    head = {"format": JOURNAL, "version": 1, "archive": "a", "first": 1, "last": 0, "before": BASE}
    tail = {"after": BASE, "marks": marks, "owners": {}}

    with pytest.raises(Unreadable):
        Segment.unpack(pack([cbor2.dumps(head), cbor2.dumps(tail)]))


def test_a_number_without_end_is_unreadable() -> None:
    with pytest.raises(Unreadable):
        PayloadFile.unpack(payload_file(first=float("inf")))


def test_a_head_signed_by_somebody_with_a_number_for_its_hash_is_unreadable() -> None:
    key = Ed25519PrivateKey.generate()
    public = key.public_key().public_bytes_raw()
    claim = {"format": HEAD, "version": VERSION, "archive": "a", "position": 1, "hash": HUGE, "time": "t"}
    claim["public_key"] = public
    signature = key.sign(cbor2.dumps(claim, canonical=True))

    with pytest.raises(Unreadable, match="no signed head"):
        read_head(cbor2.dumps(claim | {"signature": signature}))


def test_a_payload_that_states_a_size_no_payload_has_is_not_opened() -> None:
    base = b"a base"
    packed = bytearray(zstandard.ZstdCompressor().compress(bytes(300)))
    descriptor = packed[4]
    stated = bytes([descriptor & 0x3F | 0xC0]) + (1 << 40).to_bytes(8, "little")  # RFC 8878 3.1.1.1
    kept = KeptPayload("o", b"", BASE, bytes(packed[:4]) + stated + bytes(packed[7:]))
    assert zstandard.frame_content_size(kept.data) == 1 << 40

    with pytest.raises(Unreadable, match="size"):
        PayloadReader({BASE: zstandard.ZstdCompressor().compress(base)}).plain(kept)
