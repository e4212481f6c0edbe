"""Data sets of no patient, built in code: the images that tests and benchmarks send.

The same arguments give the same bytes, UIDs included (UUIDs of version 5, PS3.5 B.2). Documents and odd encodings
are in `oddities`; large sets of files are in `corpus`.
"""

import uuid
import zlib
from functools import cache

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate, encapsulate_extended
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_dataset, write_file_meta_info
from pydicom.uid import (
    UID,
    ComputedRadiographyImageStorage,
    CTImageStorage,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEGBaseline8Bit,
    MRImageStorage,
    RLELossless,
    UltrasoundMultiFrameImageStorage,
)

_NAMESPACE = uuid.UUID("6c8f2d5e-3b0b-4a57-9d8e-6f0a5d7c1b42")
_BODY_NOISE_HU = 11.0
_AIR_NOISE_HU = 3.0


def uid(*names: object) -> UID:
    """Return the UID that belongs to these names, always the same one (PS3.5 B.2)."""
    return UID(f"2.25.{uuid.uuid5(_NAMESPACE, '/'.join(map(str, names))).int}")


def patient(ds: Dataset, *, study: int) -> None:
    """Fill in the patient and study modules (PS3.3 C.7.1.1, C.7.2.1) of the numbered study."""
    ds.PatientName, ds.PatientID = f"PHANTOM^NUMBER {study}", f"PHANTOM{study:05d}"
    ds.PatientBirthDate, ds.PatientSex = f"19{study % 100:02d}0229", "O"
    ds.StudyInstanceUID = uid("study", study)
    ds.StudyDate, ds.StudyTime = f"2024{study % 12 + 1:02d}{study % 28 + 1:02d}", "101112.5"
    ds.AccessionNumber, ds.StudyID, ds.ReferringPhysicianName = f"ACC{study:07d}", str(study), "DOE^JANE"


def new_instance(sop_class: UID, modality: str, *, study: int, number: int, series: int = 1) -> Dataset:
    """Return a data set without content: its patient, study, series and SOP Common modules only.

    Its transfer syntax is Explicit VR Little Endian.
    """
    ds = Dataset()
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    ds.SOPClassUID, ds.SOPInstanceUID = sop_class, uid(modality, study, series, number)
    patient(ds, study=study)
    ds.StudyDescription, ds.SeriesDescription = f"{modality} OF A PHANTOM", f"SERIES {series}"
    ds.Modality, ds.Manufacturer = modality, "NOBODY"
    ds.SeriesInstanceUID, ds.SeriesNumber = uid("series", modality, study, series), series
    ds.InstanceNumber = number
    return ds


def ct_slice(*, study: int = 1, series: int = 1, number: int = 1, size: int = 512) -> Dataset:
    """Return a CT slice of a chest, `size` x `size`, 16 bits signed: about what a scanner sends of one."""
    ds = new_instance(CTImageStorage, "CT", study=study, series=series, number=number)
    ds.BodyPartExamined, ds.KVP, ds.SliceThickness = "CHEST", 120, 1.25
    ds.FrameOfReferenceUID = uid("frame of reference", study)
    ds.PixelSpacing, ds.ImageOrientationPatient = [0.7, 0.7], [1, 0, 0, 0, 1, 0]
    ds.ImagePositionPatient = [-180, -180, 1.25 * number]
    ds.RescaleIntercept, ds.RescaleSlope, ds.WindowCenter, ds.WindowWidth = -1024, 1, 40, 400
    describe_pixels(ds, chest(number, size=size), stored_bits=16)
    return ds


def ct_series(n: int, *, study: int = 1, size: int = 512) -> list[Dataset]:
    """Return `n` CT slices of one series, numbered from 1."""
    return [ct_slice(study=study, number=number, size=size) for number in range(1, n + 1)]


def mr_slice(*, study: int = 2, number: int = 1) -> Dataset:
    """Return a 256 x 192 MR slice, 12 bits of 16 unsigned."""
    ds = new_instance(MRImageStorage, "MR", study=study, number=number)
    ds.ScanningSequence, ds.SequenceVariant, ds.MRAcquisitionType = ["SE", "IR"], "SK", "2D"
    ds.EchoTime, ds.RepetitionTime, ds.MagneticFieldStrength = 12.5, 450, 1.5
    pixels = np.clip(chest(number, size=256)[:, :192].astype(np.int32) + 1100, 0, 4095)
    describe_pixels(ds, pixels.astype(np.uint16), stored_bits=12)
    return ds


def cr_image(*, study: int = 3, number: int = 1) -> Dataset:
    """Return a 440 x 441 computed radiograph, 10 bits of 16, MONOCHROME1; an odd number of columns."""
    ds = new_instance(ComputedRadiographyImageStorage, "CR", study=study, number=number)
    ds.BodyPartExamined, ds.ViewPosition = "CHEST", "PA"
    pixels = np.clip(chest(number, size=441)[:440].astype(np.int32) // 4 + 300, 0, 1023)
    describe_pixels(ds, pixels.astype(np.uint16), stored_bits=10)
    ds.PhotometricInterpretation = "MONOCHROME1"
    return ds


def us_multiframe(*, study: int = 4, number: int = 1, frames: int = 5) -> Dataset:
    """Return `frames` RGB frames of 120 x 160, 8 bits, colour by pixel: an ultrasound loop."""
    ds = new_instance(UltrasoundMultiFrameImageStorage, "US", study=study, number=number)
    ds.NumberOfFrames, ds.FrameTime, ds.FrameIncrementPointer = frames, 40, 0x00181063
    rng = np.random.default_rng(number)
    pixels = rng.rayleigh(30, (frames, 120, 160, 3)).clip(0, 255).astype(np.uint8)
    describe_pixels(ds, pixels[0], stored_bits=8)
    ds.PixelData = pixels.tobytes()
    return ds


def rle_multiframe(*, study: int = 5, number: int = 1, frames: int = 3) -> Dataset:
    """Return an ultrasound loop in RLE Lossless, one fragment a frame, with a basic offset table."""
    ds = us_multiframe(study=study, number=number, frames=frames)
    ds.compress(RLELossless, generate_instance_uid=False)
    return ds


def jpeg_multiframe(
    *, study: int = 6, number: int = 1, frames: int = 4, fragments_per_frame: int = 1, offsets: str = "basic"
) -> Dataset:
    """Return grey 8 x 8 frames in JPEG Baseline, decodable, of different lengths.

    `offsets` is "basic" (PS3.5 A.4), "none" (the basic offset table is empty) or "extended" (PS3.3 C.7.6.3.1.8, which
    wants one fragment a frame).
    """
    ds = new_instance(UltrasoundMultiFrameImageStorage, "US", study=study, number=number)
    ds.file_meta.TransferSyntaxUID = JPEGBaseline8Bit
    ds.NumberOfFrames, ds.FrameTime, ds.FrameIncrementPointer = frames, 40, 0x00181063
    describe_pixels(ds, np.zeros((8, 8), np.uint8), stored_bits=8)
    ds.LossyImageCompression = "01"
    streams = [grey_jpeg(f"frame {n}" + "." * 17 * n) for n in range(1, frames + 1)]
    if offsets == "extended":
        ds.PixelData, ds.ExtendedOffsetTable, ds.ExtendedOffsetTableLengths = encapsulate_extended(streams)
    else:
        ds.PixelData = encapsulate(streams, fragments_per_frame=fragments_per_frame, has_bot=offsets == "basic")
    ds["PixelData"].VR = "OB"
    ds["PixelData"].is_undefined_length = True
    return ds


def in_syntax(ds: Dataset, transfer_syntax: str) -> Dataset:
    """Return the data set marked to be written in another uncompressed transfer syntax; pixels stay as they are."""
    ds.file_meta.TransferSyntaxUID = UID(transfer_syntax)
    return ds


def every_image() -> dict[str, Dataset]:
    """Return one of each kind of image, by a short name, in studies of their own."""
    return {
        "ct": ct_slice(size=128),
        "ct-implicit": in_syntax(ct_slice(study=11, size=64), ImplicitVRLittleEndian),
        "ct-big-endian": in_syntax(ct_slice(study=12, size=64), ExplicitVRBigEndian),
        "ct-deflated": in_syntax(ct_slice(study=13, size=64), DeflatedExplicitVRLittleEndian),
        "ct-odd-size": ct_slice(study=14, size=65),
        "mr": mr_slice(),
        "cr": cr_image(),
        "us-multiframe": us_multiframe(),
        "us-rle": rle_multiframe(),
        "jpeg-bot": jpeg_multiframe(study=15),
        "jpeg-nobot": jpeg_multiframe(study=16, offsets="none"),
        "jpeg-eot": jpeg_multiframe(study=17, offsets="extended"),
        "jpeg-3-fragments": jpeg_multiframe(study=18, fragments_per_frame=3),
    }


def data_set_bytes(ds: Dataset, transfer_syntax: str | None = None) -> bytes:
    """Return the data set without File Meta, as C-STORE sends it, in its own or another uncompressed syntax."""
    syntax = UID(transfer_syntax or ds.file_meta.TransferSyntaxUID)
    swapped = _with_swapped_pixels(ds) if syntax == ExplicitVRBigEndian else ds
    out = DicomBytesIO()
    out.is_little_endian, out.is_implicit_VR = syntax.is_little_endian, syntax.is_implicit_VR
    write_dataset(out, swapped)
    data = out.getvalue()
    if syntax == DeflatedExplicitVRLittleEndian:
        return _deflated(data)
    return data


def part10(ds: Dataset) -> bytes:
    """Return the data set as a file (PS3.10 7.1), in its own transfer syntax."""
    return part10_head(ds.SOPClassUID, ds.SOPInstanceUID, ds.file_meta.TransferSyntaxUID) + data_set_bytes(ds)


def part10_head(sop_class_uid: str, sop_instance_uid: str, transfer_syntax: str) -> bytes:
    """Return the preamble, prefix and File Meta Information that make a file of a data set (PS3.10 7.1)."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = UID(sop_class_uid), UID(sop_instance_uid)
    meta.TransferSyntaxUID, meta.ImplementationClassUID = UID(transfer_syntax), uid("implementation")
    out = DicomBytesIO()
    out.is_little_endian, out.is_implicit_VR = True, False
    write_file_meta_info(out, meta, enforce_standard=True)
    return b"\0" * 128 + b"DICM" + out.getvalue()


def chest(number: int, *, size: int = 512) -> NDArray[np.int16]:
    """Return a chest seen from below in Hounsfield units: (size, size), different for every number.

    Noise is correlated as a soft reconstruction kernel leaves it; white noise would make every compressor look bad.
    """
    anatomy, noise_level, noise = _chest_parts(size)
    rng = np.random.default_rng(number)
    dy, dx = (int(v) for v in rng.integers(0, size, 2))
    window = noise[dy : dy + size, dx : dx + size]
    shifted = np.roll(anatomy, number % 7, axis=0)
    return (shifted + window * np.roll(noise_level, number % 7, axis=0)).astype(np.int16)


def grey_jpeg(comment: str, *, progressive: bool = False) -> bytes:
    """Return a JPEG baseline stream of 8 x 8 mid-grey pixels (ITU-T T.81); the comment sets it apart from others.

    Both Huffman tables hold the single code 0, so the only block is the two bits 00; of a progressive stream, which
    DICOM keeps in no transfer syntax, one bit: it has the first scan alone.
    """
    text = comment.encode()
    segments = [
        (0xFE, text),
        (0xDB, b"\0" + b"\x01" * 64),
        (0xC2 if progressive else 0xC0, b"\x08\0\x08\0\x08\x01\x01\x11\0"),
        (0xC4, b"\x00" + b"\x01" + b"\0" * 15 + b"\0"),
        (0xC4, b"\x10" + b"\x01" + b"\0" * 15 + b"\0"),
        (0xDA, b"\x01\x01\0\0\0\0" if progressive else b"\x01\x01\0\0\x3f\0"),
    ]
    body = b"".join(bytes([0xFF, marker]) + (len(b) + 2).to_bytes(2, "big") + b for marker, b in segments)
    return b"\xff\xd8" + body + (b"\x7f" if progressive else b"\x3f") + b"\xff\xd9"


def describe_pixels(ds: Dataset, pixels: NDArray[np.generic], *, stored_bits: int) -> None:
    """Set the Image Pixel module (PS3.3 C.7.6.3) from (rows, columns) or (rows, columns, 3) pixels."""
    ds.Rows, ds.Columns = pixels.shape[:2]
    ds.SamplesPerPixel = 3 if pixels.ndim == 3 else 1
    ds.PhotometricInterpretation = "RGB" if pixels.ndim == 3 else "MONOCHROME2"
    if pixels.ndim == 3:
        ds.PlanarConfiguration = 0
    ds.BitsAllocated, ds.BitsStored, ds.HighBit = pixels.dtype.itemsize * 8, stored_bits, stored_bits - 1
    ds.PixelRepresentation = int(pixels.dtype.kind == "i")
    data = pixels.tobytes()
    ds.PixelData = data + b"\0" * (len(data) % 2)
    ds["PixelData"].VR = "OW"


def _with_swapped_pixels(ds: Dataset) -> Dataset:
    """Return a copy whose 16-bit Pixel Data is big endian: pydicom writes OW values as it finds them."""
    if ds.get("BitsAllocated") != 16:
        return ds
    copy = Dataset()
    copy.update(ds)
    copy.add_new("PixelData", "OW", np.frombuffer(ds.PixelData, "<u2").byteswap().tobytes())
    return copy


def _deflated(data: bytes) -> bytes:
    """Return raw deflate of the data, padded to even length (PS3.5 A.5)."""
    compressor = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    out = compressor.compress(data) + compressor.flush()
    return out + b"\0" * (len(out) % 2)


@cache
def _chest_parts(size: int) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
    """Return anatomy in HU, noise level by pixel, and twice as wide correlated noise of unit deviation."""
    y, x = np.mgrid[-1 : 1 : size * 1j, -1 : 1 : size * 1j].astype(np.float32)
    rng = np.random.default_rng(size)
    image = np.full((size, size), -1000, np.float32)
    body = _ellipse(y, x, (0.05, 0.0), (0.62, 0.88))
    image[body] = -90
    image[_ellipse(y, x, (0.05, 0.0), (0.55, 0.80))] = 45
    for side in (-1, 1):
        image[_ellipse(y, x, (0.0, side * 0.42), (0.42, 0.28))] = -860
    image[_ellipse(y, x, (-0.05, 0.08), (0.28, 0.22))] = 60
    image[_ellipse(y, x, (0.38, 0.0), (0.12, 0.10))] = 420
    image[_ellipse(y, x, (0.38, 0.0), (0.06, 0.05))] = 30
    for cy, cx in rng.uniform(-0.5, 0.5, (60, 2)):
        image[_ellipse(y, x, (float(cy), float(cx)), (0.014, 0.011)) & body] = 50
    image = _blurred(_blurred(image))
    noise = _blurred(_blurred(rng.standard_normal((2 * size, 2 * size)).astype(np.float32)))
    level = np.where(body, np.float32(_BODY_NOISE_HU), np.float32(_AIR_NOISE_HU))
    level[np.hypot(y, x) > 1.0] = 0
    return image, level.astype(np.float32), (noise / noise.std()).astype(np.float32)


def _ellipse(
    y: NDArray[np.float32], x: NDArray[np.float32], centre: tuple[float, float], radii: tuple[float, float]
) -> NDArray[np.bool_]:
    inside: NDArray[np.bool_] = ((y - centre[0]) / radii[0]) ** 2 + ((x - centre[1]) / radii[1]) ** 2 < 1
    return inside


def _blurred(image: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the image smoothed over 3 x 3 pixels with weights 1, 2, 1."""
    for axis in (0, 1):
        image = (np.roll(image, 1, axis) + 2 * image + np.roll(image, -1, axis)) * np.float32(0.25)
    return image
