"""MR of the head: spin echo T1, T2 and FLAIR in any orientation, with coil shading and Rician noise (PS3.3 A.4)."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.uid import MRImageStorage

from sample_data.brain import Head, Points, Tissue
from sample_data.studies import Series, date, describe_pixels, time

Vector = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class Contrast:
    """A pulse sequence: times in ms; an inversion time of 0 means there is no inversion."""

    name: str
    repetition_ms: float
    echo_ms: float
    inversion_ms: float = 0.0
    gain: float = 1.0

    def signal(self, tissue: Tissue) -> float:
        """Return the signal of spin echo, or of inversion recovery, from 0 to about 1."""
        recovered = 1 - math.exp(-self.repetition_ms / tissue.t1)
        if self.inversion_ms:
            recovered -= 2 * (math.exp(-self.inversion_ms / tissue.t1) - math.exp(-self.repetition_ms / tissue.t1))
        return self.gain * tissue.density * abs(recovered) * math.exp(-self.echo_ms / tissue.t2)


T1 = Contrast("T1", 520, 12, gain=0.95)
T2 = Contrast("T2", 4800, 102, gain=1.25)
FLAIR = Contrast("FLAIR", 9000, 110, inversion_ms=2420, gain=2.5)


@dataclass(frozen=True, slots=True)
class Slab:
    """A stack of slices: how many, how they lie, and their size in mm.

    `rows` and `columns` are unit vectors as in Image Orientation (Patient): along a row, and along a column.
    """

    count: int
    spacing: float
    thickness: float
    side: int
    rows: Vector
    columns: Vector
    field_of_view: float = 230.0
    centre: Vector = (0.0, 4.0, 6.0)

    @property
    def pixel(self) -> float:
        """Width and height of a pixel in mm."""
        return self.field_of_view / self.side

    def corner(self, n: int) -> NDArray[np.float64]:
        """Return the middle of the first pixel of the slice, counted from 0 (PS3.3 C.7.6.2.1.1)."""
        u, v = np.array(self.rows), np.array(self.columns)
        offset = (n - (self.count - 1) / 2) * self.spacing
        half = (self.side - 1) / 2 * self.pixel
        corner: NDArray[np.float64] = np.array(self.centre) + offset * np.cross(u, v) - half * (u + v)
        return corner

    def points(self, n: int) -> Points:
        """Return where the pixels of a slice lie."""
        steps = np.arange(self.side) * self.pixel
        u, v, corner = np.array(self.rows), np.array(self.columns), self.corner(n)
        x, y, z = ((corner[i] + steps[None, :] * u[i] + steps[:, None] * v[i]).astype(np.float32) for i in range(3))
        return Points(x, y, z)


AXIAL: tuple[Vector, Vector] = ((1, 0, 0), (0, 0.978148, 0.207912))
"""Tilted by 12 degrees, along the skull base."""
SAGITTAL: tuple[Vector, Vector] = ((0, 1, 0), (0, 0, -1))
CORONAL: tuple[Vector, Vector] = ((1, 0, 0), (0, 0, -1))


def sequence(series: Series, head: Head, contrast: Contrast, slab: Slab) -> list[Dataset]:
    """Return a series of one contrast through a head."""
    rng = series.rng
    slices = []
    for n in range(slab.count):
        ds = series.new_instance(MRImageStorage, n + 1)
        _describe_sequence(ds, series, contrast)
        _describe_plane(ds, series, slab, n)
        describe_pixels(ds, _stored(head, contrast, slab.points(n), rng), stored_bits=12)
        ds.WindowCenter, ds.WindowWidth = 700, 1500
        slices.append(ds)
    return slices


def _stored(head: Head, contrast: Contrast, at: Points, rng: np.random.Generator) -> NDArray[np.uint16]:
    """Return one slice as stored: magnitude of a complex signal with noise in both parts, brighter near the coil."""
    shading = 0.92 + 0.0012 * at.z - 0.0007 * at.y + 2.4e-5 * (at.x**2 + at.y**2)
    signal = head.signal(at, contrast.signal) * shading
    spectrum = np.fft.fft2(signal + rng.normal(0, 0.013, signal.shape) + 1j * rng.normal(0, 0.013, signal.shape))
    fy, fx = np.fft.fftfreq(signal.shape[0])[:, None], np.fft.fftfreq(signal.shape[1])[None, :]
    window = 1 / (1 + (np.hypot(fx, fy) / 0.42) ** 12)
    return np.asarray(np.clip(np.abs(np.fft.ifft2(spectrum * window)) * 2400, 0, 4095), np.uint16)


def _describe_sequence(ds: Dataset, series: Series, contrast: Contrast) -> None:
    """Fill in the MR Image module (PS3.3 C.8.3.1)."""
    ds.ImageType = ["ORIGINAL", "PRIMARY", "OTHER", "M", "SE"]
    ds.ScanningSequence = ["SE", "IR"] if contrast.inversion_ms else "SE"
    ds.SequenceVariant, ds.ScanOptions, ds.MRAcquisitionType = "SK", "", "2D"
    ds.SequenceName = f"*{contrast.name.lower()}2d1"
    ds.RepetitionTime, ds.EchoTime, ds.EchoTrainLength = contrast.repetition_ms, contrast.echo_ms, 1
    if contrast.inversion_ms:
        ds.InversionTime = contrast.inversion_ms
    ds.NumberOfAverages, ds.ImagingFrequency, ds.ImagedNucleus = 2, 63.68, "1H"
    ds.EchoNumbers, ds.MagneticFieldStrength, ds.FlipAngle = 1, 1.5, 90
    ds.PixelBandwidth, ds.TransmitCoilName, ds.ReceiveCoilName = 130, "BODY", "HEAD 16"
    ds.InPlanePhaseEncodingDirection, ds.VariableFlipAngleFlag, ds.SAR = "ROW", "N", 0.7
    ds.AcquisitionDate, ds.AcquisitionTime, ds.AcquisitionNumber = date(series.when), time(series.when), 1
    ds.ProtocolName, ds.BodyPartExamined, ds.PatientPosition = series.description, "HEAD", "HFS"


def _describe_plane(ds: Dataset, series: Series, slab: Slab, n: int) -> None:
    """Fill in Frame of Reference and Image Plane (PS3.3 C.7.4.1, C.7.6.2)."""
    ds.FrameOfReferenceUID, ds.PositionReferenceIndicator = series.study.frame_of_reference, ""
    ds.PixelSpacing, ds.SliceThickness = [f"{slab.pixel:.6f}"] * 2, f"{slab.thickness:g}"
    ds.SpacingBetweenSlices = f"{slab.spacing:g}"
    ds.ImageOrientationPatient = [f"{value:g}" for value in (*slab.rows, *slab.columns)]
    ds.ImagePositionPatient = [f"{value:.4f}" for value in slab.corner(n)]
    normal = np.cross(slab.rows, slab.columns)
    ds.SliceLocation = f"{float(np.dot(normal, slab.corner(n))):.4f}"
