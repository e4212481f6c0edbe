"""Grayscale: from stored values to gray, through Modality LUT, VOI LUT and Presentation LUT (PS3.4 N.2.1).

The attributes of a frame are those of its functional groups, where it has some (PS3.3 C.7.6.16), else of the data set.
With a presentation state its transformations take the place of all that the image says.
"""

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from vna.dicom.tree import Tree
from vna.pixels.image import Image
from vna.pixels.rendering.cells import Stored
from vna.pixels.rendering.lookup import DESCRIPTOR, BrokenTable, Table, table_of
from vna.pixels.rendering.request import FRAME_GROUPS, SHARED_GROUPS, Function, Window

_PIXEL_VALUE_TRANSFORMATION: Final = 0x00289145
_FRAME_VOI_LUT: Final = 0x00289132
_MODALITY_LUT: Final = 0x00283000
_VOI_LUT: Final = 0x00283010
_INTERCEPT, _SLOPE = 0x00281052, 0x00281053
_CENTER, _WIDTH, _FUNCTION = 0x00281050, 0x00281051, 0x00281056
_PADDING, _PADDING_LIMIT = 0x00280120, 0x00280121
_PRESENTATION_LUT, _PRESENTATION_SHAPE = 0x20500010, 0x20500020
_SOP_CLASS: Final = 0x00080016
_SEGMENTATIONS: Final = frozenset({"1.2.840.10008.5.1.4.1.1.66.4", "1.2.840.10008.5.1.4.1.1.66.7"})
_BYTE: Final = 8
_WHITE: Final = 255

Values = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Rescale:
    """Rescale Slope and Intercept."""

    slope: float = 1.0
    intercept: float = 0.0

    def of(self, values: Values) -> Values:
        """Return values rescaled."""
        return values * self.slope + self.intercept


@dataclass(frozen=True, slots=True)
class Range:
    """The values between two, which become black and white: what is shown where nothing else is said."""

    low: float
    high: float


Modality = Table | Rescale
Voi = Table | Window | Range


@dataclass(frozen=True, slots=True)
class Pipeline:
    """The transformations of a frame; `voi` None is the range its pixels have."""

    modality: Modality
    voi: Voi | None
    presentation: Table | None = None
    inverse: bool = False

    def grey(self, values: Values) -> NDArray[np.uint8]:
        """Return the gray of stored values; `voi` is known."""
        shown = _windowed(self.modality.of(values), self.voi or Range(0, 1))
        if self.presentation is not None:
            table = self.presentation
            shown = table.of(shown * (len(table.entries) - 1) + table.first) / table.top
        if self.inverse:
            shown = 1 - shown
        return np.floor(np.clip(shown, 0, 1) * _WHITE + 0.5).astype(np.uint8)


def group_of(header: Tree, tag: int) -> Tree:
    """Return the item of a functional group that holds for the frame; the data set itself where there is none."""
    for groups in (FRAME_GROUPS, SHARED_GROUPS):
        found = header.item(groups).items(tag)
        if found:
            return found[0]
    return header


def pipeline_of(header: Tree, image: Image | None, window: Window | None) -> Pipeline:
    """Return the transformations that an image asks for; `image` None for floating point pixels."""
    signed = image is not None and image.signed
    modality = modality_of(group_of(header, _PIXEL_VALUE_TRANSFORMATION), signed=signed)
    voi = window or voi_of(group_of(header, _FRAME_VOI_LUT), modality, signed=signed)
    if voi is None and image is not None and image.bits_stored <= _BYTE and not _is_segmentation(header):
        voi = full_range(modality, image)
    inverse = image is not None and image.photometric == "MONOCHROME1"
    inverse = inverse or header.text(_PRESENTATION_SHAPE) == "INVERSE"
    return Pipeline(modality, voi, _presentation_lut(header), inverse)


def softcopy_pipeline(state: Tree, voi_item: Tree | None, image: Image, window: Window | None) -> Pipeline:
    """Return the transformations of a presentation state, which say all there is to say (PS3.3 C.11)."""
    modality = modality_of(state, signed=image.signed)
    voi = window or (None if voi_item is None else voi_of(voi_item, modality, signed=image.signed))
    inverse = state.text(_PRESENTATION_SHAPE) == "INVERSE"
    return Pipeline(modality, voi or full_range(modality, image), _presentation_lut(state), inverse)


def modality_of(item: Tree, *, signed: bool) -> Modality:
    """Return the Modality LUT of an item, the identity if it has none that can be read."""
    table = item.item(_MODALITY_LUT)
    if DESCRIPTOR in table:
        try:
            return table_of(table, signed=signed)
        except BrokenTable:
            return Rescale()
    slope, intercept = item.number(_SLOPE), item.number(_INTERCEPT)
    return Rescale(1.0 if slope is None else slope or 1.0, intercept or 0.0)


def voi_of(item: Tree, modality: Modality, *, signed: bool) -> Voi | None:
    """Return the first window that is one, else the first VOI LUT; None if there is neither."""
    try:
        function = Function(item.text(_FUNCTION) or Function.LINEAR)
    except ValueError:
        function = Function.LINEAR
    for center, width in zip(item.numbers(_CENTER), item.numbers(_WIDTH), strict=False):
        try:
            return Window(center, width, function)
        except ValueError:
            continue
    for table in item.items(_VOI_LUT):
        try:
            return table_of(table, signed=_may_be_negative(table, modality, signed=signed))
        except BrokenTable:
            continue
    return None


def full_range(modality: Modality, image: Image) -> Range:
    """Return all values that can come out of a Modality LUT."""
    if isinstance(modality, Table):
        return Range(0, modality.top)
    low = -(1 << (image.bits_stored - 1)) if image.signed else 0
    ends = modality.of(np.array([low, low + (1 << image.bits_stored) - 1], np.float64))
    return Range(float(ends.min()), float(ends.max()))


def grey_of(pixels: Stored, pipeline: Pipeline, header: Tree) -> NDArray[np.uint8]:
    """Return the gray of stored pixels; each different value is looked at once, where there are not too many.

    Padding is black, whatever the transformations make of its values (PS3.3 C.7.5.1.1.2).
    """
    codes = pixels.codes
    values = pixels.values() if pixels.has_table else pixels.meant(codes)
    padding = padding_of(values, header, signed=pixels.image.signed)
    if pipeline.voi is None:
        counted = (
            np.bincount(codes.reshape(-1), minlength=len(values)) > 0
            if pixels.has_table
            else np.ones_like(values, bool)
        )
        pipeline = replace(pipeline, voi=_used_range(pipeline.modality.of(values[counted & ~padding])))
    grey = pipeline.grey(values)
    grey[padding] = 0
    return grey[codes] if pixels.has_table else grey


def grey_of_floats(values: Values, pipeline: Pipeline) -> NDArray[np.uint8]:
    """Return the gray of floating point pixels; what is no number is black."""
    known = np.isfinite(values)
    if pipeline.voi is None:
        pipeline = replace(pipeline, voi=_used_range(pipeline.modality.of(values[known])))
    grey = pipeline.grey(np.where(known, values, 0.0))
    grey[~known] = 0
    return grey


def padding_of(values: Values, header: Tree, *, signed: bool) -> NDArray[np.bool_]:
    """Return which values are padding (PS3.3 C.7.5.1.1.2)."""
    if _PADDING not in header:
        return np.zeros(values.shape, bool)
    one = _padding_value(header, _PADDING, signed=signed)
    other = _padding_value(header, _PADDING_LIMIT, signed=signed) if _PADDING_LIMIT in header else one
    return np.asarray((values >= min(one, other)) & (values <= max(one, other)))


def _padding_value(header: Tree, tag: int, *, signed: bool) -> int:
    return int.from_bytes(header.raw(tag)[:2], "little", signed=signed)


def _presentation_lut(item: Tree) -> Table | None:
    table = item.item(_PRESENTATION_LUT)
    if DESCRIPTOR not in table:
        return None
    try:
        return table_of(table, signed=False)
    except BrokenTable:
        return None


def _may_be_negative(table: Tree, modality: Modality, *, signed: bool) -> bool:
    """Return whether the first value a VOI LUT maps has a sign: writers give it as US or as SS, as they please."""
    if isinstance(modality, Table):
        return False
    return table.vr(DESCRIPTOR) == "SS" or signed or modality.intercept < 0


def _used_range(shown: Values) -> Range:
    if not shown.size:
        return Range(0, 1)
    return Range(float(shown.min()), float(shown.max()))


def _windowed(values: Values, voi: Voi) -> Values:
    """Return values as parts of the whole, 0 to 1 (PS3.3 C.11.2.1)."""
    if isinstance(voi, Table):
        return voi.of(values) / voi.top
    if isinstance(voi, Range):
        return (values - voi.low) / ((voi.high - voi.low) or 1.0)
    if voi.function is Function.SIGMOID:
        return np.asarray(1 / (1 + np.exp(np.clip(-4 * (values - voi.center) / voi.width, -700, 700))))
    if voi.function is Function.LINEAR_EXACT:
        return (values - voi.center) / voi.width + 0.5
    if voi.width == 1:
        return (values > voi.center - 0.5).astype(np.float64)
    return (values - (voi.center - 0.5)) / (voi.width - 1) + 0.5


def _is_segmentation(header: Tree) -> bool:
    return header.text(_SOP_CLASS) in _SEGMENTATIONS
