"""Ultrasound of the heart: a loop in colour, with a beating ventricle and Doppler, and its regions (PS3.3 A.7)."""

import io
import math

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from pydicom.uid import JPEGBaseline8Bit, UltrasoundImageStorage, UltrasoundMultiFrameImageStorage

from sample_data.shapes import Floats, clouds, floats, grain
from sample_data.studies import Series, describe_pixels, item

_FRAME_MS, _DEPTH_CM, _HALF_ANGLE = 33.3, 15.0, 0.66
_QUALITY = 88


def loop(series: Series, number: int, *, frames: int, rows: int) -> Dataset:
    """Return one beat of the heart in frames of `rows` x 4/3 `rows`, in JPEG Baseline."""
    ds = series.new_instance(UltrasoundMultiFrameImageStorage, number)
    heart = _View(series, rows)
    pictures = [heart.frame(2 * math.pi * n / frames) for n in range(frames)]
    _describe(ds, rows)
    describe_pixels(ds, pictures[0], stored_bits=8)
    ds.NumberOfFrames, ds.FrameIncrementPointer = frames, 0x00181063
    ds.FrameTime, ds.CineRate, ds.RecommendedDisplayFrameRate = _FRAME_MS, 30, 30
    ds.EffectiveDuration, ds.PreferredPlaybackSequencing = round(frames * _FRAME_MS / 1000, 3), 0
    ds.StartTrim, ds.StopTrim, ds.HeartRate = 1, frames, 72
    streams = [_jpeg(picture) for picture in pictures]
    ratio = sum(picture.nbytes for picture in pictures) / sum(map(len, streams))
    ds.file_meta.TransferSyntaxUID = JPEGBaseline8Bit
    ds.PhotometricInterpretation = "YBR_FULL_422"
    ds.LossyImageCompression, ds.LossyImageCompressionRatio = "01", f"{ratio:.2f}"
    ds.LossyImageCompressionMethod = "ISO_10918_1"
    ds.PixelData = encapsulate(streams)
    ds["PixelData"].is_undefined_length = True
    return ds


def still(series: Series, number: int, *, rows: int) -> Dataset:
    """Return one picture of the same heart, RGB, as it came from the frame buffer."""
    ds = series.new_instance(UltrasoundImageStorage, number)
    _describe(ds, rows)
    describe_pixels(ds, _View(series, rows).frame(0.9), stored_bits=8)
    ds.LossyImageCompression = "00"
    return ds


def _describe(ds: Dataset, rows: int) -> None:
    """Fill in the US Image and US Region Calibration modules (PS3.3 C.8.5.5, C.8.5.6)."""
    ds.ImageType = ["ORIGINAL", "PRIMARY", "TTE", "0011"]
    ds.BodyPartExamined, ds.UltrasoundColorDataPresent, ds.BurnedInAnnotation = "HEART", 1, "NO"
    ds.PatientOrientation = ""
    ds.TransducerData, ds.ProcessingFunction = ["S5-1", "", ""], "CARDIAC"
    ds.NumberOfStages, ds.NumberOfViewsInStage = 1, 1
    columns = rows * 4 // 3
    per_pixel = _DEPTH_CM / (rows * 0.9)
    ds.SequenceOfUltrasoundRegions = [
        item(
            RegionSpatialFormat=1,
            RegionDataType=1,
            RegionFlags=0,
            RegionLocationMinX0=0,
            RegionLocationMinY0=int(rows * 0.04),
            RegionLocationMaxX1=columns - 1,
            RegionLocationMaxY1=int(rows * 0.95),
            PhysicalUnitsXDirection=3,
            PhysicalUnitsYDirection=3,
            PhysicalDeltaX=per_pixel,
            PhysicalDeltaY=per_pixel,
            ReferencePixelX0=columns // 2,
            ReferencePixelY0=0,
            TransducerFrequency=3200,
        )
    ]


class _View:
    """What does not change from frame to frame: where pixels lie in the beam, speckle, and how muscle echoes."""

    def __init__(self, series: Series, rows: int) -> None:
        columns = rows * 4 // 3
        y, x = np.mgrid[0:rows, 0:columns].astype(np.float32)
        self.depth = floats(np.hypot(x - columns / 2, y - rows * 0.04) / (rows * 0.9))
        self.angle = floats(np.arctan2(x - columns / 2, y - rows * 0.04))
        self.speckle = self._speckle(series.rng)
        self.shade = clouds(series.study.seed.rng("tissue", series.study.name), self.depth.shape, power=1.3)

    def frame(self, beat: float) -> NDArray[np.uint8]:
        """Return the frame at an angle of the beat: (rows, columns, 3), RGB."""
        squeeze = 0.5 - 0.5 * math.cos(beat) + 0.15 * math.sin(2 * beat)
        echo, flow = self._heart(squeeze)
        inside = (np.abs(self.angle) < _HALF_ANGLE) & (self.depth > 0.02) & (self.depth < 1)
        bright = np.clip(echo * self.speckle, 0, None) ** 0.62 * (1.08 - 0.42 * self.depth)
        grey = np.where(inside, np.clip(bright * 185, 0, 255), 0)
        picture = np.repeat(grey[..., None], 3, axis=2)
        _colour_flow(picture, floats(np.where(inside, flow * math.sin(beat), 0) * (0.75 + 0.35 * self.speckle)))
        return _annotated(np.clip(picture, 0, 255).astype(np.uint8), beat)

    def _speckle(self, rng: np.random.Generator) -> Floats:
        """Return Rayleigh speckle: fine along the beam, across it as wide as the beam is at that depth."""
        beams = [grain(rng, (512, 256), peak=0.16) for _ in range(2)]
        row = np.clip((self.depth * 510).astype(int), 0, 511)
        column = np.clip(((self.angle / _HALF_ANGLE + 1) * 127).astype(int), 0, 255)
        return floats(np.hypot(beams[0][row, column], beams[1][row, column]))

    def _heart(self, squeeze: float) -> tuple[Floats, Floats]:
        """Return echo strength of an apical view, and how fast blood flows towards the probe (0 to 1)."""
        across, along = np.sin(self.angle) * self.depth, np.cos(self.angle) * self.depth
        width, length = 0.135 - 0.035 * squeeze, 0.30 - 0.03 * squeeze
        lobes = [((0.05, 0.40), (width, length)), ((-0.19, 0.44), (width * 0.8, length * 0.75))]
        lobes += [((0.07, 0.82), (0.12 + 0.02 * squeeze, 0.11)), ((-0.17, 0.80), (0.11, 0.10))]
        walls = [(np.hypot((across - cx) / rx, (along - cy) / ry) - 1) * min(rx, ry) for (cx, cy), (rx, ry) in lobes]
        wall = np.minimum.reduce(walls)
        muscle = 0.30 + 0.10 * self.shade + 1.1 * np.exp(-((wall / 0.012) ** 2))
        muscle = muscle + 0.35 * np.exp(-(((wall - 0.075) / 0.02) ** 2))
        echo = np.where(wall < 0, 0.02 + np.exp(-((wall / 0.010) ** 2)), np.clip(muscle, 0.05, None))
        leaf = np.abs(along - 0.68 - (0.10 * (1 - squeeze)) * np.cos((across - 0.05) * 22)) / 0.008
        echo = np.where((np.abs(across - 0.05) < 0.11) & (leaf < 3), np.maximum(echo, 1.3 * np.exp(-(leaf**2))), echo)
        lung = np.exp(-((np.clip(np.abs(across) - 0.36, 0, None) / 0.05) ** 2))
        jet = np.exp(-(((across - 0.055) / 0.055) ** 2 + ((along - 0.58) / 0.16) ** 2))
        return floats(echo * (0.45 + 0.55 * lung)), floats(np.where((wall < -0.01) & (jet > 0.28), jet, 0))


def _colour_flow(picture: NDArray[np.float64], velocity: Floats) -> None:
    """Lay colour Doppler over the grey picture: towards the probe in reds, away from it in blues."""
    moving = np.abs(velocity) > 0.12
    strength = np.clip(np.abs(velocity), 0, 1)[..., None]
    warm, cold = np.array([255.0, 70, 20]), np.array([30.0, 90, 255])
    colour = np.where(velocity[..., None] > 0, warm, cold) * (0.35 + 0.65 * strength)
    picture[moving] = 0.2 * picture[moving] + 0.8 * colour[moving]


def _annotated(picture: NDArray[np.uint8], beat: float) -> NDArray[np.uint8]:
    """Return the frame with the scale of colours, the depth marks and the trace of the ECG that a scanner draws."""
    rows, columns = picture.shape[:2]
    image = Image.fromarray(picture)
    draw = ImageDraw.Draw(image)
    for n in range(rows // 5):
        level = 1 - 2 * n / (rows // 5)
        colour = (int(255 * level), int(60 * level), 20) if level > 0 else (20, int(-80 * level), int(-255 * level))
        draw.line([(columns - 14, rows // 20 + n), (columns - 6, rows // 20 + n)], fill=colour)
    for n in range(16):
        mark = rows * 0.04 + n * rows * 0.9 / 15
        draw.line([(columns - (8 if n % 5 else 14), mark), (columns - 4, mark)], fill=(160, 160, 160))
    x = np.arange(0, columns - 24, 2)
    phase = (x / (columns - 24) * 2) % 1
    trace = np.exp(-(((phase - 0.3) / 0.012) ** 2)) * 0.06 + np.exp(-(((phase - 0.55) / 0.04) ** 2)) * 0.015
    points = [(float(a), float(rows * (0.985 - b))) for a, b in zip(x, trace, strict=True)]
    draw.line(points, fill=(60, 220, 90))
    here = int((beat / (2 * math.pi)) * (columns - 24) / 2)
    draw.line([(here, rows * 0.91), (here, rows * 0.99)], fill=(250, 200, 60))
    return np.asarray(image)


def _jpeg(picture: NDArray[np.uint8]) -> bytes:
    out = io.BytesIO()
    Image.fromarray(picture).save(out, "JPEG", quality=_QUALITY, subsampling="4:2:2")
    return out.getvalue()
