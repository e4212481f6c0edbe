"""Data sets, identifiers and text: what is read of them, and what is done with what was read.

Where a target has choices to make (a transfer syntax, a VR), the first byte of its input makes them.
"""

from collections.abc import Iterator, Sequence
from functools import cache

from conformance import oddities, phantoms
from fake_node import identifier
from fuzz.target import Finding
from held_data_sets import held
from shared_samples import SAMPLES
from vna.dicom.admissible import check_admissible
from vna.dicom.attributes import Level, Model
from vna.dicom.describe import describe, key_of
from vna.dicom.encoding import (
    DEFLATED_UID,
    EXPLICIT_BE_UID,
    EXPLICIT_LE_UID,
    GE_PRIVATE_UID,
    IMPLICIT_LE_UID,
    PIXEL_DATA,
)
from vna.dicom.equality import same_content
from vna.dicom.fragments import joined
from vna.dicom.frames import frame_table, pixel_shape
from vna.dicom.identifier import encode_identifier
from vna.dicom.keys import parse_key
from vna.dicom.matching import matches
from vna.dicom.part10 import find_data_set
from vna.dicom.query import Query, parse_identifier, retrieve_query
from vna.dicom.recipe import assemble, cut
from vna.dicom.recode import recode
from vna.dicom.scan import Scan, scan
from vna.dicom.text import decode, encode
from vna.dicom.values import StoredDataSet
from vna.errors import CannotConvert, CannotUnderstand, IdentifierMismatch

_JPEG = "1.2.840.10008.1.2.4.50"
SYNTAXES = (EXPLICIT_LE_UID, IMPLICIT_LE_UID, EXPLICIT_BE_UID, DEFLATED_UID, _JPEG, GE_PRIVATE_UID)
_VRS = ("PN", "LO", "DA", "TM", "DT", "UI", "CS", "IS", "DS", "US", "UT", "ST", "AE", "SH", "UR")
_CHARSETS = (
    "",
    "ISO_IR 100",
    "ISO 2022 IR 87",
    "\\ISO 2022 IR 149",
    "ISO_IR 192",
    "GB18030",
    "\\ISO 2022 IR 58",
    "ISO_IR 13",
)
_SMALL = 16_000


def data_set(data: bytes) -> None:
    """Take a data set apart, describe it, and put it together again: the same bytes, from header and blobs."""
    syntax, content = SYNTAXES[data[0] % len(SYNTAXES)] if data else EXPLICIT_LE_UID, data[1:]
    try:
        found = scan(content, syntax)
    except CannotUnderstand:
        return
    _read(found)
    parts = cut(found, len(content))
    values = [content[each.offset : each.offset + each.length] for each in parts.bulk]
    digests = [f"{number:064x}" for number in range(len(values))]
    blobs = dict(zip(digests, values, strict=True))
    recipe = parts.recipe(digests)
    if assemble(parts.header, recipe, blobs) != content:
        raise Finding("other bytes come out than went in")
    if not found.whole:
        _compare(found, scan(parts.header, syntax, holes=recipe.holes({each: len(blobs[each]) for each in digests})))


def _read(found: Scan) -> None:
    describe(found)
    for strict in (key_of, check_admissible):
        try:
            strict(found)
        except CannotUnderstand:
            continue
    pixel_shape(found)
    for value in found.bulk:
        table = frame_table(found, value)
        if value.encapsulated and table is not None and value.path == (PIXEL_DATA,):
            _join(bytes(found.buffer[value.offset : value.offset + value.length]), table.count)
    for element in found.elements.values():
        try:
            found.items(element)
        except CannotUnderstand:
            continue


def _join(value: bytes, frames: int) -> None:
    for size in (1, 2, max(1, len(value) // max(1, frames))):
        try:
            if sum(map(len, joined([value], frame_bytes=size, size=size * frames))) != size * frames:
                raise Finding("frames of another length than was asked for")
        except CannotConvert:
            continue


def _compare(found: Scan, of_header: Scan) -> None:
    sizes = {tag: (each.vr, each.length, each.undefined) for tag, each in found.elements.items()}
    if sizes != {tag: (each.vr, each.length, each.undefined) for tag, each in of_header.elements.items()}:
        raise Finding("a header is read otherwise than the data set it was cut from")


def data_sets() -> Iterator[bytes]:
    """Data sets of every kind and encoding, and the broken ones beside this checkout."""
    for name, instance in _instances():
        number = SYNTAXES.index(instance.transfer_syntax) if instance.transfer_syntax in SYNTAXES else 4
        if len(instance.data) <= _SMALL or name.startswith("encapsulated"):
            yield bytes([number]) + instance.data[:_SMALL]
    for path in sorted((SAMPLES / "synthetic" / "malformed").glob("*.dcm")):
        content = path.read_bytes()[:_SMALL]
        yield b"\0" + (content[132:] if content[128:132] == b"DICM" else content)


@cache
def _instances() -> Sequence[tuple[str, oddities.Instance]]:
    small = {"slice": oddities.encoded(phantoms.ct_slice(size=16))}
    return [*small.items(), *oddities.every_instance().items()]


def converted(data: bytes) -> None:
    """Write a data set in another uncompressed transfer syntax, and compare the two; what comes out can be read."""
    syntax, content = SYNTAXES[data[0] % 4] if data else EXPLICIT_LE_UID, data[1:]
    try:
        stored = held(content, syntax)
    except CannotUnderstand:
        return
    same_content(stored, _well_made())
    for target in SYNTAXES[:4]:
        try:
            again = b"".join(map(bytes, recode(stored, target).chunks()))
        except (CannotUnderstand, CannotConvert):
            continue
        scan(again, target)


@cache
def _well_made() -> StoredDataSet:
    return held(phantoms.data_set_bytes(phantoms.ct_slice(size=16)), EXPLICIT_LE_UID)


def part10(data: bytes) -> None:
    """Find the data set in a file."""
    try:
        head = find_data_set(data)
    except CannotUnderstand:
        return
    if not 0 <= head.length <= len(data):
        raise Finding("a head that ends outside of its file")


def part10_files() -> Iterator[bytes]:
    """Heads of files with what follows."""
    yield phantoms.part10(phantoms.ct_slice(size=16))[:2000]
    yield phantoms.data_set_bytes(phantoms.ct_slice(size=16))[:500]


def query(data: bytes) -> None:
    """Read an identifier as every kind of request, match with it, and encode an answer."""
    model = list(Model)[data[0] % len(Model)] if data else Model.STUDY_ROOT
    try:
        found = scan(data[1:], IMPLICIT_LE_UID)
    except CannotUnderstand:
        return
    for relational in (False, True):
        for parse in (parse_identifier, retrieve_query):
            try:
                asked = parse(found, model, relational=relational)
            except (IdentifierMismatch, CannotUnderstand):
                continue
            _ask(asked)


def _ask(asked: Query) -> None:
    for values in ({}, _VALUES):
        asked.accepts(values)
    for syntax in (IMPLICIT_LE_UID, EXPLICIT_LE_UID):
        encode_identifier(asked.level, _VALUES, charset_requested=asked.charset, transfer_syntax=syntax)


_VALUES = {
    "PatientName": "Müller^Jürg=山田^太郎=やまだ^たろう",
    "PatientID": "A*?b",
    "StudyDate": "20240229",
    "StudyTime": "235960.123456",
    "ModalitiesInStudy": "CT\\MR",
    "StudyDescription": "THORAX * ?",
    "StudyInstanceUID": "1.2.3",
}


def queries() -> Iterator[bytes]:
    """Identifiers of queries as they should be."""
    keys = {"StudyInstanceUID": "1.2.3", "PatientName": "M?LLER*", "StudyDate": "20240101-", "StudyTime": "-1200"}
    for number, level in enumerate(Level):
        yield bytes([number]) + identifier(QueryRetrieveLevel=level, **keys)
    yield b"\1" + identifier(SpecificCharacterSet="ISO_IR 192", QueryRetrieveLevel="STUDY", ModalitiesInStudy="CT\\MR")


def key(data: bytes) -> None:
    """Read the text of a key, and match it with a value; both are made of the input."""
    vr = _VRS[data[0] % len(_VRS)] if data else "LO"
    text, _, value = data[1:].decode("utf-8", "replace").partition("\0")
    try:
        matcher = parse_key(text, vr)
    except ValueError:
        return
    for each in (value, text, "", *value.split("\\")):
        if matches(matcher, each, vr) not in (True, False):
            raise Finding("neither a match nor none")


def keys() -> Iterator[bytes]:
    """Keys with values they may match."""
    for number, text in enumerate(("M?LLER^J*", "*THORAX*", "20240101-20241231", "-1200", "20240101120000+0100-")):
        yield bytes([number]) + text.encode() + b"\0" + text.encode()
    yield b"\1" + b"*a" * 40 + b"\0" + b"a" * 2000
    yield b"\0" + "山田*=*^太郎".encode() + b"\0" + "Yamada^Tarou=山田^太郎".encode()


def text(data: bytes) -> None:
    """Decode a text, and encode it again."""
    charset = _CHARSETS[data[0] % len(_CHARSETS)] if data else ""
    for vr in ("PN", "LO", "UT"):
        decoded = decode(data[1:], charset, vr=vr)
        again = encode(decoded, charset, vr=vr)
        if again is not None:
            decode(again, charset, vr=vr)
    declared, _, raw = data.partition(b"\0")
    decode(raw, declared.decode("ascii", "replace"))


def texts() -> Iterator[bytes]:
    """Names in several character sets."""
    for number, name in enumerate(
        ("Müller^Jürg", "Yamada^Tarou=山田^太郎", "Hong^Gildong=洪^吉洞=홍^길동", "Wang^XiaoDong=王^小东")
    ):
        for codec in ("latin-1", "iso2022_jp", "iso2022_kr", "gb18030", "utf-8"):
            yield bytes([number]) + name.encode(codec, "replace")
