"""Bad input: each gets the right status and a comment, none is half stored, and the node goes on as before.

PS3.4 B.2.3: A900 when the data set does not match its SOP Class or command, Cxxx when it cannot be understood.
"""

import struct
import zlib

import pytest

from conformance import oddities, phantoms
from conformance.corpus import Instance, explicit_element
from conformance.messages import Field, MessageReader, Tag
from conformance.requests import (
    STUDY_ROOT_FIND,
    STUDY_ROOT_GET,
    Answer,
    echo,
    find,
    get,
    get_proposals,
    move,
    query_proposals,
    send_request,
    store,
    store_proposals,
)
from conformance.sources import read_part10
from conformance.upper_layer import (
    Address,
    Association,
)
from exchange import unique_keys
from running_node import RunningNode
from shared_samples import SAMPLES, needs_samples

STORED = 0x0000
MISMATCH = 0xA900
NOT_UNDERSTOOD = 0xC000
NO_CONTEXT = None

SAMPLE_ANSWERS: dict[str, tuple[int | None, str]] = {
    "bad-date.dcm": (STORED, ""),
    "bad-vr.dcm": (STORED, ""),
    "charset-unknown.dcm": (STORED, ""),
    "deflated-bomb-64mb.dcm": (STORED, ""),  # is kept as it came, and inflated up to a bound
    "empty-study-uid.dcm": (NOT_UNDERSTOOD, "(0020,000D) Study Instance UID is empty"),
    "empty.dcm": (NOT_UNDERSTOOD, "(0008,0016) SOP Class UID is missing"),
    "frames-huge.dcm": (STORED, ""),
    "frames-negative.dcm": (STORED, ""),
    "group-length-wrong.dcm": (STORED, ""),
    "html.dcm": (NOT_UNDERSTOOD, "truncated: element (213C,6F64) at offset 0"),
    "jpeg-corrupt-stream.dcm": (STORED, ""),
    "jpeg-no-sequence-delimiter.dcm": (STORED, ""),
    "jpeg-truncated.dcm": (NOT_UNDERSTOOD, "truncated: element (FFFE,E000)"),
    "latin1-bytes-declared-utf8.dcm": (STORED, ""),
    "meta-uid-differs.dcm": (MISMATCH, "SOP Instance UID differs from the command's"),
    "nested-5000-levels.dcm": (NOT_UNDERSTOOD, "nested deeper than 512 levels"),
    "no-dicm.dcm": (NOT_UNDERSTOOD, "(0000,0000) at offset 0 does not belong into a data set"),
    "no-patient-id.dcm": (STORED, ""),
    "no-series-uid.dcm": (NOT_UNDERSTOOD, "(0020,000E) Series Instance UID is missing"),
    "no-sop-class-uid.dcm": (NOT_UNDERSTOOD, "(0008,0016) SOP Class UID is missing"),
    "no-sop-instance-uid.dcm": (NOT_UNDERSTOOD, "(0008,0018) SOP Instance UID is missing"),
    "no-study-uid.dcm": (NOT_UNDERSTOOD, "(0020,000D) Study Instance UID is missing"),
    "patient-id-200-chars.dcm": (STORED, ""),
    "patient-id-html.dcm": (STORED, ""),
    "patient-id-nul.dcm": (STORED, ""),
    "patient-id-sql.dcm": (STORED, ""),
    "pixel-length-too-long.dcm": (NOT_UNDERSTOOD, "truncated: element (7FE0,0010)"),
    "pixel-too-short.dcm": (STORED, ""),  # a whole data set, though its image is not
    "pixel-undefined-length-native.dcm": (NOT_UNDERSTOOD, "where a fragment should start"),
    "pn-length-65535.dcm": (NOT_UNDERSTOOD, "truncated: element (0010,0010)"),
    "png.dcm": (NOT_UNDERSTOOD, "truncated: element (5089,474E)"),
    "preamble-only.dcm": (NOT_UNDERSTOOD, "(0000,0000) at offset 0 does not belong into a data set"),
    "random-after-dicm.dcm": (NOT_UNDERSTOOD, "(0000,0000) at offset 0 does not belong into a data set"),
    "random-bytes.dcm": (NOT_UNDERSTOOD, "truncated: element (7764,D674)"),
    "rows-65535.dcm": (STORED, ""),
    "rows-zero.dcm": (STORED, ""),
    "trailing-garbage.dcm": (NOT_UNDERSTOOD, "(FFFF,FFFF) at offset 41590 does not belong into a data set"),
    "truncated-in-header.dcm": (NOT_UNDERSTOOD, "truncated: element (0008,0005)"),
    "truncated-in-pixels.dcm": (NOT_UNDERSTOOD, "truncated: element (7FE0,0010)"),
    "uid-100-chars.dcm": (NOT_UNDERSTOOD, "(0008,0018) SOP Instance UID is not a UID"),
    "uid-path-traversal.dcm": (NOT_UNDERSTOOD, "(0020,000D) Study Instance UID is not a UID"),
    "uid-with-letters.dcm": (NOT_UNDERSTOOD, "(0008,0018) SOP Instance UID is not a UID"),
    "unknown-transfer-syntax.dcm": (NO_CONTEXT, ""),
}
"""What C-STORE answers to each file of ../shared/samples/synthetic/malformed: status, and part of Error Comment."""


def send(address: Address, instance: Instance) -> Answer | None:
    """Send one instance over an association of its own, which must go on after it; None without a context."""
    proposals = (*store_proposals([instance]), *query_proposals())
    with Association.open(address, proposals) as association:
        if association.context(instance.sop_class_uid, instance.transfer_syntax) is None:
            return None
        answer = store(association, instance)
        assert echo(association).status == STORED
        return answer


def held(address: Address, instance: Instance) -> bytes | None:
    """Return what the node gives back of an instance, if it gives anything."""
    with Association.open(address, get_proposals([instance])) as association:
        instances = get(association, unique_keys(instance), level="IMAGE").instances
    return instances[0].data if instances else None


def studies(address: Address) -> set[str]:
    """Return the Study Instance UIDs of everything that can be found."""
    with Association.open(address, query_proposals()) as association:
        return {match.StudyInstanceUID for match in find(association, {"StudyInstanceUID": ""}).matches}


@needs_samples
def test_every_malformed_sample_is_in_the_table() -> None:
    assert {path.name for path in (SAMPLES / "synthetic" / "malformed").iterdir()} == SAMPLE_ANSWERS.keys()


@needs_samples
@pytest.mark.parametrize("name", SAMPLE_ANSWERS)
def test_malformed_samples_are_answered(node: RunningNode, name: str) -> None:
    data = (SAMPLES / "synthetic" / "malformed" / name).read_bytes()
    try:
        instance = read_part10(data)
    except ValueError:
        instance = Instance("1.2.840.10008.5.1.4.1.1.7", "2.25.123", "1.2.840.10008.1.2.1", data)
    status, comment = SAMPLE_ANSWERS[name]
    before = studies(node.address)

    answer = send(node.address, instance)

    assert (answer and answer.status) == status
    assert answer is None or comment in answer.comment
    if status == STORED:
        assert held(node.address, instance) == instance.data
    else:
        assert studies(node.address) == before


def slice_data(**changes: str | None) -> bytes:
    """Return a small CT slice with elements changed, or removed where None is given."""
    ds = phantoms.ct_slice(study=700, size=16)
    for keyword, value in changes.items():
        if value is None:
            delattr(ds, keyword)
        else:
            ds[keyword]._value = value
    return phantoms.data_set_bytes(ds)


CT = oddities.encoded(phantoms.ct_slice(study=700, size=16))
WHOLE = slice_data()


def with_length(tag: int, length: int) -> bytes:
    """Return the slice with the length of a short element replaced."""
    at = WHOLE.index(struct.pack("<HH", tag >> 16, tag & 0xFFFF))
    return WHOLE[: at + 6] + struct.pack("<H", length) + WHOLE[at + 8 :]


def with_pixel_length(length: int) -> bytes:
    """Return the slice with the length of Pixel Data replaced."""
    at = WHOLE.index(struct.pack("<HH2s", 0x7FE0, 0x0010, b"OW"))
    return WHOLE[: at + 8] + struct.pack("<I", length) + WHOLE[at + 12 :]


def bomb(levels: int) -> bytes:
    """Return the slice with a private sequence nested this deep, written without recursion."""
    start = struct.pack("<HH2sxxI", 0x0029, 0x1010, b"SQ", 0xFFFFFFFF) + struct.pack("<HHI", 0xFFFE, 0xE000, 0xFFFFFFFF)
    end = struct.pack("<HHI", 0xFFFE, 0xE00D, 0) + struct.pack("<HHI", 0xFFFE, 0xE0DD, 0)
    pixels = WHOLE.index(struct.pack("<HH2s", 0x7FE0, 0x0010, b"OW"))
    return WHOLE[:pixels] + start * levels + end * levels + WHOLE[pixels:]


@pytest.mark.parametrize(
    ("data", "status", "comment"),
    [
        (b"", NOT_UNDERSTOOD, "SOP Class UID is missing"),
        (WHOLE[:-1], NOT_UNDERSTOOD, "truncated: element (7FE0,0010)"),
        (WHOLE[:3], NOT_UNDERSTOOD, "truncated"),
        (with_length(0x00100010, 0xFFFE), NOT_UNDERSTOOD, "truncated: element (0010,0010)"),
        (with_pixel_length(0x7FFFFFFE), NOT_UNDERSTOOD, "truncated: element (7FE0,0010)"),
        (with_pixel_length(0xFFFFFFFF), NOT_UNDERSTOOD, "where a fragment should start"),
        (slice_data(StudyInstanceUID=None), NOT_UNDERSTOOD, "(0020,000D) Study Instance UID is missing"),
        (slice_data(StudyInstanceUID=""), NOT_UNDERSTOOD, "(0020,000D) Study Instance UID is empty"),
        (slice_data(SeriesInstanceUID=None), NOT_UNDERSTOOD, "(0020,000E) Series Instance UID is missing"),
        (slice_data(SOPInstanceUID=None), NOT_UNDERSTOOD, "(0008,0018) SOP Instance UID is missing"),
        (slice_data(SOPClassUID=None), NOT_UNDERSTOOD, "(0008,0016) SOP Class UID is missing"),
        (slice_data(SOPInstanceUID="1.2.3"), MISMATCH, "SOP Instance UID differs from the command's"),
        (slice_data(SOPClassUID="1.2.840.10008.5.1.4.1.1.4"), MISMATCH, "SOP Class UID differs from the command's"),
        (slice_data(StudyInstanceUID="../../etc/passwd"), NOT_UNDERSTOOD, "is not a UID"),
        (slice_data(StudyInstanceUID="1." * 40 + "1"), NOT_UNDERSTOOD, "is not a UID"),
        (bomb(600), NOT_UNDERSTOOD, "nested deeper than 512 levels"),
        (bomb(50_000), NOT_UNDERSTOOD, "nested deeper than 512 levels"),
        (b"<html>not DICOM</html>", NOT_UNDERSTOOD, ""),
    ],
    ids=lambda value: None if isinstance(value, bytes) else str(value),
)
def test_a_bad_data_set_is_refused_with_its_reason(node: RunningNode, data: bytes, status: int, comment: str) -> None:
    before = studies(node.address)

    answer = send(node.address, Instance(CT.sop_class_uid, CT.sop_instance_uid, CT.transfer_syntax, data))

    assert answer is not None
    assert answer.status == status
    assert comment in answer.comment
    assert answer.comment.isprintable()
    assert studies(node.address) == before


def test_a_deflated_data_set_that_does_not_inflate_is_refused(node: RunningNode) -> None:
    deflated = zlib.compress(WHOLE, wbits=-15)
    for data in (b"\xff" * 100, deflated[:-20], b""):
        answer = send(node.address, Instance(CT.sop_class_uid, CT.sop_instance_uid, "1.2.840.10008.1.2.1.99", data))

        assert answer is not None
        assert answer.status == NOT_UNDERSTOOD


@pytest.mark.parametrize("step", [97, pytest.param(1, marks=pytest.mark.long)])
def test_a_data_set_cut_anywhere_is_refused_or_kept_as_it_is(node: RunningNode, step: int) -> None:
    """Where the cut is between two elements, what is left may be a data set: then exactly that is kept."""
    for n in range(0, len(WHOLE), step):
        ds = phantoms.ct_slice(study=701, number=n + 1, size=16)
        data = phantoms.data_set_bytes(ds)[:n]
        instance = Instance(ds.SOPClassUID, ds.SOPInstanceUID, CT.transfer_syntax, data)

        answer = send(node.address, instance)

        assert answer is not None
        assert answer.status in (STORED, NOT_UNDERSTOOD)
        if answer.status == STORED:
            assert held(node.address, instance) == data


def refuses(node: RunningNode, fields: dict[Tag, int | str], data: bytes | None, sop_class: str) -> Answer:
    """Send a request on a context of the SOP Class; return the answer to it."""
    proposals = (*query_proposals(), *get_proposals([CT]))
    with Association.open(node.address, proposals) as association:
        send_request(association, sop_class, fields, data)
        message = MessageReader(association.sock, association.pdus).read()
        assert message is not None
        assert echo(association).status == STORED
        return Answer(message.status, message.text(Tag.ERROR_COMMENT), 0, 0, 0, b"")


def element(tag: int, vr: str, value: bytes) -> bytes:
    """Return an element of an identifier in Implicit VR Little Endian."""
    padded = explicit_element(tag, vr, value)[8:]
    return struct.pack("<HHI", tag >> 16, tag & 0xFFFF, len(padded)) + padded


@pytest.mark.parametrize(
    ("identifier", "statuses"),
    [
        (b"", {MISMATCH}),
        (element(0x00080052, "CS", b"PLANET"), {MISMATCH}),
        (element(0x00080052, "CS", b"STUDY")[:-1], {NOT_UNDERSTOOD}),
        (b"\xff" * 99, {NOT_UNDERSTOOD}),
        (element(0x00080052, "CS", b"SERIES"), {MISMATCH}),
    ],
)
def test_a_bad_identifier_is_refused(node: RunningNode, identifier: bytes, statuses: set[int]) -> None:
    for sop_class, field in ((STUDY_ROOT_FIND, Field.FIND_RQ), (STUDY_ROOT_GET, Field.GET_RQ)):
        answer = refuses(node, {Tag.SOP_CLASS: sop_class, Tag.COMMAND_FIELD: field}, identifier, sop_class)

        assert answer.status in statuses
        assert answer.comment


def test_an_unknown_operation_is_told_so(node: RunningNode) -> None:
    answer = refuses(node, {Tag.SOP_CLASS: STUDY_ROOT_FIND, Tag.COMMAND_FIELD: 0x0140}, None, STUDY_ROOT_FIND)

    assert answer.status == 0x0211  # Unrecognized operation, PS3.7 C.5.23


def test_an_unknown_move_destination_is_told_so(node: RunningNode) -> None:
    with Association.open(node.address, query_proposals()) as association:
        answer = move(association, {"StudyInstanceUID": "1.2.3"}, destination="NOBODY")

    assert answer.status == 0xA801  # PS3.4 C.4.2.1.5
    assert "NOBODY" in answer.comment
