"""Viewports, overlays, shutters, presentation states and writing: where things come to lie."""

import numpy as np
import pytest
from pydicom import Dataset, Sequence

from pictures import image, items, seen, state
from vna.archive import NotInPicture
from vna.errors import CannotConvert
from vna.pixels.rendering.layout import flipped, laid, scaled, turned
from vna.pixels.rendering.lettering import tile
from vna.pixels.rendering.request import Annotation, Region, Viewport

CORNERS = np.array([[10, 20, 30], [40, 50, 60]], np.uint8)
RAMP = np.tile(np.arange(0, 200, 2, dtype=np.uint8), (50, 1))


@pytest.mark.parametrize(
    ("viewport", "shape"),
    [((50, 50), (25, 50)), ((200, 50), (50, 100)), ((300, 300), (150, 300)), ((1, 1), (1, 1)), ((10, 400), (5, 10))],
    ids=str,
)
def test_a_picture_fits_in_the_viewport_and_keeps_its_proportions(
    viewport: tuple[int, int], shape: tuple[int, int]
) -> None:
    assert seen(image(RAMP), viewport=Viewport(*viewport)).shape == shape


def test_a_smaller_picture_stands_for_all_its_pixels() -> None:
    stripes = np.tile(np.array([0, 200], np.uint8), (8, 32))

    assert np.abs(seen(image(stripes), viewport=Viewport(8, 8)) - 100).max() <= 25


def test_a_region_is_cut_out() -> None:
    ds = image(np.arange(100, dtype=np.uint8).reshape(10, 10))

    part = seen(ds, viewport=Viewport(3, 2, Region(4, 6, 3, 2)))

    assert part.tolist() == [[64, 65, 66], [74, 75, 76]]
    rest = seen(ds, viewport=Viewport(3, 1, Region(7, 9, 0, 0)))
    assert rest.tolist() == [[97, 98, 99]]


def test_a_region_is_flipped() -> None:
    ds = image(CORNERS)

    assert seen(ds, viewport=Viewport(3, 2, Region(0, 0, 3, 2, mirrored=True))).tolist() == CORNERS[:, ::-1].tolist()
    assert seen(ds, viewport=Viewport(3, 2, Region(0, 0, 3, 2, upside_down=True))).tolist() == CORNERS[::-1].tolist()


@pytest.mark.parametrize(
    "region", [Region(3, 0, 1, 1), Region(0, 0, 4, 1), Region(0, 1, 1, 2), Region(0, 2, 0, 0)], ids=str
)
def test_a_region_outside_of_the_picture(region: Region) -> None:
    ds = image(CORNERS)

    with pytest.raises(NotInPicture, match="3 x 2"):
        seen(ds, viewport=Viewport(5, 5, region))


def test_places_follow_what_is_done_to_the_picture() -> None:
    pixels = np.zeros((10, 20), np.uint8)
    pixels[2, 5] = 255
    picture = laid(pixels)

    for moved in (
        turned(picture, 1),
        turned(picture, 2),
        turned(picture, 3),
        flipped(picture, mirrored=True, upside_down=False),
        flipped(turned(picture, 1), mirrored=True, upside_down=True),
        scaled(picture, 15, 8, Region(3, 1, 15, 8)),
    ):
        x, y = moved.place(5.5, 2.5)
        assert moved.pixels[int(y), int(x)] == 255


def with_overlay(
    ds: Dataset, group: int, mask: np.ndarray, origin: tuple[int, int] = (1, 1), **more: object
) -> Dataset:
    """Add an overlay plane, or several frames of one (PS3.3 C.9.2)."""
    tag = group << 16
    ds.add_new(tag | 0x10, "US", mask.shape[-2])
    ds.add_new(tag | 0x11, "US", mask.shape[-1])
    ds.add_new(tag | 0x40, "CS", "G")
    ds.add_new(tag | 0x50, "SS", list(origin))
    ds.add_new(tag | 0x100, "US", 1)
    ds.add_new(tag | 0x102, "US", 0)
    packed = np.packbits(mask.astype(np.uint8).reshape(-1), bitorder="little").tobytes()
    ds.add_new(tag | 0x3000, "OW", packed + bytes(len(packed) % 2))
    for name, value in more.items():
        ds.add_new(
            tag | {"frames": 0x15, "first": 0x51, "layer": 0x1001}[name],
            {"frames": "IS", "first": "US", "layer": "CS"}[name],
            value,
        )
    return ds


def test_overlays_are_burnt_in_when_they_are_asked_for() -> None:
    mask = np.eye(5, 7, dtype=bool)
    ds = with_overlay(image(np.full((5, 7), 9, np.uint8)), 0x6000, mask)
    ds = with_overlay(ds, 0x6002, np.ones((1, 1), bool), origin=(5, 1))

    assert (seen(ds) == 9).all()
    expected = np.where(mask, 255, 9)
    expected[4, 0] = 255
    assert np.array_equal(seen(ds, overlays=True), expected)


def test_an_overlay_may_begin_outside_of_the_image() -> None:
    ds = with_overlay(image(np.zeros((4, 4), np.uint8)), 0x6000, np.ones((3, 3), bool), origin=(-1, 3))

    expected = np.zeros((4, 4))
    expected[0, 2:] = 255
    assert np.array_equal(seen(ds, overlays=True), expected)


def test_an_overlay_of_several_frames() -> None:
    """From frame 2 on; its frames do not begin with bytes."""
    masks = np.zeros((2, 3, 3), bool)
    masks[0, 0, 0] = masks[1, 2, 2] = True
    ds = image(np.zeros((9, 3), np.uint8))
    ds.Rows, ds.NumberOfFrames = 3, 3
    ds = with_overlay(ds, 0x6000, masks, frames=2, first=2)

    shown = [seen(ds, frame=frame, overlays=True) for frame in (1, 2, 3)]

    assert [each.nonzero()[0].tolist() for each in shown] == [[], [0], [2]]


def test_an_overlay_in_the_pixel_cells() -> None:
    ds = image(np.array([[5, 0x8005], [0x8000, 3]], np.uint16), stored_bits=8)
    for element, value in ((0x10, 2), (0x11, 2), (0x100, 16), (0x102, 15)):
        ds.add_new(0x60000000 | element, "US", value)

    assert seen(ds).tolist() == [[5, 5], [0, 3]]
    assert seen(ds, overlays=True).tolist() == [[5, 255], [255, 3]]


def test_an_overlay_with_too_few_bits_is_passed_over() -> None:
    ds = with_overlay(image(np.zeros((4, 4), np.uint8)), 0x6000, np.ones((2, 2), bool))
    ds.add_new(0x60000010, "US", 4000)

    assert not seen(ds, overlays=True).any()


def test_shutters_of_an_image() -> None:
    ds = image(np.full((20, 20), 200, np.uint8), ShutterShape=["RECTANGULAR", "CIRCULAR", "UNKNOWN"])
    ds.ShutterLeftVerticalEdge, ds.ShutterRightVerticalEdge = 3, 18
    ds.ShutterUpperHorizontalEdge, ds.ShutterLowerHorizontalEdge = 6, 15
    ds.CenterOfCircularShutter, ds.RadiusOfCircularShutter = [10, 10], 7
    ds.ShutterPresentationValue = 0x4000

    shown = seen(ds)

    rows, columns = np.nonzero(shown == 200)
    assert (rows.min(), rows.max()) == (5, 14)
    assert (columns.min(), columns.max()) == (2, 16)
    assert set(np.unique(shown)) == {0x40, 200}


def test_a_polygonal_shutter() -> None:
    ds = image(
        np.full((10, 10), 200, np.uint8), ShutterShape="POLYGONAL", VerticesOfThePolygonalShutter=[1, 1, 1, 10, 10, 1]
    )

    assert (seen(ds)[[0, 9, 9], [0, 0, 9]] == [200, 200, 0]).all()


def test_a_presentation_state_says_all_there_is_to_say() -> None:
    """Its window, rescale and shape take the place of what the image has."""
    values = np.array([[0, 100], [200, 400]], np.uint16)
    ds = image(
        values,
        WindowCenter="5",
        WindowWidth="2",
        RescaleSlope="9",
        RescaleIntercept="9",
        PhotometricInterpretation="MONOCHROME1",
    )
    window = items(WindowCenter="200", WindowWidth="400", VOILUTFunction="LINEAR_EXACT")
    pr = state(ds, SoftcopyVOILUTSequence=window, RescaleSlope="1", RescaleIntercept="0", RescaleType="US")

    assert seen(ds, through=pr).tolist() == [[0, 64], [128, 255]]
    pr.PresentationLUTShape = "INVERSE"
    assert seen(ds, through=pr).tolist() == [[255, 191], [128, 0]]


def test_without_a_window_a_presentation_state_shows_the_whole_range() -> None:
    ds = image(np.array([[0, 2048], [4095, 1024]], np.uint16), stored_bits=12, WindowCenter="5", WindowWidth="2")

    assert seen(ds, through=state(ds)).tolist() == [[0, 128], [255, 64]]


def test_a_window_of_a_state_is_for_the_images_and_frames_it_names() -> None:
    ds = image(np.array([[0], [100], [0], [100]], np.uint16))
    ds.Rows, ds.NumberOfFrames = 2, 2
    of_second = items(ReferencedSOPInstanceUID=ds.SOPInstanceUID, ReferencedFrameNumber=2)
    of_another = items(ReferencedSOPInstanceUID="1.2.3")
    windows = [
        items(WindowCenter="5000", WindowWidth="2", ReferencedImageSequence=of_another)[0],
        items(WindowCenter="50.5", WindowWidth="101", ReferencedImageSequence=of_second)[0],
        items(WindowCenter="100.5", WindowWidth="201")[0],
    ]
    pr = state(ds, SoftcopyVOILUTSequence=Sequence(windows))

    assert seen(ds, frame=1, through=pr).tolist() == [[0], [128]]
    assert seen(ds, frame=2, through=pr).tolist() == [[0], [255]]


@pytest.mark.parametrize(
    ("rotation", "flip", "expected"),
    [
        (90, "N", [[40, 10], [50, 20], [60, 30]]),
        (180, "N", [[60, 50, 40], [30, 20, 10]]),
        (270, "N", [[30, 60], [20, 50], [10, 40]]),
        (0, "Y", [[30, 20, 10], [60, 50, 40]]),
        (90, "Y", [[10, 40], [20, 50], [30, 60]]),
    ],
    ids=str,
)
def test_rotation_and_flip(rotation: int, flip: str, expected: list[list[int]]) -> None:
    """PS3.3 C.10.6: turned clockwise first, then left and right exchanged."""
    ds = image(CORNERS)

    assert seen(ds, through=state(ds, ImageRotation=rotation, ImageHorizontalFlip=flip)).tolist() == expected


def area(left: int, top: int, right: int, bottom: int, **more: object) -> Sequence:
    return items(DisplayedAreaTopLeftHandCorner=[left, top], DisplayedAreaBottomRightHandCorner=[right, bottom], **more)


def test_a_displayed_area() -> None:
    ds = image(np.arange(100, dtype=np.uint8).reshape(10, 10))

    assert seen(ds, through=state(ds, DisplayedAreaSelectionSequence=area(2, 3, 4, 4))).tolist() == [
        [21, 22, 23],
        [31, 32, 33],
    ]
    beyond = seen(ds, through=state(ds, DisplayedAreaSelectionSequence=area(0, 10, 1, 11)))
    assert beyond.tolist() == [[0, 90], [0, 0]]


def test_corners_of_a_displayed_area_are_those_of_the_turned_image() -> None:
    ds = image(CORNERS)
    pr = state(ds, ImageRotation=180, ImageHorizontalFlip="N", DisplayedAreaSelectionSequence=area(3, 2, 2, 1))

    assert seen(ds, through=pr).tolist() == [[60, 50], [30, 20]]


def test_pixels_that_are_not_square_become_so() -> None:
    ds = image(RAMP)

    tall = state(ds, DisplayedAreaSelectionSequence=area(1, 1, 100, 50, PresentationPixelSpacing=["1", "0.5"]))
    wide = state(ds, DisplayedAreaSelectionSequence=area(1, 1, 100, 50, PresentationPixelAspectRatio=[1, 2]))

    assert seen(ds, through=tall).shape == (100, 100)
    assert seen(ds, through=wide).shape == (50, 200)


@pytest.mark.parametrize("edge", [60_000, 2**31 - 1])
def test_an_area_without_end_is_passed_over(edge: int) -> None:
    ds = image(CORNERS)

    huge = area(-edge, -edge, edge, edge, PresentationPixelAspectRatio=[2**31 - 1, 1])
    assert seen(ds, through=state(ds, DisplayedAreaSelectionSequence=huge)).shape == (2, 3)


def test_overlays_and_shutter_of_a_state() -> None:
    ds = image(
        np.full((4, 4), 100, np.uint8),
        ShutterShape="CIRCULAR",
        CenterOfCircularShutter=[1, 1],
        RadiusOfCircularShutter=1,
    )
    dot, corner = np.zeros((2, 4, 4), bool)
    dot[1, 1] = corner[0, 3] = True
    ds = with_overlay(with_overlay(ds, 0x6000, dot), 0x6002, ~dot)
    pr = state(ds)
    pr.add_new(0x60001001, "CS", "LAYER")
    pr = with_overlay(pr, 0x6004, corner, layer="LAYER")

    shown = seen(ds, through=pr)

    expected = np.full((4, 4), 100)
    expected[1, 1] = expected[0, 3] = 255
    assert np.array_equal(shown, expected)


def test_graphics_and_texts_of_a_state() -> None:
    ds = image(np.zeros((100, 100), np.uint8))
    line = items(
        GraphicAnnotationUnits="PIXEL", GraphicData=[10, 20, 90, 20], GraphicType="POLYLINE", GraphicFilled="N"
    )[0]
    circle = items(
        GraphicAnnotationUnits="DISPLAY", GraphicData=[0.5, 0.7, 0.5, 0.8], GraphicType="CIRCLE", GraphicFilled="Y"
    )[0]
    text = items(UnformattedTextValue="TUMOUR\r\nhere", AnchorPointAnnotationUnits="PIXEL", AnchorPoint=[5, 40])
    note = items(GraphicObjectSequence=Sequence([line, circle]), TextObjectSequence=text)

    shown = seen(ds, through=state(ds, GraphicAnnotationSequence=note))

    assert shown[19, 15:85].all()
    assert not shown[15, 15:85].any()
    assert shown[70, 50] == 255
    assert shown[38:55, 4:40].any()
    turned_over = seen(ds, through=state(ds, GraphicAnnotationSequence=note, ImageRotation=90, ImageHorizontalFlip="N"))
    assert turned_over[15:85, 80].all()


@pytest.mark.parametrize("kind", ["POINT", "POLYLINE", "INTERPOLATED", "CIRCLE", "ELLIPSE", "SPIRAL"])
@pytest.mark.parametrize("data", [[], [1.0], [1.0, 1.0], [5.0, 5.0, 5.0, 9.0], [1e9, float("nan")] * 4], ids=len)
def test_graphics_of_any_form_do_no_harm(kind: str, data: list[float]) -> None:
    ds = image(np.zeros((12, 12), np.uint8))
    graphic = items(GraphicAnnotationUnits="PIXEL", GraphicData=data, GraphicType=kind, GraphicFilled="Y")

    assert seen(ds, through=state(ds, GraphicAnnotationSequence=items(GraphicObjectSequence=graphic))).shape == (12, 12)


def test_a_palette_of_a_state_colours_the_gray() -> None:
    ds = image(np.array([[0, 255]], np.uint8))
    pr = state(ds, SOPClassUID="1.2.840.10008.5.1.4.1.1.11.3")
    for name, last in (("Red", 65535), ("Green", 0), ("Blue", 0x8080)):
        pr.add_new(f"{name}PaletteColorLookupTableDescriptor", "US", [2, 0, 16])
        pr.add_new(f"{name}PaletteColorLookupTableData", "OW", np.array([0, last], np.uint16).tobytes())

    assert seen(ds, through=pr).tolist() == [[[0, 0, 0], [255, 0, 128]]]


def test_a_state_that_blends_cannot_be_applied() -> None:
    ds = image(CORNERS)

    with pytest.raises(CannotConvert, match="cannot be applied"):
        seen(ds, through=state(ds, SOPClassUID="1.2.840.10008.5.1.4.1.1.11.4"))


def test_what_is_asked_for_is_written_on_the_picture() -> None:
    ds = image(np.zeros((256, 256), np.uint8), PatientName="MÜLLER^ANNA", SpecificCharacterSet="ISO_IR 100", KVP="120")

    plain = seen(ds)
    patient = seen(ds, annotations=frozenset({Annotation.PATIENT}))
    both = seen(ds, annotations=frozenset(Annotation))

    assert not plain.any()
    assert patient[:128].any()
    assert not patient[128:].any()
    assert both[128:].any()


def test_annotation_of_a_tiny_picture() -> None:
    assert seen(image(CORNERS), annotations=frozenset(Annotation)).shape == (2, 3)


def test_a_tile_says_what_something_is() -> None:
    one, other = tile("SR", 128), tile("ECG", 128)

    assert one.shape == other.shape == (128, 128)
    assert not np.array_equal(one, other)
    assert tile("", 1).shape == (1, 1)
