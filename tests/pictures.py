"""Images made from code, and the pictures that are made of them."""

from io import BytesIO
from itertools import count

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from pydicom import Dataset, Sequence
from pydicom.uid import GrayscaleSoftcopyPresentationStateStorage, SecondaryCaptureImageStorage

from conformance import phantoms
from held_data_sets import held
from vna.archive import HeldInstance, Subject
from vna.archive.rendering import task_of
from vna.archive.subjects import subject_of
from vna.model import InstanceKey, InstanceUID, SeriesUID, StudyUID
from vna.pixels.rendering.picture import render
from vna.pixels.rendering.request import MediaType, Options

PIXELS = ("PixelData", "FloatPixelData", "DoubleFloatPixelData")
_numbers = count(1)


def image(pixels: NDArray[np.generic], *, stored_bits: int | None = None, **attributes: object) -> Dataset:
    """Return an instance with (rows, columns[, 3]) pixels, and further attributes by keyword."""
    ds = phantoms.new_instance(SecondaryCaptureImageStorage, "OT", study=950, number=next(_numbers))
    ds.ConversionType = "WSD"
    phantoms.describe_pixels(ds, pixels, stored_bits=stored_bits or pixels.dtype.itemsize * 8)
    for keyword, value in attributes.items():
        setattr(ds, keyword, value)
    return ds


def state(shown: Dataset, **attributes: object) -> Dataset:
    """Return a presentation state for one image, and its attributes by keyword."""
    ds = phantoms.new_instance(GrayscaleSoftcopyPresentationStateStorage, "PR", study=950, number=next(_numbers))
    ds.PresentationLUTShape = "IDENTITY"
    reference = items(ReferencedSOPClassUID=shown.SOPClassUID, ReferencedSOPInstanceUID=shown.SOPInstanceUID)
    ds.ReferencedSeriesSequence = items(SeriesInstanceUID=shown.SeriesInstanceUID, ReferencedImageSequence=reference)
    for keyword, value in attributes.items():
        setattr(ds, keyword, value)
    return ds


def items(**attributes: object) -> Sequence:
    """Return a sequence of one item."""
    item = Dataset()
    for keyword, value in attributes.items():
        setattr(item, keyword, value)
    return Sequence([item])


def subject(ds: Dataset) -> Subject:
    """Return an instance as the archive sees it when it renders it."""
    syntax = ds.file_meta.TransferSyntaxUID
    stored = held(phantoms.data_set_bytes(ds), syntax)
    key = InstanceKey(StudyUID(ds.StudyInstanceUID), SeriesUID(ds.SeriesInstanceUID), InstanceUID(ds.SOPInstanceUID))
    return subject_of(HeldInstance(1, key, ds.SOPClassUID, syntax, 0, 1, ""), stored)


def seen(ds: Dataset, *, frame: int = 1, through: Dataset | None = None, **options: object) -> NDArray[np.int64]:
    """Return the picture of a native image, (rows, columns[, 3]), written without loss: what a codec process does."""
    pixels = next(ds[keyword].value for keyword in PIXELS if keyword in ds)
    size = len(pixels) // int(ds.get("NumberOfFrames", 1))
    task = task_of(subject(ds), frame, Options(MediaType.PNG, **options), None if through is None else subject(through))
    return decoded(render(pixels[(frame - 1) * size : frame * size], task))


def decoded(file: bytes) -> NDArray[np.int64]:
    """Return the pixels of a picture's file."""
    with Image.open(BytesIO(file)) as opened:
        return np.asarray(opened).astype(np.int64)
