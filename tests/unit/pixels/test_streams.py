"""What streams say of themselves."""

import pytest

from conformance import phantoms
from vna.pixels.streams import BrokenStream, Colour, StreamFacts, jpeg_2000_facts, jpeg_facts, jpeg_ls_facts

JFIF = b"\xff\xe0\x00\x10JFIF\0\x01\x01\0\0\x01\0\x01\0\0"


def adobe(transform: int) -> bytes:
    return b"\xff\xee\x00\x0eAdobe\0\x64\0\0\0\0" + bytes([transform])


def colour_jpeg(*, before: bytes = b"", ids: bytes = b"\1\2\3", sampling: bytes = b"\x11\x11\x11") -> bytes:
    """Return what of a JPEG stream tells its colours."""
    components = b"".join(bytes([i, s, 0]) for i, s in zip(ids, sampling, strict=True))
    frame = b"\xff\xc0\x00\x11\x08\0\x10\0\x20\x03" + components
    return b"\xff\xd8" + before + frame + b"\xff\xda\x00\x0c\x03\1\0\2\0\3\0\0\x3f\0" + b"\x12\x34\xff\xd9"


@pytest.mark.parametrize(
    ("stream", "colour"),
    [
        (colour_jpeg(), Colour.UNKNOWN),
        (colour_jpeg(before=JFIF), Colour.YCBCR),
        (colour_jpeg(before=adobe(0)), Colour.RGB),
        (colour_jpeg(before=adobe(1)), Colour.YCBCR),
        (colour_jpeg(before=JFIF + adobe(0)), Colour.RGB),
        (colour_jpeg(before=adobe(2)), Colour.UNKNOWN),
        (colour_jpeg(before=b"\xff\xee\x00\x07Adobe"), Colour.UNKNOWN),
        (colour_jpeg(ids=b"RGB"), Colour.RGB),
        (colour_jpeg(sampling=b"\x22\x11\x11"), Colour.YCBCR),
        (colour_jpeg(sampling=b"\x21\x11\x11", before=adobe(0)), Colour.RGB),
    ],
)
def test_the_colours_of_a_jpeg_stream(stream: bytes, colour: Colour) -> None:
    assert jpeg_facts(stream) == StreamFacts(16, 32, 3, 8, lossy=True, colour=colour)


@pytest.mark.parametrize("after", [b"", b"\0", b"\xff", b" ", b"\0\xd3\x0c\x99\xfa"])
def test_anything_may_follow_the_end_of_a_jpeg_stream(after: bytes) -> None:
    assert jpeg_facts(phantoms.grey_jpeg("padded") + after).rows == 8


def test_fill_bytes_before_a_marker_are_passed_over() -> None:
    """ITU-T T.81 B.1.1.2."""
    assert jpeg_facts(colour_jpeg(before=b"\xff\xff" + JFIF)).colour is Colour.YCBCR


@pytest.mark.parametrize("cut", range(2, 150, 7))
def test_a_jpeg_stream_cut_anywhere_is_broken(cut: int) -> None:
    with pytest.raises(BrokenStream):
        jpeg_facts(phantoms.grey_jpeg("frame")[:-cut])


def test_a_thumbnail_does_not_end_a_jpeg_stream() -> None:
    thumbnail = phantoms.grey_jpeg("small")
    segment = b"\xff\xe1" + (len(thumbnail) + 2).to_bytes(2, "big") + thumbnail

    with pytest.raises(BrokenStream, match="no end"):
        jpeg_facts(colour_jpeg(before=segment)[:-2])


@pytest.mark.parametrize(("near", "lossy"), [(0, False), (2, True)])
def test_jpeg_ls_says_whether_it_is_lossless(near: int, lossy: bool) -> None:
    frame = b"\xff\xf7\x00\x0b\x0c\0\x10\0\x20\x01\x01\x11\0"
    scan = b"\xff\xda\x00\x08\x01\x01\x00" + bytes([near]) + b"\0\0"

    assert jpeg_ls_facts(b"\xff\xd8" + frame + scan) == StreamFacts(16, 32, 1, 12, lossy=lossy)


@pytest.mark.parametrize(("transform", "lossy"), [(0, True), (1, None)])
def test_jpeg_2000_says_whether_its_wavelet_is_irreversible(transform: int, lossy: bool | None) -> None:
    size = b"\xff\x51\x00\x29\0\0" + b"".join(n.to_bytes(4, "big") for n in (33, 18, 1, 2, 33, 18, 0, 0))
    size += b"\0\1\x8b\1\1"
    coding = b"\xff\x52\x00\x0c\0\0\0\1\0\5\4\4\0" + bytes([transform])

    for wrapping in (b"", b"\x00\x00\x00\x0cjP  \r\n\x87\n"):
        stream = wrapping + b"\xff\x4f" + size + coding + b"\xff\x90\x00\x0a"

        assert jpeg_2000_facts(stream) == StreamFacts(16, 32, 1, 12, signed=True, lossy=lossy)


@pytest.mark.parametrize("stream", [b"", b"\xff\x4f\xff\x51", b"\xff\xd8\xff\xd9", b"nothing"])
def test_what_is_no_stream_is_broken(stream: bytes) -> None:
    for facts in (jpeg_facts, jpeg_ls_facts, jpeg_2000_facts):
        with pytest.raises(BrokenStream):
            facts(stream)
