"""Digital mammography: the four views, for presentation and for processing, with or without implant (PS3.3 A.26)."""

from dataclasses import dataclass

import numpy as np
from pydicom.dataset import Dataset
from pydicom.uid import (
    DigitalMammographyXRayImageStorageForPresentation,
    DigitalMammographyXRayImageStorageForProcessing,
    JPEGLSLossless,
)

from sample_data.shapes import Floats, blurred, clouds, grain
from sample_data.studies import Series, Study, code, describe_pixels, item, time

_CRANIO_CAUDAL = ("399162004", "SCT", "cranio-caudal")
_OBLIQUE = ("399368009", "SCT", "medio-lateral oblique")


@dataclass(frozen=True, slots=True)
class View:
    """One of the four standard views: `side` is R or L."""

    side: str
    oblique: bool

    @property
    def position(self) -> str:
        """View Position (0018,5101)."""
        return "MLO" if self.oblique else "CC"


VIEWS = (View("R", False), View("L", False), View("R", True), View("L", True))


@dataclass(frozen=True, slots=True)
class Breast:
    """What a breast looks like: how dense it is (0 to 1), whether it holds an implant, rows of the picture."""

    density: float
    implant: bool
    rows: int

    @property
    def columns(self) -> int:
        """Columns of the picture."""
        return self.rows * 13 // 16


@dataclass(frozen=True, slots=True)
class Compressed:
    """A breast under compression: how thick it is under each pixel (0 to 1), and how dense its tissue."""

    thickness: Floats
    detail: Floats


def compressed(study: Study, which: View, breast: Breast) -> Compressed:
    """Return the breast of one view, the chest wall at its side of the picture: on the right for the right breast."""
    rng = study.seed.rng("breast", study.name, which.side, which.position)
    y, x = np.mgrid[-1 : 1 : breast.rows * 1j, 0 : 1.625 : breast.columns * 1j].astype(np.float32)
    sag = 0.12 if which.oblique else 0.0
    half = np.where(y < sag, 1.12, 0.74) if which.oblique else np.float32(0.76)
    reach = 0.98 + 0.02 * np.sin(3 * y)
    from_skin = (1 - np.sqrt((x / reach) ** 2 + np.abs((y - sag) / half) ** 2.4)) * 0.8
    thickness = np.sqrt(np.clip(from_skin / 0.22, 0, 1))
    texture, strands = clouds(rng, x.shape, power=1.45, longest=0.3), clouds(rng, x.shape, power=1.1)
    gland = np.exp(-((((x - 0.46) / 0.32) ** 2 + ((y - sag) / 0.40) ** 2) ** 1.5)) * (0.5 + 1.1 * breast.density)
    detail = gland * (0.66 + 0.3 * texture) + 0.14 * np.exp(-np.abs(strands) * 5) * np.clip(from_skin * 4, 0, 1)
    detail = detail + 0.07 * texture + 0.55 * np.exp(-((from_skin / 0.010) ** 2))
    if breast.implant:
        implant = np.clip((1 - np.hypot((x - 0.22) / 0.46, (y - sag) / 0.5)) * 12, 0, 1)
        detail = detail * (1 - 0.8 * implant) + implant * 1.25
    for cy, cx in rng.normal((sag - 0.12, 0.52), 0.028, (9, 2)) if which.side == "L" and not breast.implant else []:
        detail = detail + 1.3 * np.exp(-(((x - cx) ** 2 + (y - cy) ** 2) / 3.2e-5))
    if which.oblique:
        muscle = np.clip((0.46 - x - 0.40 * (y + 1) + 0.04 * np.sin(5 * y)) * 40, 0, 1)
        thickness, detail = np.maximum(thickness, muscle), detail * (1 - 0.7 * muscle) + 0.75 * muscle
    nipple = np.hypot((x - reach - 0.005) / 1.3, y - sag) < 0.032
    thickness = np.where(nipple, np.maximum(thickness, 0.35), thickness)
    flip = slice(None, None, -1 if which.side == "R" else 1)
    pair = [blurred(np.where(thickness > 0, part, 0).astype(np.float32))[:, flip] for part in (thickness, detail)]
    return Compressed(*pair)


def view(series: Series, which: View, breast: Breast, seen: Compressed) -> Dataset:
    """Return one view for presentation."""
    covered = seen.thickness > 0.02
    shown = np.where(covered, 900 + 900 * np.sqrt(np.clip(seen.thickness, 0, 1)) + 800 * seen.detail, 0)
    shown = shown + grain(series.rng, shown.shape, peak=0.3) * np.where(covered, 22, 0)
    ds = series.new_instance(DigitalMammographyXRayImageStorageForPresentation, VIEWS.index(which) + 1)
    _describe_view(ds, series, which, breast)
    ds.PresentationIntentType, ds.PixelIntensityRelationship = "FOR PRESENTATION", "LOG"
    ds.PixelIntensityRelationshipSign, ds.PresentationLUTShape = 1, "IDENTITY"
    describe_pixels(ds, np.clip(shown, 0, 4095).astype(np.uint16), stored_bits=12)
    ds.WindowCenter, ds.WindowWidth = 2000, 2800
    return ds


def raw_view(series: Series, which: View, breast: Breast, seen: Compressed) -> Dataset:
    """Return one view for processing, in JPEG-LS Lossless: what the detector counted."""
    counted = 15500 * np.exp(-2.1 * seen.thickness - 0.55 * seen.detail * (seen.thickness > 0))
    counted = counted + grain(series.rng, counted.shape, peak=0.35) * np.sqrt(counted) * 0.7
    ds = series.new_instance(DigitalMammographyXRayImageStorageForProcessing, VIEWS.index(which) + 1)
    _describe_view(ds, series, which, breast)
    ds.PresentationIntentType, ds.PixelIntensityRelationship = "FOR PROCESSING", "LIN"
    ds.PixelIntensityRelationshipSign, ds.PresentationLUTShape = -1, "INVERSE"
    describe_pixels(ds, np.clip(counted, 0, 16383).astype(np.uint16), stored_bits=14)
    ds.PhotometricInterpretation = "MONOCHROME1"
    ds.compress(JPEGLSLossless, generate_instance_uid=False)
    return ds


def _describe_view(ds: Dataset, series: Series, which: View, breast: Breast) -> None:
    """Fill in the modules of DX and mammography images (PS3.3 C.8.11)."""
    ds.ImageType = ["ORIGINAL", "PRIMARY", ""]
    ds.BodyPartExamined, ds.ImageLaterality, ds.ViewPosition = "BREAST", which.side, which.position
    ds.AnatomicRegionSequence = [code("76752008", "SCT", "Breast")]
    view_item = code(*(_OBLIQUE if which.oblique else _CRANIO_CAUDAL))
    view_item.ViewModifierCodeSequence = []
    ds.ViewCodeSequence = [view_item]
    toward = "A" if which.side == "L" else "P"
    down = {("L", False): "R", ("R", False): "L"}.get((which.side, which.oblique), "FR" if which.side == "L" else "FL")
    ds.PatientOrientation = [toward, down]
    ds.BreastImplantPresent, ds.PartialView = ("YES" if breast.implant else "NO"), "NO"
    ds.OrganExposed, ds.OrganDose, ds.EntranceDoseInmGy = "BREAST", 0.013, 6.1
    ds.AcquisitionDate, ds.AcquisitionTime, ds.AcquisitionNumber = ds.SeriesDate, time(series.when), ds.InstanceNumber
    spacing = round(240 / breast.rows, 4)
    ds.ImagerPixelSpacing = ds.DetectorElementSpacing = [spacing, spacing]
    ds.DetectorType, ds.DetectorConfiguration, ds.DetectorID = "DIRECT", "AREA", "D-2217"
    ds.DetectorActiveShape, ds.FieldOfViewShape, ds.FieldOfViewOrigin = "RECTANGLE", "RECTANGLE", [0, 0]
    ds.FieldOfViewRotation, ds.FieldOfViewHorizontalFlip = "0", "NO"
    ds.FieldOfViewDimensions = [240, 195]
    ds.PositionerType, ds.PositionerPrimaryAngle = "MAMMOGRAPHIC", (45 if which.oblique else 0)
    ds.DistanceSourceToDetector, ds.DistanceSourceToPatient = 700, 675
    ds.EstimatedRadiographicMagnificationFactor, ds.BodyPartThickness, ds.CompressionForce = "1.037037", 52, 98
    ds.KVP, ds.ExposureTime, ds.XRayTubeCurrent, ds.Exposure = 29, 1100, 100, 110
    ds.AnodeTargetMaterial, ds.FilterMaterial = "TUNGSTEN", "RHODIUM"
    ds.FocalSpots, ds.Grid, ds.ExposureControlMode = 0.3, ["FIXED", "FOCUSED"], "AUTOMATIC"
    ds.BurnedInAnnotation, ds.LossyImageCompression = "NO", "00"
    ds.RescaleIntercept, ds.RescaleSlope, ds.RescaleType = 0, 1, "US"
    ds.AcquisitionContextSequence = []
    ds.QualityControlImage = "NO"
    ds.RequestAttributesSequence = [item(RequestedProcedureID="MG1", ScheduledProcedureStepID="MG1-1")]
