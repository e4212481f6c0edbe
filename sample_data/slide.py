"""A slide of the bowel under the microscope, stained with haematoxylin and eosin: one level of tiles (PS3.3 A.32.8)."""

import io
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from pydicom.uid import JPEGBaseline8Bit, VLWholeSlideMicroscopyImageStorage

from sample_data.shapes import Floats, clouds
from sample_data.studies import Series, code, date, item, time

_QUALITY = 85
_MICROMETRES = 0.5
"""Width of a pixel of the finest level: what a 20x objective gives."""

_EOSIN = np.array([0.06, 0.72, 0.36], np.float32)
_HAEMATOXYLIN = np.array([0.92, 0.86, 0.38], np.float32)
"""Optical density of each stain in red, green and blue, where it is strong."""


@dataclass(frozen=True, slots=True)
class Level:
    """One level of a slide: tiles on a side, pixels on a side of a tile, pixels of the finest level that one spans."""

    tiles: int
    tile: int
    scale: int = 1

    @property
    def side(self) -> int:
        """Pixels on a side of the whole level."""
        return self.tiles * self.tile


def levels(series: Series, finest: Level) -> list[Dataset]:
    """Return the finest level of a slide, and one at half its resolution where that fills whole tiles."""
    picture = Image.fromarray(_tissue(series.rng, finest.side))
    wanted = [finest] + ([Level(finest.tiles // 2, finest.tile, 2)] if finest.tiles % 2 == 0 else [])
    return [
        _level(series, number, level, np.asarray(picture.resize((level.side, level.side), Image.Resampling.BOX)))
        for number, level in enumerate(wanted, 1)
    ]


def _level(series: Series, number: int, level: Level, picture: NDArray[np.uint8]) -> Dataset:
    n, size = level.tiles, level.tile
    tiles = [picture[r * size : (r + 1) * size, c * size : (c + 1) * size] for r in range(n) for c in range(n)]
    streams = [_jpeg(tile) for tile in tiles]
    ds = series.new_instance(VLWholeSlideMicroscopyImageStorage, number)
    ds.file_meta.TransferSyntaxUID = JPEGBaseline8Bit
    _describe_pixels(ds, level, picture.nbytes / sum(map(len, streams)))
    _describe_slide(ds, series)
    _describe_tiling(ds, series, level)
    ds.PixelData = encapsulate(streams)
    ds["PixelData"].VR, ds["PixelData"].is_undefined_length = "OB", True
    return ds


def _describe_pixels(ds: Dataset, level: Level, ratio: float) -> None:
    """Fill in the Image Pixel module of JPEG tiles (PS3.3 C.7.6.3) and how the level was made."""
    ds.SamplesPerPixel, ds.PhotometricInterpretation, ds.PlanarConfiguration = 3, "YBR_FULL_422", 0
    ds.Rows = ds.Columns = level.tile
    ds.BitsAllocated, ds.BitsStored, ds.HighBit, ds.PixelRepresentation = 8, 8, 7, 0
    ds.NumberOfFrames = level.tiles**2
    ds.ImageType = ["ORIGINAL", "PRIMARY", "VOLUME", "NONE" if level.scale == 1 else "RESAMPLED"]
    if level.scale > 1:
        ds.ImageType[0] = "DERIVED"
    ds.LossyImageCompression, ds.LossyImageCompressionRatio = "01", f"{ratio:.2f}"
    ds.LossyImageCompressionMethod = "ISO_10918_1"
    ds.BurnedInAnnotation, ds.VolumetricProperties = "NO", "VOLUME"
    ds.SpecimenLabelInImage, ds.FocusMethod, ds.ExtendedDepthOfField = "NO", "AUTO", "NO"


def _describe_slide(ds: Dataset, series: Series) -> None:
    """Fill in slide and specimen (PS3.3 C.8.12.8, C.7.6.22), and how it was lit."""
    moment = date(series.when) + time(series.when)
    ds.AcquisitionDateTime, ds.AcquisitionContextSequence = moment, []
    ds.FrameOfReferenceUID, ds.PositionReferenceIndicator = series.study.frame_of_reference, "SLIDE_CORNER"
    slide = f"{series.study.accession}-A1-1"
    ds.ContainerIdentifier, ds.IssuerOfTheContainerIdentifierSequence = slide, []
    ds.ContainerTypeCodeSequence = [code("433466003", "SCT", "Microscope slide")]
    ds.SpecimenDescriptionSequence = [
        item(
            SpecimenIdentifier=slide,
            SpecimenUID=series.study.seed.uid("specimen", series.study.name),
            IssuerOfTheSpecimenIdentifierSequence=[],
            SpecimenShortDescription="HE, colon",
            PrimaryAnatomicStructureSequence=code("71854001", "SCT", "Colon"),
            SpecimenPreparationSequence=[],
        )
    ]
    ds.OpticalPathSequence = [
        item(
            OpticalPathIdentifier="1",
            OpticalPathDescription="Brightfield",
            IlluminationTypeCodeSequence=code("111744", "DCM", "Brightfield illumination"),
            IlluminationColorCodeSequence=code("371251000", "SCT", "White"),
            ICCProfile=_srgb_profile(),
            ObjectiveLensPower=20,
            ObjectiveLensNumericalAperture=0.75,
        )
    ]


def _describe_tiling(ds: Dataset, series: Series, level: Level) -> None:
    """Fill in the total pixel matrix (PS3.3 C.8.12.4.1), the dimensions and the groups all tiles share."""
    pixel_mm = _MICROMETRES * level.scale / 1000
    ds.TotalPixelMatrixColumns = ds.TotalPixelMatrixRows = level.side
    ds.TotalPixelMatrixOriginSequence = [item(XOffsetInSlideCoordinateSystem=20, YOffsetInSlideCoordinateSystem=40)]
    ds.ImagedVolumeWidth = ds.ImagedVolumeHeight = level.side * pixel_mm
    ds.ImagedVolumeDepth, ds.NumberOfOpticalPaths, ds.TotalPixelMatrixFocalPlanes = 4.0, 1, 1
    ds.ImageOrientationSlide, ds.DimensionOrganizationType = [0, -1, 0, -1, 0, 0], "TILED_FULL"
    organization = series.study.seed.uid("dimensions", series.study.name, series.number)
    ds.DimensionOrganizationSequence = [item(DimensionOrganizationUID=organization)]
    ds.DimensionIndexSequence = [
        item(DimensionOrganizationUID=organization, DimensionIndexPointer=pointer, FunctionalGroupPointer=0x0048021A)
        for pointer in (0x0048021F, 0x0048021E)
    ]
    spacing = f"{pixel_mm:g}"
    ds.SharedFunctionalGroupsSequence = [
        item(
            PixelMeasuresSequence=item(PixelSpacing=[spacing, spacing], SliceThickness="0.004"),
            WholeSlideMicroscopyImageFrameTypeSequence=item(FrameType=list(ds.ImageType)),
            OpticalPathIdentificationSequence=item(OpticalPathIdentifier="1"),
        )
    ]


def _tissue(rng: np.random.Generator, side: int) -> NDArray[np.uint8]:
    """Return a section with crypts in loose tissue: (side, side, 3), RGB."""
    y, x = np.mgrid[0:side, 0:side].astype(np.float32)
    folds, fibres = clouds(rng, (side, side), power=1.7, longest=0.5), clouds(rng, (side, side), power=0.9)
    off_centre = np.hypot((x - side / 2) / (0.46 * side), (y - side / 2) / (0.42 * side))
    tissue = np.clip((1.0 - off_centre + 0.10 * folds) * 30, 0, 1)
    eosin = tissue * (0.46 + 0.09 * fibres + 0.10 * folds)
    blue = tissue * np.clip(0.05 + 0.02 * fibres, 0, None)
    crypts = _crypts(rng, side)
    for cy, cx, radius in crypts:
        _paint_crypt((eosin, blue), tissue, (cy, cx, radius), rng)
    _paint_nuclei(blue, tissue, _stroma_nuclei(rng, side, crypts), rng)
    density = np.clip(eosin, 0, 2)[..., None] * _EOSIN + np.clip(blue, 0, 1.6)[..., None] * _HAEMATOXYLIN
    light = 244 * np.exp(-density) + rng.normal(0, 1.6, (side, side, 1))
    return np.asarray(np.clip(light, 0, 255), np.uint8)


def _crypts(rng: np.random.Generator, side: int) -> list[tuple[float, float, float]]:
    """Return row, column and radius of crypts that do not touch, in pixels."""
    placed: list[tuple[float, float, float]] = []
    for _ in range(side * side // 900):
        cy, cx = rng.uniform(0.06 * side, 0.94 * side, 2)
        radius = float(rng.uniform(34, 54))
        if _clear_of(np.array(placed).reshape(-1, 3), float(cy), float(cx), radius + 14):
            placed.append((float(cy), float(cx), radius))
    return placed


def _clear_of(crypts: NDArray[np.float64], cy: float, cx: float, distance: float) -> bool:
    """Return whether a point is further than this from the edge of every crypt: (crypts, 3), row, column, radius."""
    return bool(np.all(np.hypot(cy - crypts[:, 0], cx - crypts[:, 1]) > crypts[:, 2] + distance))


def _paint_crypt(
    stains: tuple[Floats, Floats], tissue: Floats, place: tuple[float, float, float], rng: np.random.Generator
) -> None:
    """Paint one crypt: a lumen, a ring of cells with pale mucus, and their nuclei along its wall."""
    eosin, blue = stains
    cy, cx, radius = place
    rows = slice(max(0, int(cy - radius - 6)), int(cy + radius + 7))
    columns = slice(max(0, int(cx - radius - 6)), int(cx + radius + 7))
    y, x = np.mgrid[rows, columns][:, : eosin[rows, columns].shape[0], : eosin[rows, columns].shape[1]]
    angle, stretch = np.arctan2(y - cy, x - cx), rng.uniform(0.82, 1.0)
    off = np.hypot((y - cy) / stretch, x - cx) / (radius * (1 + 0.06 * np.sin(3 * angle + rng.uniform(0, 6))))
    cover = np.clip((1 - off) * radius / 2, 0, 1) * (tissue[rows, columns] > 0.9)
    cells = 0.30 + 0.10 * np.sin(angle * int(radius / 2.2)) - 0.16 * np.exp(-(((off - 0.58) / 0.16) ** 2))
    lumen = np.clip((0.26 - off) * 12, 0, 1)
    eosin[rows, columns] += cover * (cells * (1 - lumen) + 0.02 * lumen - eosin[rows, columns])
    blue[rows, columns] *= 1 - 0.8 * cover
    count = int(2 * np.pi * radius / 11)
    spots = []
    for n in range(count):
        turn = 2 * np.pi * n / count + rng.normal(0, 0.05)
        away = radius * (0.86 + rng.normal(0, 0.03))
        spots.append((cy + stretch * away * np.sin(turn), cx + away * np.cos(turn), turn, 4.6, 7.4))
    _paint_nuclei(blue, tissue, spots, rng)


def _stroma_nuclei(
    rng: np.random.Generator, side: int, crypts: list[tuple[float, float, float]]
) -> list[tuple[float, float, float, float, float]]:
    """Return row, column, direction and half axes of the nuclei between the crypts, in pixels."""
    spots, taken = [], np.array(crypts).reshape(-1, 3)
    for _ in range(side * side // 330):
        cy, cx = (float(v) for v in rng.uniform(0, side, 2))
        if _clear_of(taken, cy, cx, 3):
            long = float(rng.uniform(3.6, 8.5))
            spots.append((cy, cx, float(rng.uniform(0, np.pi)), 12.5 / long + 1.2, long))
    return spots


def _paint_nuclei(
    blue: Floats,
    tissue: Floats,
    spots: list[tuple[float, float, float, float, float]],
    rng: np.random.Generator,
) -> None:
    """Paint nuclei, each an ellipse with uneven chromatin."""
    for cy, cx, turn, short, long in spots:
        rows = slice(max(0, int(cy) - 12), int(cy) + 13)
        columns = slice(max(0, int(cx) - 12), int(cx) + 13)
        part = blue[rows, columns]
        y = np.arange(rows.start, rows.start + part.shape[0])[:, None] - cy
        x = np.arange(columns.start, columns.start + part.shape[1])[None, :] - cx
        u, v = x * np.cos(turn) + y * np.sin(turn), y * np.cos(turn) - x * np.sin(turn)
        off = np.hypot(u / short, v / long)
        level = rng.uniform(0.75, 1.15) * (1 + 0.18 * np.sin(1.7 * u + 2.1 * v))
        cover = np.clip((1 - off) * 3, 0, 1) * tissue[rows, columns]
        part += (cover * np.maximum(level - part, 0)).astype(np.float32)


def _jpeg(tile: NDArray[np.uint8]) -> bytes:
    out = io.BytesIO()
    Image.fromarray(tile).save(out, "JPEG", quality=_QUALITY, subsampling="4:2:2")
    return out.getvalue()


def _srgb_profile() -> bytes:
    """Return the profile of sRGB, its date of creation and identifier blanked (ICC.1 7.2): they come from the clock."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    profile[24:36] = (2024).to_bytes(2, "big") + bytes([0, 1, 0, 1]) + bytes(6)
    profile[84:100] = bytes(16)
    return bytes(profile) + b"\0" * (len(profile) % 2)
