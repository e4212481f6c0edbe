"""The first frame of an image rendered by other means: pydicom's decoders and transformations, and DCMTK's decoders.

What pydicom does not do is written here once more, from PS3.3 C.11 and C.7.6.16, and as plainly as possible.
"""

import subprocess
import warnings
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset, config, dcmread
from pydicom.pixels import apply_color_lut, apply_modality_lut, apply_voi_lut, pixel_array
from pydicom.sequence import Sequence

import dcmtk

_DCMTK_DECODERS = {f"1.2.840.10008.1.2.4.{number}": "dcmdjpeg" for number in ("51", "57", "70")}
_SEGMENTATIONS = ("1.2.840.10008.5.1.4.1.1.66.4", "1.2.840.10008.5.1.4.1.1.66.7")


class NoReference(Exception):
    """Nobody else reads this image; the message says why."""


def reference(path: Path) -> NDArray[np.float64]:
    """Return gray or RGB from 0 to 255, (rows, columns[, 3]).

    Raises:
        NoReference: there is none.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            ds, pixels = _decoded(path)
            return _rendered(ds, pixels)
        except Exception as exc:
            raise NoReference(f"{type(exc).__name__}: {exc}") from exc


def _decoded(path: Path) -> tuple[Dataset, NDArray[np.generic]]:
    """Return a data set and its first frame; what pydicom has no decoder for is decoded by DCMTK."""
    ds = _read(path)
    program = _DCMTK_DECODERS.get(ds.file_meta.TransferSyntaxUID)
    found = dcmtk.program(program) if program else None
    try:
        return ds, _first(ds)
    except RuntimeError:
        if found is None:
            raise
    with TemporaryDirectory() as folder:
        native = Path(folder) / "native.dcm"
        subprocess.run([str(found), str(path), str(native)], check=True, capture_output=True, timeout=60)
        ds = _read(native)
        return ds, _first(ds)


def _read(path: Path) -> Dataset:
    with config.disable_value_validation():
        ds = dcmread(path, force=True)
    if "TransferSyntaxUID" not in ds.file_meta:
        ds.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2"
    return ds


def _first(ds: Dataset) -> NDArray[np.generic]:
    if "PixelData" in ds:
        return pixel_array(ds, index=0)
    frames = ds.pixel_array
    return frames[0] if frames.ndim == 3 else frames


def _rendered(ds: Dataset, pixels: NDArray[np.generic]) -> NDArray[np.float64]:
    if pixels.ndim == 3:
        return pixels * (255 / ((1 << ds.BitsStored) - 1))
    if ds.PhotometricInterpretation == "PALETTE COLOR":
        colours = apply_color_lut(pixels, ds).astype(np.float64)
        return colours / 257 if colours.max() > 255 else colours
    return _grey(ds, pixels)


def _grey(ds: Dataset, pixels: NDArray[np.generic]) -> NDArray[np.float64]:
    transformation, voi = _group(ds, "PixelValueTransformationSequence"), _group(ds, "FrameVOILUTSequence")
    values = apply_modality_lut(pixels, transformation).astype(np.float64)
    padding = _padding(ds, pixels)
    shown = _windowed(ds, voi, values)
    if shown is None and 0 < ds.get("BitsStored", 0) <= 8 and ds.SOPClassUID not in _SEGMENTATIONS:
        low = -(1 << (ds.BitsStored - 1)) if ds.PixelRepresentation else 0
        ends = apply_modality_lut(np.array([low, low + (1 << ds.BitsStored) - 1]), transformation)
        shown = (values - ends.min()) / (ends.max() - ends.min())
    if shown is None:
        used = values[np.isfinite(values) & ~padding]
        low, high = (used.min(), used.max()) if used.size else (0.0, 1.0)
        shown = (values - low) / ((high - low) or 1.0)
    if ds.PhotometricInterpretation == "MONOCHROME1" or ds.get("PresentationLUTShape") == "INVERSE":
        shown = 1 - shown
    shown = np.clip(shown, 0, 1) * 255
    shown[padding] = 0
    return np.nan_to_num(shown)


def _windowed(ds: Dataset, voi: Dataset, values: NDArray[np.float64]) -> NDArray[np.float64] | None:
    center, width = _number(voi, "WindowCenter"), _number(voi, "WindowWidth")
    if center is not None and width is not None and width >= 1:
        function = voi.get("VOILUTFunction") or "LINEAR"
        if function == "SIGMOID":
            return 1 / (1 + np.exp(-4 * (values - center) / width))
        if function == "LINEAR_EXACT":
            return (values - center) / width + 0.5
        return (values - (center - 0.5)) / (width - 1) + 0.5 if width > 1 else (values > center - 0.5) * 1.0
    if voi.get("VOILUTSequence"):
        bits = voi.VOILUTSequence[0].LUTDescriptor[2]
        return apply_voi_lut(values.astype(np.int64), voi) / ((1 << bits) - 1)
    return None


def _number(voi: Dataset, keyword: str) -> float | None:
    value = voi.get(keyword)
    if value is None or value == "":
        return None
    return float(value[0]) if hasattr(value, "append") else float(value)


def _padding(ds: Dataset, pixels: NDArray[np.generic]) -> NDArray[np.bool_]:
    value = ds.get("PixelPaddingValue")
    if not isinstance(value, int):
        return np.zeros(pixels.shape, bool)
    ends = [_signed(each, ds.PixelRepresentation) for each in (value, ds.get("PixelPaddingRangeLimit", value))]
    return (pixels >= min(ends)) & (pixels <= max(ends))


def _signed(value: int, representation: int) -> int:
    if representation:
        return value - 0x10000 if value > 0x7FFF else value
    return value + 0x10000 if value < 0 else value


def _group(ds: Dataset, keyword: str) -> Dataset:
    for groups in ("PerFrameFunctionalGroupsSequence", "SharedFunctionalGroupsSequence"):
        items: Sequence = ds.get(groups) or Sequence()
        if items and items[0].get(keyword):
            return items[0][keyword].value[0]
    return ds
