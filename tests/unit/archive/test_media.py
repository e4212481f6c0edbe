"""What pictures and videos say of themselves (PS3.18 10.5.2, PS3.5 8.2)."""

from struct import pack

import imagecodecs
import numpy as np
import pytest

from conformance import phantoms
from storage_backends import MemoryContent
from vna.archive.media import Media, describe_image
from vna.archive.videos import describe_video
from vna.errors import CannotUnderstand, SyntaxNotSupported

J = "1.2.840.10008.1.2.4."
GREY = np.arange(48, dtype=np.uint8).reshape(6, 8)
DEEP = (GREY.astype(np.uint16) * 80)[:, :7].copy()
COLOUR = np.stack([GREY, GREY[::-1], GREY[:, ::-1]], axis=-1)


def lossless_jpeg(*, selection: int) -> bytes:
    """Return a lossless JPEG stream whose header names a predictor."""
    stream = bytearray(imagecodecs.ljpeg_encode(DEEP, bitspersample=12))
    stream[stream.find(b"\xff\xda") + 7] = selection
    return bytes(stream)


def attributes(media: Media) -> dict[str, object]:
    """Return what was found, by tag."""
    return {
        f"{value.tag:08X}": int.from_bytes(value.data, "little") if value.vr == "US" else value.data.decode().strip()
        for value in media.attributes
        if value.vr != "AT"
    }


@pytest.mark.parametrize(
    ("kind", "stream", "syntax", "photometric", "bits"),
    [
        ("image/jpeg", phantoms.grey_jpeg("x"), "50", "MONOCHROME2", 8),
        ("image/jpeg", imagecodecs.jpeg8_encode(COLOUR), "50", "YBR_FULL_422", 8),
        ("image/jpeg", lossless_jpeg(selection=6), "57", "MONOCHROME2", 12),
        ("image/jpeg", lossless_jpeg(selection=1), "70", "MONOCHROME2", 12),
        ("image/jls", imagecodecs.jpegls_encode(GREY), "80", "MONOCHROME2", 8),
        ("image/jls", imagecodecs.jpegls_encode(GREY, level=2), "81", "MONOCHROME2", 8),
        ("image/jls", imagecodecs.jpegls_encode(COLOUR), "80", "RGB", 8),
        ("image/jp2", imagecodecs.jpeg2k_encode(COLOUR, reversible=True, mct=True), "90", "YBR_RCT", 8),
        ("image/jp2", imagecodecs.jpeg2k_encode(COLOUR, level=40, reversible=False, mct=True), "91", "YBR_ICT", 8),
        ("image/jp2", imagecodecs.jpeg2k_encode(COLOUR, reversible=True, mct=False), "90", "RGB", 8),
        ("image/jp2", imagecodecs.jpeg2k_encode(DEEP, reversible=True, bitspersample=12), "90", "MONOCHROME2", 12),
    ],
    ids=["grey", "colour", "lossless", "first-order", "jls", "near", "jls-rgb", "rct", "ict", "no-mct", "deep"],
)
def test_a_picture_says_how_its_image_is(kind: str, stream: bytes, syntax: str, photometric: str, bits: int) -> None:
    found = describe_image(kind, stream)

    said = attributes(found)
    lossy = found.transfer_syntax.rpartition(".")[2] in ("50", "81", "91")
    assert (found.transfer_syntax, said["00280004"], said["00280101"]) == (J + syntax, photometric, bits)
    assert said["00280002"] == (1 if photometric.startswith("MONO") else 3)
    assert (said["00280100"], said["00280102"]) == (8 if bits == 8 else 16, bits - 1)
    assert (said.get("00282110") == "01") is lossy


def test_the_transfer_syntax_its_sender_names_is_taken_where_it_fits() -> None:
    stream = imagecodecs.jpeg2k_encode(GREY, reversible=True)

    assert describe_image("image/jp2", stream, said=J + "91").transfer_syntax == J + "91"
    with pytest.raises(SyntaxNotSupported):
        describe_image("image/jp2", stream, said=J + "50")


@pytest.mark.parametrize(
    ("kind", "stream", "said", "kept"),
    [
        ("image/jpeg", phantoms.grey_jpeg("x"), "70", "50"),
        ("image/jpeg", imagecodecs.jpeg8_encode(DEEP, bitspersample=12), "50", "51"),
        ("image/jpeg", lossless_jpeg(selection=1), "57", "57"),
        ("image/jpeg", lossless_jpeg(selection=6), "70", "57"),
        ("image/jls", imagecodecs.jpegls_encode(GREY, level=2), "80", "81"),
        ("image/jls", imagecodecs.jpegls_encode(GREY), "81", "81"),
        ("image/jp2", imagecodecs.jpeg2k_encode(COLOUR, level=40, reversible=False), "90", "91"),
        ("image/jphc", imagecodecs.htj2k_encode(GREY), "201", "201"),
    ],
)
def test_no_stream_is_kept_in_a_syntax_that_does_not_permit_it(kind: str, stream: bytes, said: str, kept: str) -> None:
    assert describe_image(kind, stream, said=J + said).transfer_syntax == J + kept


@pytest.mark.parametrize("frame", [b"\xff\xc2", b"\xff\xc9", b"\xff\xca"], ids=["progressive", "arithmetic", "both"])
def test_a_process_that_dicom_does_not_keep_has_no_transfer_syntax(frame: bytes) -> None:
    picture = phantoms.grey_jpeg("x").replace(b"\xff\xc0", frame)

    with pytest.raises(SyntaxNotSupported, match="send it as baseline"):
        describe_image("image/jpeg", picture)


def test_a_picture_larger_than_an_image_may_be_is_refused() -> None:
    stream = bytearray(imagecodecs.jpeg2k_encode(GREY, reversible=True))
    at = stream.find(b"\xff\x4f\xff\x51")
    stream[at + 8 : at + 12] = pack(">I", 70_000)

    with pytest.raises(CannotUnderstand):
        describe_image("image/jp2", bytes(stream))


def box(kind: bytes, *content: bytes) -> bytes:
    body = b"".join(content)
    return pack(">I4s", len(body) + 8, kind) + body


def mp4(entry: bytes, codec: bytes, *, before: bytes = b"") -> bytes:
    """Return the boxes of a video of 50 frames in two seconds, 320 x 240, behind a track of sound."""
    sample = bytes(8) + bytes(16) + pack(">HH", 320, 240) + bytes(50) + codec
    described = box(b"stsd", pack(">II", 0, 1), box(entry, sample))
    sizes = box(b"stsz", pack(">III", 0, 0, 50))
    duration = box(b"mdhd", pack(">IIIII", 0, 0, 0, 1000, 2000), bytes(4))

    def track(kind: bytes, *tables: bytes) -> bytes:
        handler = box(b"hdlr", bytes(8), kind, bytes(12))
        return box(b"trak", box(b"mdia", duration, handler, box(b"minf", box(b"stbl", *tables))))

    sound = track(b"soun", box(b"stsz", pack(">III", 0, 0, 999)))
    return box(b"ftyp", b"isom") + before + box(b"moov", sound, track(b"vide", described, sizes))


@pytest.mark.parametrize(
    ("entry", "codec", "syntax"),
    [
        (b"avc1", box(b"avcC", b"\x01\x64\x00\x29"), "102"),
        (b"avc1", box(b"avcC", b"\x01\x64\x00\x2a"), "104"),
        (b"hvc1", box(b"hvcC", b"\x01\x01"), "107"),
        (b"hvc1", box(b"hvcC", b"\x01\x02"), "108"),
    ],
    ids=["avc-4.1", "avc-4.2", "hevc", "hevc-10"],
)
def test_a_video_says_how_it_is(entry: bytes, codec: bytes, syntax: str) -> None:
    found = describe_video("video/mp4", MemoryContent(mp4(entry, codec, before=box(b"mdat", bytes(1000)))))

    said = attributes(found)
    assert found.transfer_syntax == J + syntax
    assert (said["00280011"], said["00280010"], said["00280008"], said["00181063"]) == (320, 240, "50", "40")
    assert said["00280004"] == "YBR_PARTIAL_420"


def test_an_mpeg_2_stream_says_how_it_is() -> None:
    stream = b"\x00\x00\x01\xb3" + bytes([0x2D, 0x02, 0x40, 0x13]) + bytes(20)

    found = describe_video("video/mpeg", MemoryContent(stream))

    assert (found.transfer_syntax, attributes(found)["00280011"], attributes(found)["00280010"]) == (
        J + "100",
        720,
        576,
    )


@pytest.mark.parametrize(
    "file",
    [b"", box(b"moov"), mp4(b"avc1", b"")[:-20], mp4(b"mp4v", b"")],
    ids=["empty", "no-track", "cut-off", "other"],
)
def test_what_is_no_video_of_dicom_is_refused(file: bytes) -> None:
    with pytest.raises((CannotUnderstand, SyntaxNotSupported)):
        describe_video("video/mp4", MemoryContent(file))
