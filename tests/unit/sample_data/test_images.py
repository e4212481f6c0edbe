"""Images mean what their attributes say: Hounsfield units, geometry, frames."""

import numpy as np
from pydicom.dataset import Dataset


def test_air_around_the_patient_is_minus_1000_hounsfield_units(files: dict[str, Dataset]) -> None:
    for ds in _series("Médiastin épais", files):
        hounsfield = ds.pixel_array * ds.RescaleSlope + ds.RescaleIntercept
        assert -1010 < np.median(hounsfield[:12, 40:56]) < -990
        assert ds.PixelRepresentation == 1


def test_the_nodule_has_grown(files: dict[str, Dataset]) -> None:
    then = [ds for ds in _series("Parenchyme 5 mm", files) if float(ds.SliceLocation) == 196]
    now = [ds for ds in _series("Médiastin épais", files) if float(ds.SliceLocation) == 196]

    assert _dense_around_nodule(then[0]) < _dense_around_nodule(now[0])


def test_mr_slices_follow_each_other_along_their_normal(files: dict[str, Dataset]) -> None:
    orientations = set()
    for description in ("T1 SE sag", "T2 TSE tra", "FLAIR cor"):
        found = [ds for ds in _series(description, files) if ds.StudyDate == "20250211"]
        first, second = sorted(found, key=lambda ds: ds.InstanceNumber)
        rows, columns = np.array(first.ImageOrientationPatient, float).reshape(2, 3)
        step = np.array(second.ImagePositionPatient, float) - np.array(first.ImagePositionPatient, float)
        assert np.allclose(step, np.cross(rows, columns) * float(first.SpacingBetweenSlices), atol=1e-3)
        orientations.add(int(np.argmax(np.abs(np.cross(rows, columns)))))
    assert orientations == {0, 1, 2}


def test_the_loop_moves_and_is_in_colour(files: dict[str, Dataset]) -> None:
    loop = next(ds for ds in files.values() if ds.SOPClassUID.name == "Ultrasound Multi-frame Image Storage")
    frames = loop.pixel_array.astype(int)

    assert len(frames) == loop.NumberOfFrames == 3
    assert np.abs(frames[0] - frames[1]).max() > 60
    assert np.abs(frames[1][..., 0] - frames[1][..., 2]).max() > 100
    assert loop.SequenceOfUltrasoundRegions[0].PhysicalUnitsXDirection == 3


def test_mammograms_are_four_views_with_the_chest_wall_outside(files: dict[str, Dataset]) -> None:
    images = _series("Mammographie 4 incidences", files)

    assert {(ds.ImageLaterality, ds.ViewPosition) for ds in images} == {
        (side, view) for side in "RL" for view in ("CC", "MLO")
    }
    for ds in images:
        left, right = ds.pixel_array[:, :10].mean(), ds.pixel_array[:, -10:].mean()
        assert (left < right) == (ds.ImageLaterality == "R")
        assert ds.BreastImplantPresent == "YES"


def test_an_enhanced_ct_places_each_of_its_frames(files: dict[str, Dataset]) -> None:
    volume = next(ds for ds in files.values() if ds.SOPClassUID.name == "Enhanced CT Image Storage")
    heights = [
        float(groups.PlanePositionSequence[0].ImagePositionPatient[2])
        for groups in volume.PerFrameFunctionalGroupsSequence
    ]

    assert len(heights) == volume.NumberOfFrames == len(volume.pixel_array)
    assert heights == sorted(set(heights))


def test_a_slide_is_tiles_that_make_up_its_matrix(files: dict[str, Dataset]) -> None:
    slides = _series("HE x20", files)

    assert sorted(ds.TotalPixelMatrixColumns for ds in slides) == [128, 256]
    for ds in slides:
        assert ds.NumberOfFrames == (ds.TotalPixelMatrixColumns // ds.Columns) * (ds.TotalPixelMatrixRows // ds.Rows)


def _series(description: str, files: dict[str, Dataset]) -> list[Dataset]:
    found = [ds for ds in files.values() if ds.SeriesDescription == description]
    assert found
    return found


def _dense_around_nodule(ds: Dataset) -> int:
    left, top, _ = (float(v) for v in ds.ImagePositionPatient)
    step = float(ds.PixelSpacing[0])
    column, row = round((-78 - left) / step), round((-18 - top) / step)
    around = ds.pixel_array[row - 3 : row + 4, column - 3 : column + 4] + ds.RescaleIntercept
    return int((around > -500).sum())
