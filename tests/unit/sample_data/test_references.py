"""What refers to images refers to images that are there, and lies where it says on them."""

from collections.abc import Iterator

import numpy as np
import pytest
from pydicom.dataset import Dataset

REFERRING = ("SEG", "SR", "KO", "PR", "RTSTRUCT")


def test_every_reference_leads_to_an_instance_of_the_collection(files: dict[str, Dataset]) -> None:
    classes = {ds.SOPInstanceUID: ds.SOPClassUID for ds in files.values()}
    studies = {ds.StudyInstanceUID for ds in files.values()}
    referring = {path: list(_references(ds)) for path, ds in files.items() if ds.Modality in REFERRING}

    assert all(referring.values())
    assert len(referring) == 7
    for path, references in referring.items():
        for sop_class, uid in references:
            assert uid in studies or classes[uid] == sop_class, path


def test_series_that_are_referred_to_exist(files: dict[str, Dataset]) -> None:
    series = {ds.SeriesInstanceUID for ds in files.values()}

    for ds in files.values():
        named = [e.value for e in ds.iterall() if e.keyword == "SeriesInstanceUID"]
        assert set(named) <= series


def test_the_segmented_lungs_are_air(files: dict[str, Dataset]) -> None:
    segmentation = next(ds for ds in files.values() if ds.get("SegmentationType") == "BINARY")
    by_uid = {ds.SOPInstanceUID: ds for ds in files.values()}

    sides = set()
    for mask, groups in zip(segmentation.pixel_array, segmentation.PerFrameFunctionalGroupsSequence, strict=True):
        source = by_uid[groups.DerivationImageSequence[0].SourceImageSequence[0].ReferencedSOPInstanceUID]
        hounsfield = source.pixel_array * source.RescaleSlope + source.RescaleIntercept
        assert -900 < np.median(hounsfield[mask == 1]) < -750
        sides.add(groups.SegmentIdentificationSequence[0].ReferencedSegmentNumber)
    assert sides == {1, 2}


def test_probabilities_fall_across_the_edge(files: dict[str, Dataset]) -> None:
    segmentation = next(ds for ds in files.values() if ds.get("SegmentationType") == "FRACTIONAL")
    values = segmentation.pixel_array

    assert values.max() == segmentation.MaximumFractionalValue
    assert len(np.unique(values)) > 20


@pytest.mark.parametrize(("roi", "low", "high"), [("Lung_R", -900, -750), ("Lung_L", -900, -750), ("Heart", 40, 260)])
def test_contours_lie_on_the_organ_they_name(files: dict[str, Dataset], roi: str, low: int, high: int) -> None:
    structures = next(ds for ds in files.values() if ds.Modality == "RTSTRUCT")
    by_uid = {ds.SOPInstanceUID: ds for ds in files.values()}
    number = next(item.ROINumber for item in structures.StructureSetROISequence if item.ROIName == roi)
    contours = next(c for c in structures.ROIContourSequence if c.ReferencedROINumber == number).ContourSequence

    assert contours
    for contour in contours:
        image = by_uid[contour.ContourImageSequence[0].ReferencedSOPInstanceUID]
        points = np.array(contour.ContourData, float).reshape(-1, 3)
        assert set(points[:, 2]) == {float(image.ImagePositionPatient[2])}
        if _area(points) > 1500:
            inside = _pixels_inside(points, image)
            assert low < np.median(image.pixel_array[inside] + float(image.RescaleIntercept)) < high


def test_the_report_measures_the_nodule_where_it_is(files: dict[str, Dataset]) -> None:
    report = next(ds for ds in files.values() if ds.SOPClassUID.name == "Comprehensive 3D SR Storage")
    by_uid = {ds.SOPInstanceUID: ds for ds in files.values()}
    circle = next(e.value for e in report.iterall() if e.keyword == "GraphicData")
    thin = next(uid for sop_class, uid in _references(report) if by_uid[uid].get("SliceThickness") == 1)
    values = [float(e.value) for e in report.iterall() if e.keyword == "NumericValue"]
    image = by_uid[thin]

    column, row = int(circle[0]), int(circle[1])
    assert values[0] == 11
    assert all(1000 < volume < 6000 for volume in values[1:])
    assert -100 < image.pixel_array[row, column] + image.RescaleIntercept < 150


def _references(ds: Dataset) -> Iterator[tuple[str, str]]:
    """Yield SOP Class and Instance UID of every reference, at any depth."""
    for element in ds:
        if element.VR == "SQ":
            for item in element.value:
                if "ReferencedSOPInstanceUID" in item:
                    yield item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID
                yield from _references(item)


def _area(points: np.ndarray) -> float:
    x, y = points[:, 0], points[:, 1]
    return 0.5 * abs(float(x @ np.roll(y, 1) - y @ np.roll(x, 1)))


def _pixels_inside(points: np.ndarray, image: Dataset) -> np.ndarray:
    """Return which pixels have their middle inside a polygon (even-odd rule)."""
    left, top, _ = (float(v) for v in image.ImagePositionPatient)
    step = float(image.PixelSpacing[0])
    x, y = np.meshgrid(left + np.arange(image.Columns) * step, top + np.arange(image.Rows) * step)
    inside = np.zeros(x.shape, bool)
    for (x0, y0, _), (x1, y1, _) in zip(points, np.roll(points, 1, axis=0), strict=True):
        if y0 != y1:
            inside ^= ((y0 > y) != (y1 > y)) & (x < (x1 - x0) * (y - y0) / (y1 - y0) + x0)
    return inside
