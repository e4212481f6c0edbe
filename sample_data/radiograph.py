"""Computed radiography of the chest, made of rays through the same chests that the CTs show (PS3.3 A.2)."""

import numpy as np
from pydicom.dataset import Dataset
from pydicom.uid import ComputedRadiographyImageStorage

from sample_data.projection import Projection
from sample_data.shapes import blurred, floats, grain
from sample_data.studies import Series, date, describe_pixels, time

_BITS = 12


def chest(series: Series, projection: Projection, *, spacing: float) -> Dataset:
    """Return a radiograph in MONOCHROME1, as a cassette reader sends it, with this distance between pixels in mm.

    It is processed as readers do: detail is raised against the large differences between lung and abdomen.
    """
    depth = np.log1p(projection.upright(spacing) / 18)
    coarse = floats(depth)
    for _ in range(3):
        coarse = blurred(coarse[::2, ::2], 3)
    coarse = floats(np.kron(coarse, np.ones((8, 8)))[: depth.shape[0], : depth.shape[1]])
    coarse = blurred(coarse, 24)
    shown = coarse + 2.3 * (depth - coarse)
    low, high = np.percentile(shown[depth > 0.8], (1, 99.7))
    values = (shown - low) / (high - low) * 2900 + 500
    values += grain(series.rng, values.shape, peak=0.22) * 16
    values[depth < 0.15] = 60
    ds = series.new_instance(ComputedRadiographyImageStorage, 1)
    ds.ImageType = ["ORIGINAL", "PRIMARY"]
    ds.BodyPartExamined, ds.ViewPosition, ds.PatientOrientation = "CHEST", "PA", ["L", "F"]
    ds.KVP, ds.DistanceSourceToDetector, ds.ExposureTime = 125, 1800, 11
    ds.XRayTubeCurrent, ds.Exposure, ds.PlateType, ds.PlateID = 250, 3, "ST-VI", "A12400931C"
    ds.ImagerPixelSpacing, ds.CassetteOrientation, ds.CassetteSize = [spacing, spacing], "PORTRAIT", "35CMX43CM"
    ds.AcquisitionDate, ds.AcquisitionTime, ds.AcquisitionNumber = date(series.when), time(series.when), 1
    ds.RelativeXRayExposure, ds.BurnedInAnnotation = 412, "NO"
    describe_pixels(ds, 4095 - np.clip(values, 0, 4095).astype(np.uint16), stored_bits=_BITS)
    ds.PhotometricInterpretation = "MONOCHROME1"
    ds.RescaleIntercept, ds.RescaleSlope, ds.RescaleType = 0, 1, "US"
    ds.WindowCenter, ds.WindowWidth, ds.PresentationLUTShape = 2300, 3400, "INVERSE"
    return ds
