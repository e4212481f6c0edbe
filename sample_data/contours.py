"""A radiotherapy structure set whose contours lie on the slices of a CT (PS3.3 A.19)."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.uid import RTStructureSetStorage

from sample_data.shapes import Floats, Plane
from sample_data.studies import Series, date, item, time
from sample_data.thorax import Thorax

_STEP_MM = 3.0
_HALF_WIDTH_MM = 189.0
_STUDY_COMPONENT = "1.2.840.10008.3.1.2.3.1"
"""Detached Study Management, the retired SOP Class that references to a study still name (PS3.3 C.8.8.5)."""

Edge = tuple[str, int, int]


@dataclass(frozen=True, slots=True)
class _Roi:
    """One structure: its name, interpreted type (PS3.3 C.8.8.8), colour, and how far a point lies outside it."""

    name: str
    kind: str
    colour: tuple[int, int, int]
    distance: Callable[[Plane], Floats]


def structure_set(series: Series, slices: list[Dataset], thorax: Thorax) -> Dataset:
    """Return body, lungs, heart and spinal canal, outlined on every slice that shows them."""
    rois = [
        _Roi("BODY", "EXTERNAL", (0, 200, 0), thorax.body),
        _Roi("Lung_R", "ORGAN", (80, 160, 255), lambda place: thorax.lung(place, left=False)),
        _Roi("Lung_L", "ORGAN", (0, 80, 220), lambda place: thorax.lung(place, left=True)),
        _Roi("Heart", "ORGAN", (230, 40, 40), thorax.heart),
        _Roi("SpinalCanal", "AVOIDANCE", (240, 220, 0), thorax.spinal_canal),
    ]
    ds = series.new_instance(RTStructureSetStorage, 1)
    del ds.ContentDate, ds.ContentTime
    ds.StructureSetLabel, ds.StructureSetName = "THORAX", series.description
    ds.StructureSetDate, ds.StructureSetTime = date(series.when), time(series.when)
    ds.ApprovalStatus, ds.OperatorsName = "UNAPPROVED", ""
    frame_of_reference = slices[0].FrameOfReferenceUID
    ds.FrameOfReferenceUID, ds.PositionReferenceIndicator = frame_of_reference, ""
    ds.ReferencedFrameOfReferenceSequence = [_referenced(slices)]
    ds.StructureSetROISequence = [
        item(
            ROINumber=number,
            ReferencedFrameOfReferenceUID=frame_of_reference,
            ROIName=roi.name,
            ROIGenerationAlgorithm="AUTOMATIC",
        )
        for number, roi in enumerate(rois, 1)
    ]
    ds.ROIContourSequence = [
        item(ReferencedROINumber=n, ROIDisplayColor=list(roi.colour), ContourSequence=list(_contours(roi, slices)))
        for n, roi in enumerate(rois, 1)
    ]
    ds.RTROIObservationsSequence = [
        item(ObservationNumber=n, ReferencedROINumber=n, RTROIInterpretedType=roi.kind, ROIInterpreter="")
        for n, roi in enumerate(rois, 1)
    ]
    return ds


def outlines(distance: Floats) -> Iterator[NDArray[np.float64]]:
    """Yield the closed lines along which a distance is 0: (points, 2), row and column, between grid points.

    Marching squares: each cell of the grid whose corners differ holds one piece of line, or two.
    """
    inside = distance < 0
    links: dict[Edge, list[Edge]] = {}
    mixed = inside[:-1, :-1].astype(int) + inside[:-1, 1:] + inside[1:, :-1] + inside[1:, 1:]
    for r, c in zip(*(v.tolist() for v in np.nonzero((mixed > 0) & (mixed < 4))), strict=True):
        sides: list[tuple[Edge, bool]] = [
            (("h", r, c), inside[r, c] != inside[r, c + 1]),
            (("v", r, c), inside[r, c] != inside[r + 1, c]),
            (("h", r + 1, c), inside[r + 1, c] != inside[r + 1, c + 1]),
            (("v", r, c + 1), inside[r, c + 1] != inside[r + 1, c + 1]),
        ]
        crossed = [edge for edge, differs in sides if differs]
        for one, other in zip(crossed[::2], crossed[1::2], strict=True):
            links.setdefault(one, []).append(other)
            links.setdefault(other, []).append(one)
    while links:
        yield np.array([_crossing(distance, edge) for edge in _loop(links)])


def _loop(links: dict[Edge, list[Edge]]) -> list[Edge]:
    """Take one closed line out of the links between edges."""
    at = next(iter(links))
    line = []
    while at in links:
        line.append(at)
        neighbours = links.pop(at)
        at = next((edge for edge in neighbours if edge in links), at)
    return line


def _crossing(distance: Floats, edge: Edge) -> tuple[float, float]:
    """Return where along an edge of the grid the distance is 0."""
    direction, r, c = edge
    down, right = (0, 1) if direction == "h" else (1, 0)
    first, second = float(distance[r, c]), float(distance[r + down, c + right])
    share = first / (first - second)
    return r + down * share, c + right * share


def _contours(roi: _Roi, slices: list[Dataset]) -> Iterator[Dataset]:
    """Yield the contours of a structure, in mm of the patient (PS3.3 C.8.8.6)."""
    steps = np.arange(-_HALF_WIDTH_MM, _HALF_WIDTH_MM + 1, _STEP_MM, dtype=np.float32)
    x, y = np.meshgrid(steps, steps)
    for image in slices:
        z = float(image.ImagePositionPatient[2])
        for line in outlines(roi.distance(Plane(x, y, z, _STEP_MM))):
            if len(line) < 4:
                continue
            points = [(steps[0] + c * _STEP_MM, steps[0] + r * _STEP_MM, z) for r, c in line]
            yield item(
                ContourImageSequence=_reference(image),
                ContourGeometricType="CLOSED_PLANAR",
                NumberOfContourPoints=len(points),
                ContourData=[f"{v:.2f}" for point in points for v in point],
            )


def _referenced(slices: list[Dataset]) -> Dataset:
    """Return the reference to the images the contours lie on (PS3.3 C.8.8.5)."""
    first = slices[0]
    series = item(
        SeriesInstanceUID=first.SeriesInstanceUID, ContourImageSequence=[_reference(image) for image in slices]
    )
    study = item(
        ReferencedSOPClassUID=_STUDY_COMPONENT,
        ReferencedSOPInstanceUID=first.StudyInstanceUID,
        RTReferencedSeriesSequence=series,
    )
    return item(FrameOfReferenceUID=first.FrameOfReferenceUID, RTReferencedStudySequence=study)


def _reference(image: Dataset) -> Dataset:
    return item(ReferencedSOPClassUID=image.SOPClassUID, ReferencedSOPInstanceUID=image.SOPInstanceUID)
