"""What a picture or a document says of itself, as attributes of the instance made of it (PS3.18 10.5.2).

A sender that stores a JPEG picture or a PDF with metadata may leave out what follows from the file: these attributes
are filled in. What it does say of the size of a picture must be so.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from struct import pack
from types import MappingProxyType
from typing import Final

from vna.dicom.encoding import tag_text
from vna.dicom.media_types import IMAGE_SYNTAXES, OLDER_NAMES
from vna.dicom.values import Value
from vna.errors import CannotUnderstand, DataSetMismatch, SyntaxNotSupported
from vna.pixels.streams import BrokenStream, Colour, StreamFacts, jpeg_2000_facts, jpeg_facts, jpeg_ls_facts

_J: Final = "1.2.840.10008.1.2.4."
_HEAD: Final = 1024 * 1024
"""Bytes in which the header of a stream is looked for: colour profiles and comments may stand before it."""

SYNTAXES: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        **IMAGE_SYNTAXES,
        "video/mpeg": (_J + "100", _J + "101", _J + "100.1", _J + "101.1"),
        "video/mp4": (
            *(_J + f"{number}{more}" for number in (102, 103, 104, 105, 106) for more in ("", ".1")),
            *(_J + "107", _J + "108"),
        ),
    }
)
"""Media types of compressed pixels, and the transfer syntaxes they are kept in (PS3.18 tables 8.7.3-5, 10.5.2-1)."""

NATIVE: Final = ("1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.1.99")
"""Transfer syntaxes whose values are as they are kept: little endian."""
DEFLATED_FRAMES: Final = "1.2.840.10008.1.2.8.1"
"""Deflated Image Frame Compression, which has no media type of its own (PS3.18 table 8.7.3-5)."""

_JPEG: Final = frozenset(_J + process for process in ("50", "51", "57", "70"))
"""Each is for streams of its own process (PS3.5 table 8.2.1-1), of which first-order prediction is a lossless one."""
_LOSSLESS: Final = frozenset(_J + number for number in ("80", "90", "92", "201", "202"))

_ALIASES: Final = {
    **OLDER_NAMES,
    "image/jpg": "image/jpeg",
    "image/j2c": "image/jp2",
    "video/mpeg2": "video/mpeg",
    "video/mpeg4": "video/mp4",
    "video/h265": "video/mp4",
}

ROWS, COLUMNS, SAMPLES = 0x00280010, 0x00280011, 0x00280002
_PHOTOMETRIC, _PLANAR = 0x00280004, 0x00280006
_ALLOCATED, _STORED, _HIGH_BIT, _SIGNED = 0x00280100, 0x00280101, 0x00280102, 0x00280103
_LOSSY, _METHOD = 0x00282110, 0x00282114
_MIME_TYPE, _DOCUMENT_LENGTH = 0x00420012, 0x00420015
_OF_THE_STREAM: Final = frozenset({ROWS, COLUMNS, SAMPLES})
_MOST: Final = 0xFFFF
"""Rows and columns that an image may have."""
_METHODS: Final = {"image/jpeg": "ISO_10918_1", "image/jls": "ISO_14495_1", "image/jphc": "ISO_15444_15"}


@dataclass(frozen=True, slots=True)
class Media:
    """What became known of pixels: the transfer syntax they are kept in, and attributes of the image."""

    transfer_syntax: str
    attributes: tuple[Value, ...] = ()


def current_name(media_type: str) -> str:
    """Return the name of a media type that current editions use."""
    return _ALIASES.get(media_type, media_type)


def is_compressed_media(media_type: str) -> bool:
    """Return whether what has this media type is kept as compressed pixels."""
    return current_name(media_type) in SYNTAXES


def media_type_of(transfer_syntax: str) -> str:
    """Return the media type of what is kept in a transfer syntax, empty if its pixels are not compressed."""
    return next((name for name, syntaxes in SYNTAXES.items() if transfer_syntax in syntaxes), "")


def describe_image(media_type: str, head: bytes, *, said: str = "") -> Media:
    """Read the header of a picture.

    Args:
        media_type: one of `SYNTAXES`, of a picture.
        head: the beginning of it.
        said: the transfer syntax the sender names, empty if it does not.

    Raises:
        CannotUnderstand: it is no such picture.
        SyntaxNotSupported: the media type is not kept in the transfer syntax the sender names.
    """
    known = SYNTAXES[media_type]
    if said and said not in known:
        raise SyntaxNotSupported(f"{media_type} is not kept in the transfer syntax {said}")
    head = head[:_HEAD]
    try:
        if media_type == "image/jpeg":
            facts = jpeg_facts(head + b"\xff\xd9")
            syntax = _jpeg_syntax(head)
        elif media_type == "image/jls":
            facts = jpeg_ls_facts(head)
            syntax = _J + ("81" if facts.lossy else "80")
        elif media_type in ("image/jp2", "image/jpx", "image/jphc"):
            facts = jpeg_2000_facts(head)
            syntax = known[-1] if facts.lossy or media_type == "image/jphc" else known[0]
        else:
            return Media(said or known[-1])
    except BrokenStream as exc:
        raise CannotUnderstand(f"{media_type}: {exc}") from exc
    if said and _may_hold(said, syntax, facts):
        syntax = said
    return Media(syntax, tuple(_image(facts, media_type, head)))


def _may_hold(said: str, syntax: str, facts: StreamFacts) -> bool:
    """Return whether a stream may stand in the transfer syntax its sender names, and not in its own alone."""
    if syntax in _JPEG:
        return (said, syntax) == (_J + "57", _J + "70")
    return not (facts.lossy and said in _LOSSLESS)


def describe_document(media_type: str, size: int) -> tuple[Value, ...]:
    """Return the attributes that say what is encapsulated, and how long it is without padding (PS3.3 C.24.2)."""
    return text_value(_MIME_TYPE, "LO", media_type), Value(_DOCUMENT_LENGTH, "UL", pack("<I", size))


def check_agrees(known: Mapping[int, bytes], filled_in: Sequence[Value]) -> None:
    """See that what a sender says of a picture or document is what came.

    Raises:
        DataSetMismatch: it is of another size, has other samples, or is another kind of document.
    """
    for value in filled_in:
        said = known.get(value.tag) or value.data
        if value.tag in _OF_THE_STREAM and said != value.data:
            raise DataSetMismatch(f"{tag_text(value.tag)} is not what the picture says of itself")
        if value.tag == _MIME_TYPE and value.data and said.strip(b" \0").lower() != value.data.strip():
            raise DataSetMismatch(f"{tag_text(value.tag)} is not the media type that the document came with")


def check_alike(first: Media, other: Media) -> None:
    """See that another frame can stand behind the first one, in its transfer syntax.

    Raises:
        DataSetMismatch: it is compressed otherwise, or is of another kind of image.
    """
    if other != first:
        raise DataSetMismatch("the frames differ in transfer syntax, or in what they say of themselves")


def _image(facts: StreamFacts, media_type: str, head: bytes) -> list[Value]:
    if not (0 < facts.rows <= _MOST and 0 < facts.columns <= _MOST and facts.components in (1, 3)):
        raise CannotUnderstand(f"{media_type}: of a size, or with a number of samples, that no image of DICOM has")
    allocated = next((bits for bits in (8, 16, 32) if 0 < facts.precision <= bits), 0)
    if not allocated:
        raise CannotUnderstand(f"{media_type}: {facts.precision} bits a sample")
    found = {
        SAMPLES: facts.components,
        ROWS: facts.rows,
        COLUMNS: facts.columns,
        _ALLOCATED: allocated,
        _STORED: facts.precision,
        _HIGH_BIT: facts.precision - 1,
        _SIGNED: int(facts.signed),
    }
    if facts.components > 1:
        found[_PLANAR] = 0
    values = [number_value(tag, number) for tag, number in found.items()]
    values.append(text_value(_PHOTOMETRIC, "CS", _photometric(facts, media_type, head)))
    if facts.lossy:
        values.append(text_value(_LOSSY, "CS", "01"))
        values.append(text_value(_METHOD, "CS", _METHODS.get(media_type, "ISO_15444_1")))
    return sorted(values)


def _photometric(facts: StreamFacts, media_type: str, head: bytes) -> str:
    """Return Photometric Interpretation as PS3.5 8.2 wants it for streams of each kind."""
    if facts.components == 1:
        return "MONOCHROME2"
    if media_type == "image/jpeg":
        return "RGB" if facts.colour is Colour.RGB or not facts.lossy else "YBR_FULL_422"
    if media_type == "image/jls" or not _transforms_colours(head):
        return "RGB"
    return "YBR_ICT" if facts.lossy else "YBR_RCT"


def _transforms_colours(head: bytes) -> bool:
    """Return whether a JPEG 2000 codestream has the multiple component transformation (ITU-T T.800 table A.17)."""
    start = head.find(b"\xff\x4f\xff\x51")
    coding = head.find(b"\xff\x52", start)
    return 0 <= coding < len(head) - 8 and head[coding + 8] == 1


def _jpeg_syntax(head: bytes) -> str:
    """Return the transfer syntax of a JPEG stream: that of its process (PS3.5 table 8.2.1-1)."""
    at, marker = 2, 0
    while at + 4 <= len(head):
        marker = head[at + 1]
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            break
        at += 1 if marker == 0xFF else 2 + int.from_bytes(head[at + 2 : at + 4], "big")
    process = {0xC0: "50", 0xC1: "51", 0xC3: "70" if _is_first_order(head, at) else "57"}.get(marker)
    if process is None:
        raise SyntaxNotSupported(
            "image/jpeg: DICOM keeps no progressive, arithmetic or hierarchical process: send it as baseline"
        )
    return _J + process


def _is_first_order(head: bytes, frame: int) -> bool:
    """Return whether a lossless JPEG stream predicts by selection value 1 (Process 14 SV1)."""
    scan = head.find(b"\xff\xda", frame)
    components = head[scan + 4] if 0 <= scan < len(head) - 5 else 0
    selection = scan + 5 + 2 * components
    return selection < len(head) and head[selection] == 1


def number_value(tag: int, number: int) -> Value:
    """Return a value of VR US."""
    return Value(tag, "US", pack("<H", number))


def text_value(tag: int, vr: str, text: str) -> Value:
    """Return a value of a VR of text, in ASCII."""
    data = text.encode()
    return Value(tag, vr, data + b" " * (len(data) % 2))
