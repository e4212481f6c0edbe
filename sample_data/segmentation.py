"""Segmentations of the lungs on a CT: binary, and as probabilities (PS3.3 A.51)."""

import highdicom as hd
import numpy as np
from highdicom.seg import Segmentation, SegmentationTypeValues, SegmentDescription
from highdicom.sr import CodedConcept
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian, RLELossless

from sample_data.ct import Recon
from sample_data.derived import settle
from sample_data.studies import Series
from sample_data.thorax import Thorax

_STRUCTURE = CodedConcept("123037004", "SCT", "Anatomical Structure")
_LUNGS = (CodedConcept("3341006", "SCT", "Right lung"), CodedConcept("44029006", "SCT", "Left lung"))
_EDGE_MM = 2.5
"""How wide the doubt is at the edge of a lung, in the segmentation by probability."""


def binary(series: Series, slices: list[Dataset], thorax: Thorax, recon: Recon) -> Dataset:
    """Return both lungs as two segments of one bit a pixel."""
    masks = np.stack([_distances(thorax, recon, left=left) < 0 for left in (False, True)], axis=-1)
    described = [_segment(n, kind) for n, kind in enumerate(_LUNGS, 1)]
    return _made(series, slices, masks.astype(np.uint8), described)


def fractional(series: Series, slices: list[Dataset], thorax: Thorax, recon: Recon) -> Dataset:
    """Return how likely each pixel is of the right lung, in RLE Lossless."""
    probability = 1 / (1 + np.exp(_distances(thorax, recon, left=False) / _EDGE_MM))
    return _made(series, slices, np.round(probability, 2).astype(np.float32), [_segment(1, _LUNGS[0])])


def volume_ml(segmentation: Dataset, number: int) -> float:
    """Return how much a segment of a binary segmentation holds."""
    shared = segmentation.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0]
    frames = [
        n
        for n, groups in enumerate(segmentation.PerFrameFunctionalGroupsSequence)
        if groups.SegmentIdentificationSequence[0].ReferencedSegmentNumber == number
    ]
    bits = np.unpackbits(np.frombuffer(segmentation.PixelData, np.uint8), bitorder="little")
    size = segmentation.Rows * segmentation.Columns
    count = sum(int(bits[n * size : (n + 1) * size].sum()) for n in frames)
    row, column = (float(v) for v in shared.PixelSpacing)
    between = float(shared.get("SpacingBetweenSlices", shared.SliceThickness))
    return count * row * column * between / 1000


def _distances(thorax: Thorax, recon: Recon, *, left: bool) -> NDArray[np.float32]:
    return np.stack([thorax.lung(recon.plane(z), left=left) for z in recon.heights])


def _segment(number: int, kind: CodedConcept) -> SegmentDescription:
    algorithm = hd.AlgorithmIdentificationSequence(
        name="Lungs from formulas", family=CodedConcept("123109", "DCM", "Manual Processing"), version="1"
    )
    return SegmentDescription(
        segment_number=number,
        segment_label=kind.meaning,
        segmented_property_category=_STRUCTURE,
        segmented_property_type=kind,
        algorithm_type="AUTOMATIC",
        algorithm_identification=algorithm,
    )


def _made(
    series: Series, slices: list[Dataset], pixels: NDArray[np.generic], described: list[SegmentDescription]
) -> Dataset:
    is_binary = pixels.dtype == np.uint8
    made = Segmentation(
        source_images=slices,
        pixel_array=pixels,
        segmentation_type=SegmentationTypeValues.BINARY if is_binary else SegmentationTypeValues.FRACTIONAL,
        segment_descriptions=described,
        series_instance_uid=series.uid,
        series_number=series.number,
        sop_instance_uid=series.instance_uid(1),
        instance_number=1,
        manufacturer=series.equipment.manufacturer,
        manufacturer_model_name=series.equipment.model,
        software_versions=series.equipment.software,
        device_serial_number=series.equipment.serial,
        content_label="LUNGS",
        content_description=series.description,
        transfer_syntax_uid=ExplicitVRLittleEndian if is_binary else RLELossless,
    )
    return settle(made, series, 1)
