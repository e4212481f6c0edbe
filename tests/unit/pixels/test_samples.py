"""Compressed images of real scanners and writers, decoded as DCMTK and pydicom decode them."""

import subprocess
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from pydicom.pixels import get_decoder
from pydicom.uid import UID

import dcmtk
from held_data_sets import DataSet, in_file, sample_files
from image_kinds import EXPLICIT_LE, RLE, convert, native_pixels, parsed, run_dcmtk
from shared_samples import SAMPLES, needs_samples
from vna.errors import CannotConvert
from vna.pixels.codecs import COMPRESSIONS, Compression
from vna.pixels.transcode import Transcoder

REFUSED = {
    "fo-dicom/multiframe.dcm": "frame 14 of 140: JPEG: the stream holds 240 x 55 pixels",
    "pydicom/test_files/JPEG2000-embedded-sequence-delimiter.dcm": "the stream holds 1024 x 3722445056 pixels",
    "synthetic/malformed/jpeg-corrupt-stream.dcm": "frame 1 of 3: JPEG: no marker",
}
"""Samples whose streams contradict their attributes or are broken on purpose, with a part of the reason."""

CHROMA_CALLED_RGB = {"fo-dicom/GH195.dcm", "pylibjpeg-data/JPEGBaseline/SC_rgb_jpeg_lossy_gdcm.dcm"}
"""JPEG with subsampled components, which are YCbCr, under a Photometric Interpretation of RGB: DCMTK leaves the colours
of these wrong, as a look at them shows."""

LARGEST = 250_000
"""Bytes of the samples tried: larger ones take long and are alike."""


@cache
def found() -> dict[str, DataSet]:
    """Return the compressed samples by their path."""
    small = [path for path in sample_files() if path.stat().st_size < LARGEST]
    read = {str(path.relative_to(SAMPLES)): in_file(path) for path in small}
    return {name: one for name, one in read.items() if one is not None and one.transfer_syntax in COMPRESSIONS}


def reference(data_set: DataSet, folder: Path) -> np.ndarray | None:
    """Return the pixels as others decode them, None if none of them can."""
    compression = COMPRESSIONS[data_set.transfer_syntax]
    try:
        if compression is Compression.JPEG:
            native = run_dcmtk("dcmdjpeg", folder, data_set)
            return None if native is None else native_pixels(native)
        if compression in (Compression.JPEG_XL, Compression.DEFLATED):
            return None
        ds = parsed(data_set)
        decoder, plugin = (
            get_decoder(UID(data_set.transfer_syntax)),
            "pydicom" if data_set.transfer_syntax == RLE else "",
        )
        pixels = decoder.as_array(ds, raw=True, decoding_plugin=plugin)[0]
    except (subprocess.CalledProcessError, RuntimeError, AttributeError, ValueError):
        return None
    return pixels.astype(np.int64)


@needs_samples
@dcmtk.needs_dcmtk
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("group", range(4))
def test_samples_are_decoded_as_others_decode_them(transcoder: Transcoder, tmp_path: Path, group: int) -> None:
    refused, different, compared = {}, set(), 0
    mine = list(found().items())[group::4]
    for name, data_set in mine:
        try:
            ours = convert(transcoder, data_set, EXPLICIT_LE)
        except CannotConvert as exc:
            refused[name] = str(exc)
            continue
        theirs = reference(data_set, tmp_path) if "PixelData" in parsed(ours) else None
        if theirs is not None:
            compared += 1
            if not np.array_equal(native_pixels(ours).ravel(), theirs.ravel()):
                different.add(name)

    names = {name for name, _ in mine}
    assert refused.keys() == REFUSED.keys() & names
    assert all(REFUSED[name] in reason for name, reason in refused.items())
    assert different == CHROMA_CALLED_RGB & names
    assert compared >= 0.8 * len(mine)


@needs_samples
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", sorted(CHROMA_CALLED_RGB))
def test_subsampled_components_are_converted_whatever_the_attribute_says(transcoder: Transcoder, name: str) -> None:
    """Neutral grey is grey: the mean of its components is about the same."""
    ours = native_pixels(convert(transcoder, found()[name], EXPLICIT_LE))[0]

    means = ours.reshape(-1, 3).mean(axis=0)

    assert means.max() - means.min() < 60


@needs_samples
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("frames", ["liver_deflate", "liver_rle", "liver_j2k"])
def test_bits_are_the_same_in_every_compression(transcoder: Transcoder, frames: str) -> None:
    """The same segmentation in three compressions, with frames that end with a byte and that do not."""
    one = parsed(convert(transcoder, found()[f"pydicom-data/{frames}.dcm"], EXPLICIT_LE)).PixelData
    odd = frames.replace("liver", "liver_nonbyte_aligned")
    other = parsed(convert(transcoder, found()[f"pydicom-data/{odd}.dcm"], EXPLICIT_LE)).PixelData

    same = parsed(convert(transcoder, found()["pydicom-data/liver_j2k.dcm"], EXPLICIT_LE)).PixelData
    same_odd = parsed(convert(transcoder, found()["pydicom-data/liver_nonbyte_aligned_j2k.dcm"], EXPLICIT_LE)).PixelData
    assert (one, other) == (same, same_odd)
