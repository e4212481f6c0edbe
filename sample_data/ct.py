"""CT of the chest: the localizer, and axial series of any thickness and field of view (PS3.3 A.3)."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.uid import CTImageStorage

from sample_data.projection import Projection
from sample_data.shapes import Floats, Plane, blurred, grain, paint
from sample_data.studies import Series, date, describe_pixels, time
from sample_data.thorax import Thorax

_NOISE_TILE = 2
"""How many times as wide as a slice the grain is made, of which each slice shows a part."""


@dataclass(frozen=True, slots=True)
class Recon:
    """How an axial series is reconstructed: heights of its slices, and what is shown of each, in mm.

    `noise_hu` is the deviation in the middle of the body; the kernel is sharp for lung (B70f), else soft (B31f).
    """

    heights: tuple[float, ...]
    thickness: float
    side: int
    field_of_view: float = 380.0
    centre: tuple[float, float] = (0.0, 0.0)
    noise_hu: float = 12.0
    sharp: bool = False

    @property
    def pixel(self) -> float:
        """Width and height of a pixel in mm."""
        return self.field_of_view / self.side

    def plane(self, z: float) -> Plane:
        """Return the centres of the pixels of the slice at a height."""
        steps = (np.arange(self.side) - (self.side - 1) / 2) * self.pixel
        x, y = np.meshgrid(steps + self.centre[0], steps + self.centre[1])
        return Plane(x.astype(np.float32), y.astype(np.float32), z, self.pixel)


def axial(series: Series, thorax: Thorax, recon: Recon) -> list[Dataset]:
    """Return an axial series, from the feet up."""
    textures = grain(series.rng, (recon.side * _NOISE_TILE,) * 2, peak=0.26 if recon.sharp else 0.13)
    slices = []
    for number, z in enumerate(recon.heights, 1):
        ds = series.new_instance(CTImageStorage, number)
        ds.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
        describe_scan(ds, series, contrast=thorax.build.blood > 0)
        _describe_plane(ds, recon, z)
        describe_pixels(ds, stored_slice(thorax, recon, z, textures), stored_bits=16)
        ds.RescaleIntercept, ds.RescaleSlope, ds.RescaleType = -1024, 1, "HU"
        ds.WindowCenter, ds.WindowWidth = (-550, 1500) if recon.sharp else (40, 400)
        slices.append(ds)
    return slices


def scout(series: Series, thorax: Thorax, projection: Projection) -> Dataset:
    """Return the frontal localizer of a scan."""
    ds = series.new_instance(CTImageStorage, 1)
    ds.ImageType = ["ORIGINAL", "PRIMARY", "LOCALIZER"]
    describe_scan(ds, series, contrast=False)
    depth = projection.upright(0.8)
    values = 900 * np.log1p(depth / 40) / np.log1p(5.0) - 400
    ridges = values - blurred(values, 12)
    values = values + 1.6 * ridges + 9 * grain(series.rng, values.shape, peak=0.3)
    ds.ImageOrientationPatient, ds.PixelSpacing = [1, 0, 0, 0, 0, -1], [0.8, 0.8]
    ds.ImagePositionPatient = [_ds(projection.left + 0.4), 0, _ds(projection.top - 0.4)]
    ds.SliceThickness = 0.6
    describe_pixels(ds, (np.clip(values, -1024, 3071) + 1024).astype(np.int16), stored_bits=16)
    ds.RescaleIntercept, ds.RescaleSlope, ds.RescaleType = -1024, 1, "US"
    ds.WindowCenter, ds.WindowWidth = 100, 1100
    return ds


def stored_slice(thorax: Thorax, recon: Recon, z: float, textures: Floats) -> NDArray[np.int16]:
    """Return the pixels of one slice as stored: (rows, columns), 1024 above Hounsfield units.

    Noise is strongest where the X-rays have come through most of the body.
    """
    place = recon.plane(z)
    at = [z - recon.thickness / 4, z + recon.thickness / 4] if recon.thickness > 3 else [z]
    image = np.mean([thorax.hounsfield(Plane(place.x, place.y, height, place.pixel)) for height in at], axis=0)
    _paint_table(image, place, soft=1.2 * place.pixel)
    level = recon.noise_hu * (0.35 + 0.65 * np.exp(-((place.x / 130) ** 2 + (place.y / 90) ** 2)))
    rows, columns = np.random.default_rng(int(z * 100) + 100_000).integers(0, textures.shape[0] - recon.side + 1, 2)
    if not recon.sharp:
        image = blurred(image)
    image = image + level * textures[rows : rows + recon.side, columns : columns + recon.side]
    image[np.hypot(place.x - recon.centre[0], place.y - recon.centre[1]) > recon.field_of_view / 2] = -1024
    return np.asarray(np.clip(np.rint(image), -1024, 3071) + 1024, np.int16)


def describe_scan(ds: Dataset, series: Series, *, contrast: bool) -> None:
    """Fill in how the scan was made (PS3.3 C.8.2.1) and the frame of reference (C.7.4.1)."""
    ds.AcquisitionDate, ds.AcquisitionTime, ds.AcquisitionNumber = date(series.when), time(series.when), series.number
    ds.BodyPartExamined, ds.PatientPosition, ds.ProtocolName = "CHEST", "HFS", series.study.description
    ds.FrameOfReferenceUID, ds.PositionReferenceIndicator = series.study.frame_of_reference, "SN"
    ds.ScanOptions, ds.KVP, ds.DataCollectionDiameter = "HELIX", 120, 500
    ds.DistanceSourceToDetector, ds.DistanceSourceToPatient = 1085.6, 595
    ds.GantryDetectorTilt, ds.TableHeight, ds.RotationDirection = 0, 152, "CW"
    ds.ExposureTime, ds.XRayTubeCurrent, ds.Exposure = 500, 210, 105
    ds.FilterType, ds.GeneratorPower, ds.FocalSpots = "WEDGE_2", 40, 1.2
    if contrast:
        ds.ContrastBolusAgent, ds.ContrastBolusRoute, ds.ContrastBolusVolume = "IOMEPROL 400", "IV", 80


def _describe_plane(ds: Dataset, recon: Recon, z: float) -> None:
    """Fill in the Image Plane module (PS3.3 C.7.6.2) and the reconstruction."""
    edge = -(recon.side - 1) / 2 * recon.pixel
    ds.PixelSpacing = [_ds(recon.pixel)] * 2
    ds.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    ds.ImagePositionPatient = [_ds(edge + recon.centre[0]), _ds(edge + recon.centre[1]), _ds(z)]
    ds.SliceThickness, ds.SliceLocation = _ds(recon.thickness), _ds(z)
    ds.ReconstructionDiameter = _ds(recon.field_of_view)
    ds.ConvolutionKernel = "B70f" if recon.sharp else "B31f"


def _paint_table(image: Floats, place: Plane, *, soft: float) -> None:
    """Paint the couch the patient lies on: a mattress, and a curved shell of carbon fibre around foam."""
    top = 124 - place.x**2 / 1500
    beyond = np.abs(place.x) - 208
    for depth, thick, value in ((-9, 8, -930), (0, 34, -925), (0, 2.0, -380), (34, 2.0, -420)):
        off = np.abs(place.y - (top * (1 if depth < 30 else 0.5) + (0 if depth < 30 else 62) + depth + thick / 2))
        slab = np.maximum(off - thick / 2, beyond).astype(np.float32)
        outside = image < -600
        filled = image.copy()
        paint(filled, slab, value, soft=soft)
        image[outside] = filled[outside]


def _ds(value: float) -> str:
    """Return a number as a DS value of at most 16 characters (PS3.5 6.2)."""
    return f"{value:.6f}".rstrip("0").rstrip(".") if value else "0"
