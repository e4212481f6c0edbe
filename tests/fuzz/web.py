"""What web clients send: multipart bodies, data sets in JSON and XML, pictures and videos."""

from collections.abc import Iterator

import orjson

from conformance import oddities, phantoms
from dicomweb.multipart_reading import BrokenMultipart, MultipartReader, PartData, PartEnd, PartStart, TooManyParts
from fuzz.target import Finding
from held_data_sets import held
from storage_backends import MemoryContent
from storing_over_web import BOUNDARY, body_of
from vna.archive.media import describe_image
from vna.archive.videos import describe_video
from vna.dicom.encoding import EXPLICIT_LE_UID
from vna.dicom.json_model import JsonWriter
from vna.dicom.json_reading import parse_json, read_model
from vna.dicom.recode import written
from vna.dicom.values import Bulk
from vna.dicom.xml_model import native_xml
from vna.dicom.xml_reading import parse_xml
from vna.errors import CannotConvert, CannotUnderstand, SyntaxNotSupported

_MOST_PARTS = 50
_IMAGES = ("image/jpeg", "image/jls", "image/jp2", "image/jphc")
_VIDEOS = ("video/mp4", "video/mpeg")


def multipart(data: bytes) -> None:
    """Read a body whole and cut at a place: the same parts, and no more content than came."""
    cut, body = (data[0], data[1:]) if data else (0, b"")
    whole, pieces = _parts([body]), _parts([body[:cut], body[cut:]])
    if whole != pieces:
        raise Finding("other parts are read where the body comes in two pieces")
    if sum(map(len, whole[0])) > len(body):
        raise Finding("more content than came")


def bodies() -> Iterator[bytes]:
    """Yield bodies, each behind a byte that says where it is cut."""
    contents = (b"", b"\r\n", b"--", f"\r\n--{BOUNDARY}x".encode(), bytes(64))
    for place in (0, 3, 40, 70):
        yield bytes([place]) + body_of([({"Content-Type": "a/b", "X": "y"}, each) for each in contents])
    yield b"\x10preamble\r\n" + body_of([({}, b"x")]) + b"epilogue"


def json_document(data: bytes) -> None:
    """Read data sets in JSON."""
    try:
        models = parse_json(data)
    except CannotUnderstand:
        return
    for model in models[:10]:
        _read(model)


def json_documents() -> Iterator[bytes]:
    """Yield data sets in JSON."""
    for ds in (phantoms.ct_slice(size=2), oddities.secondary_capture(study=1, number=1)):
        yield JsonWriter().data_set(held(phantoms.data_set_bytes(ds), EXPLICIT_LE_UID), bulk_uri="b")
    yield b'[{"00100010": {"Value": [{"Alphabetic": "A^B"}]}}, {"00081115": {"vr": "SQ", "Value": [{}, null]}}]'


def xml_document(data: bytes) -> None:
    """Read a data set in XML."""
    try:
        (model,) = parse_xml(data)
    except CannotUnderstand:
        return
    _read(model)


def xml_documents() -> Iterator[bytes]:
    """Yield the same data sets in XML."""
    for document in json_documents():
        for model in parse_json(document):
            yield native_xml({name: each for name, each in model.items() if each.get("vr", "SQ") != "SQ"})


def media(data: bytes) -> None:
    """Read what pictures and videos say of themselves."""
    for kind in _IMAGES:
        try:
            describe_image(kind, data)
        except (CannotUnderstand, SyntaxNotSupported):
            continue
    for kind in _VIDEOS:
        try:
            describe_video(kind, MemoryContent(data))
        except (CannotUnderstand, SyntaxNotSupported):
            continue


def pictures() -> Iterator[bytes]:
    """Yield the beginnings of pictures and videos."""
    yield phantoms.grey_jpeg("fuzz")
    yield bytes.fromhex(
        "ff4fff51002900000000000800000008" + "00000000" * 2 + "00000008" * 2 + "00000000" * 2 + "0001070101"
    )
    yield bytes.fromhex("ffd8fff7000b080008000801011100ffda0008010100000000")
    yield b"\0\0\0\x10ftypisom" + bytes(4) + b"\0\0\0\x18moov\0\0\0\x10trak\0\0\0\x08mdia"
    yield bytes.fromhex("000001b3") + bytes.fromhex("2d02401337") + bytes(8)


def _parts(chunks: list[bytes]) -> tuple[list[bytes], str]:
    reader, found = MultipartReader(BOUNDARY, max_parts=_MOST_PARTS), list[bytes]()
    try:
        for chunk in chunks:
            for event in reader.feed(chunk):
                if isinstance(event, PartStart):
                    found.append(b"")
                elif isinstance(event, PartData):
                    found[-1] += bytes(event.data)
                elif not isinstance(event, PartEnd):
                    raise Finding("no event")
        reader.close()
    except (BrokenMultipart, TooManyParts) as exc:
        return found, type(exc).__name__
    return found, ""


def _read(model: dict[str, object]) -> None:
    try:
        read = read_model(model)
    except CannotUnderstand:
        return
    if any(isinstance(token, Bulk) for token in read.tokens):
        return
    data = b"".join(written(read.tokens, EXPLICIT_LE_UID, lambda _: iter(())).chunks())
    try:
        again = JsonWriter().data_set(held(data, EXPLICIT_LE_UID), bulk_uri="b")
    except (CannotUnderstand, CannotConvert):
        return
    orjson.loads(again)
