"""Every kind of pixels in every syntax: to it, decoded elsewhere, and back, bit for bit."""

from pathlib import Path

import numpy as np
import pytest

import dcmtk
from image_kinds import (
    DEFLATED_FRAME,
    EXPLICIT_LE,
    IMPLICIT_LE,
    JPEG_XL,
    KINDS,
    RLE,
    Kind,
    as_held,
    convert,
    decoded_elsewhere,
    native_pixels,
    parsed,
    run_dcmtk,
)
from vna.errors import CannotConvert
from vna.pixels.codecs import COMPRESSIONS
from vna.pixels.targets import targets_of
from vna.pixels.transcode import Transcoder

TARGETS = [uid for uid in targets_of(EXPLICIT_LE) if uid in COMPRESSIONS]
SAME_STREAMS = ("4.57", "4.91", "4.202", "4.203")
"""Syntaxes whose streams are made as those of others are: tried with two kinds of pixels only."""
CASES = [
    pytest.param(
        name,
        uid,
        id=f"{name}-{uid.removeprefix('1.2.840.10008.1.2.')}",
        marks=[pytest.mark.long] if (row + column) % 2 else [],  # a chessboard: each kind and each syntax in both
    )
    for row, uid in enumerate(TARGETS)
    for column, name in enumerate(
        ("grey-12", "rgb-8") if uid.removeprefix("1.2.840.10008.1.2.") in SAME_STREAMS else KINDS
    )
]
WHOLE_CELLS = (RLE, DEFLATED_FRAME)
JPEG_2000 = ("4.90", "4.91", "4.201", "4.202", "4.203")


def refusal(kind: Kind, target: str) -> str | None:
    """Return why a kind of pixels cannot be had in a syntax, None if it can."""
    if kind.allocated == 1 and target != DEFLATED_FRAME:
        return "one bit allocated"
    if target in WHOLE_CELLS:
        return None
    if kind.stored == 32 or (kind.stored == 20 and not target.endswith((".90", ".91"))):
        return f"{kind.stored} bits stored are too many"
    return "JPEG XL has no signed pixels" if kind.signed and target == JPEG_XL else None


@pytest.mark.parametrize(("name", "target"), CASES)
def test_pixels_are_kept_bit_for_bit(transcoder: Transcoder, tmp_path: Path, name: str, target: str) -> None:
    kind = KINDS[name]
    original = as_held(kind.data_set(), name)
    reason = refusal(kind, target)
    if reason is not None:
        with pytest.raises(CannotConvert, match=reason):
            convert(transcoder, original, target)
        return

    compressed = convert(transcoder, original, target)
    back = convert(transcoder, compressed, EXPLICIT_LE)

    assert np.array_equal(native_pixels(back), kind.pixels())
    assert_described(compressed, kind, target)
    before, after = parsed(original), parsed(back)
    if kind.by_plane and target not in WHOLE_CELLS:
        assert after.PlanarConfiguration == 0
        after.PlanarConfiguration, after.PixelData = 1, before.PixelData
    assert after == before
    elsewhere = decoded_elsewhere(compressed, tmp_path) if readable_elsewhere(kind, target) else None
    assert elsewhere is None or np.array_equal(elsewhere, kind.pixels())


def assert_described(compressed: object, kind: Kind, target: str) -> None:
    """PS3.5 8.2: what the attributes must say of a stream."""
    ds = parsed(compressed)
    transformed = kind.photometric == "RGB" and target.endswith(JPEG_2000)
    assert ds.PhotometricInterpretation == ("YBR_RCT" if transformed else kind.photometric)
    assert ds["PixelData"].VR == "OB"
    assert ds["PixelData"].is_undefined_length
    assert "LossyImageCompression" not in ds
    if kind.samples == 3:
        assert ds.PlanarConfiguration == int(kind.by_plane and target in WHOLE_CELLS)


def readable_elsewhere(kind: Kind, target: str) -> bool:
    """DCMTK and pydicom expect streams of as many bytes a sample as are allocated."""
    return target == DEFLATED_FRAME or kind.allocated in (8, 16)


@pytest.mark.parametrize(
    ("target", "depth"),
    [("1.2.840.10008.1.2.4.90", 12), ("1.2.840.10008.1.2.4.201", 12), ("1.2.840.10008.1.2.4.70", 12)],
)
def test_streams_have_bits_stored_as_their_precision(transcoder: Transcoder, target: str, depth: int) -> None:
    data = convert(transcoder, as_held(KINDS["grey-12"].data_set()), target).data
    marker, offset = (b"\xff\xc3", 4) if target.endswith("70") else (b"\xff\x4f\xff\x51", 42)

    said = data[data.index(marker) + offset]

    assert said == (depth if target.endswith("70") else depth - 1)


def test_htj2k_is_in_rpcl_with_tile_lengths_and_a_thumbnail(transcoder: Transcoder) -> None:
    """PS3.5 10.18."""
    kind = Kind(8, 8, rows=2049, columns=2049)
    compressed = convert(transcoder, as_held(kind.data_set()), "1.2.840.10008.1.2.4.202").data
    coding = compressed[compressed.index(b"\xff\x52") :]

    assert b"\xff\x55" in compressed[: compressed.index(b"\xff\x93")]
    assert (coding[5], coding[13]) == (2, 1)
    assert 2049 >> coding[9] <= 64


ENCODERS = {
    "jpeg-lossless-1": ("dcmcjpeg", "+e1"),
    "jpeg-lossless-6": ("dcmcjpeg", "+el", "+sv", "6"),
    "jpeg-lossless-4": ("dcmcjpeg", "+el", "+sv", "4"),
    "jpeg-baseline": ("dcmcjpeg", "+eb"),
    "jpeg-baseline-444": ("dcmcjpeg", "+eb", "+s4"),
    "jpeg-baseline-rgb": ("dcmcjpeg", "+eb", "+cr"),
    "jpeg-extended": ("dcmcjpeg", "+ee"),
    "jpeg-progressive": ("dcmcjpeg", "+ep"),
    "jpeg-fragments": ("dcmcjpeg", "+eb", "+fs", "1", "-ot"),
    "jpeg-ls-by-line": ("dcmcjpls", "+il"),
    "jpeg-ls-by-sample": ("dcmcjpls", "+is"),
    "jpeg-ls-by-plane": ("dcmcjpls", "+in"),
    "jpeg-ls-near": ("dcmcjpls", "+en"),
    "rle": ("dcmcrle",),
}
FOREIGN = ("grey-8", "grey-12-signed", "rgb-8-by-plane", "palette-8")
LOSSY = tuple(name for name in ENCODERS if name.startswith(("jpeg-b", "jpeg-e", "jpeg-p", "jpeg-f", "jpeg-ls-near")))


def encodable(name: str, encoder: str) -> bool:
    """DCMTK compresses palette indices and signed pixels not with loss, and 16 bits with JPEG Extended only."""
    kind = KINDS[name]
    if encoder not in LOSSY:
        return True
    if kind.photometric == "PALETTE COLOR" or (kind.signed and encoder == "jpeg-ls-near"):
        return False
    return kind.allocated == 8 or encoder in ("jpeg-extended", "jpeg-ls-near")


@dcmtk.needs_dcmtk
@pytest.mark.parametrize(("name", "encoder"), [(n, e) for n in FOREIGN for e in ENCODERS if encodable(n, e)])
def test_what_dcmtk_encodes_is_decoded_as_dcmtk_does(
    transcoder: Transcoder, tmp_path: Path, name: str, encoder: str
) -> None:
    program, *options = ENCODERS[encoder]
    kind = KINDS[name]
    compressed = run_dcmtk(program, tmp_path, as_held(kind.data_set(), name), *options)
    theirs = run_dcmtk(program.replace("dcmc", "dcmd"), tmp_path, compressed)

    ours = convert(transcoder, compressed, EXPLICIT_LE)

    assert np.array_equal(native_pixels(ours), native_pixels(theirs))
    said, expected = parsed(ours), parsed(theirs)
    assert said.PhotometricInterpretation == expected.PhotometricInterpretation
    assert said.get("LossyImageCompression") == expected.get("LossyImageCompression")
    assert said.get("LossyImageCompressionMethod") == expected.get("LossyImageCompressionMethod")
    assert said.get("PlanarConfiguration") == (None if kind.samples == 1 else int(kind.by_plane and encoder == "rle"))
    assert native_pixels(convert(transcoder, compressed, IMPLICIT_LE)).tobytes() == native_pixels(ours).tobytes()
