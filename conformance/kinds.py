"""Phantoms of the kinds that are no plain images: enhanced multi-frame, segmentation, slide, waveform, radiotherapy.

Each holds what its IOD demands (PS3.3 Annex A) with as little content as makes sense; the same arguments give the same
bytes. Plain images are in `phantoms`, documents in `oddities`.
"""

import numpy as np
from pydicom.dataset import Dataset
from pydicom.uid import (
    DigitalMammographyXRayImageStorageForPresentation,
    EnhancedCTImageStorage,
    RTStructureSetStorage,
    SegmentationStorage,
    TwelveLeadECGWaveformStorage,
    VLWholeSlideMicroscopyImageStorage,
)

from conformance.oddities import code
from conformance.phantoms import chest, describe_pixels, new_instance, uid

_LEADS = ("I", "II", "III", "aVR", "aVL", "aVF", "V1", "V2", "V3", "V4", "V5", "V6")
_SAMPLES = 500
_SIDE = 32


def mammogram(*, study: int = 70) -> Dataset:
    """Return a small digital mammogram for presentation: 12 bits of 16, MONOCHROME2, with its view (PS3.3 A.27)."""
    ds = new_instance(DigitalMammographyXRayImageStorageForPresentation, "MG", study=study, number=1)
    ds.PatientSex, ds.BodyPartExamined, ds.ImageLaterality, ds.PresentationIntentType = (
        "F",
        "BREAST",
        "L",
        "FOR PRESENTATION",
    )
    ds.ImageType, ds.ContentDate, ds.ContentTime = ["ORIGINAL", "PRIMARY", ""], "20240101", "101112"
    ds.PixelIntensityRelationship, ds.PixelIntensityRelationshipSign = "LOG", -1
    ds.RescaleIntercept, ds.RescaleSlope, ds.RescaleType, ds.PresentationLUTShape = 0, 1, "US", "IDENTITY"
    ds.BurnedInAnnotation, ds.LossyImageCompression, ds.PositionerType = "NO", "00", "MAMMOGRAPHIC"
    ds.ImagerPixelSpacing, ds.DetectorType, ds.WindowCenter, ds.WindowWidth = [0.1, 0.1], "DIRECT", 2048, 4096
    ds.OrganExposed, ds.AnatomicRegionSequence = "BREAST", [code("76752008", "SCT", "Breast")]
    ds.ViewCodeSequence = [code("399162004", "SCT", "cranio-caudal")]
    ds.ViewCodeSequence[0].ViewModifierCodeSequence = []
    ds.AcquisitionContextSequence, ds.PatientOrientation = [], ["A", "R"]
    pixels = np.clip(chest(9, size=64).astype(np.int32) + 1100, 0, 4095).astype(np.uint16)
    describe_pixels(ds, pixels, stored_bits=12)
    return ds


def enhanced_ct(*, study: int = 71, frames: int = 3) -> Dataset:
    """Return a resampled enhanced CT of `frames` slices of 32 x 32 with functional groups (PS3.3 A.38, C.7.6.16)."""
    ds = new_instance(EnhancedCTImageStorage, "CT", study=study, number=1)
    _add_equipment(ds)
    ds.ImageType, ds.PatientPosition = ["DERIVED", "PRIMARY", "VOLUME", "RESAMPLED"], "HFS"
    ds.ContentDate, ds.ContentTime, ds.FrameOfReferenceUID = "20240101", "101112", uid("frame of reference", study)
    ds.PositionReferenceIndicator = ""
    ds.PixelPresentation, ds.VolumetricProperties, ds.VolumeBasedCalculationTechnique = "MONOCHROME", "VOLUME", "NONE"
    ds.NumberOfFrames, ds.BurnedInAnnotation, ds.LossyImageCompression = frames, "NO", "00"
    ds.ContentQualification, ds.AcquisitionContextSequence, ds.PresentationLUTShape = "RESEARCH", [], "IDENTITY"
    _add_dimension(ds, "InStackPositionNumber", "FrameContentSequence")
    ds.SharedFunctionalGroupsSequence = [_shared_groups()]
    ds.PerFrameFunctionalGroupsSequence = [_frame_groups(number) for number in range(1, frames + 1)]
    pixels = np.stack([chest(number, size=_SIDE) for number in range(1, frames + 1)])
    describe_pixels(ds, pixels[0], stored_bits=16)
    ds.PixelData = pixels.tobytes()
    return ds


def segmentation(source: Dataset) -> Dataset:
    """Return a binary segmentation of one frame over an image of 8 n pixels, one bit a pixel (PS3.3 A.51)."""
    ds = new_instance(SegmentationStorage, "SEG", study=72, number=1)
    ds.StudyInstanceUID, ds.FrameOfReferenceUID = source.StudyInstanceUID, source.FrameOfReferenceUID
    _add_equipment(ds)
    ds.PositionReferenceIndicator = ""
    ds.ImageType, ds.ContentDate, ds.ContentTime = ["DERIVED", "PRIMARY"], "20240101", "101112"
    ds.ContentLabel, ds.ContentDescription, ds.ContentCreatorName = "CHECK", "A segmentation", "NOBODY"
    ds.SegmentationType, ds.NumberOfFrames, ds.LossyImageCompression = "BINARY", 1, "00"
    segment = Dataset()
    segment.SegmentNumber, segment.SegmentLabel, segment.SegmentAlgorithmType = 1, "Body", "MANUAL"
    segment.SegmentedPropertyCategoryCodeSequence = [code("123037004", "SCT", "Anatomical Structure")]
    segment.SegmentedPropertyTypeCodeSequence = [code("123037004", "SCT", "Anatomical Structure")]
    ds.SegmentSequence = [segment]
    ds.ReferencedSeriesSequence = [_series_reference(source)]
    _add_dimension(ds, "ReferencedSegmentNumber", "SegmentIdentificationSequence")
    frame, identification, content = _frame_groups(1), Dataset(), Dataset()
    identification.ReferencedSegmentNumber = 1
    content.DimensionIndexValues = 1
    frame.SegmentIdentificationSequence, frame.FrameContentSequence = [identification], [content]
    frame.DerivationImageSequence = [_derivation(source)]
    ds.SharedFunctionalGroupsSequence, ds.PerFrameFunctionalGroupsSequence = [_geometry()], [frame]
    mask = chest(1, size=_SIDE) > -500
    describe_pixels(ds, mask.astype(np.uint8), stored_bits=1)
    ds.BitsAllocated, ds.PixelData = 1, np.packbits(mask.ravel(), bitorder="little").tobytes()
    ds["PixelData"].VR = "OB"
    return ds


def whole_slide(*, study: int = 73) -> Dataset:
    """Return one level of a slide in four RGB tiles of 32 x 32, fully tiled, without an ICC profile (PS3.3 A.32.8)."""
    ds = new_instance(VLWholeSlideMicroscopyImageStorage, "SM", study=study, number=1)
    _add_equipment(ds)
    ds.ImageType, ds.AcquisitionDateTime = ["ORIGINAL", "PRIMARY", "VOLUME", "NONE"], "20240101101112"
    ds.ContentDate, ds.ContentTime, ds.FrameOfReferenceUID = "20240101", "101112", uid("frame of reference", study)
    ds.DimensionOrganizationType, ds.VolumetricProperties = "TILED_FULL", "VOLUME"
    ds.PositionReferenceIndicator, ds.ContainerIdentifier = "SLIDE_CORNER", "SLIDE 1"
    ds.IssuerOfTheContainerIdentifierSequence = []
    ds.ContainerTypeCodeSequence = [code("433466003", "SCT", "Microscope slide")]
    ds.SpecimenDescriptionSequence = [_specimen(study)]
    ds.ImagedVolumeWidth, ds.ImagedVolumeHeight, ds.ImagedVolumeDepth = 0.064, 0.064, 0.001
    ds.TotalPixelMatrixColumns, ds.TotalPixelMatrixRows, ds.NumberOfFrames = 2 * _SIDE, 2 * _SIDE, 4
    ds.TotalPixelMatrixFocalPlanes, ds.NumberOfOpticalPaths, ds.ImageOrientationSlide = 1, 1, [0, -1, 0, -1, 0, 0]
    origin, path = Dataset(), Dataset()
    origin.XOffsetInSlideCoordinateSystem, origin.YOffsetInSlideCoordinateSystem = 20, 40
    path.OpticalPathIdentifier = "1"
    path.IlluminationTypeCodeSequence = [code("111744", "DCM", "Brightfield illumination")]
    path.IlluminationColorCodeSequence = [code("414298005", "SCT", "Full Spectrum")]
    ds.TotalPixelMatrixOriginSequence, ds.OpticalPathSequence = [origin], [path]
    ds.SpecimenLabelInImage, ds.BurnedInAnnotation, ds.FocusMethod = "NO", "NO", "AUTO"
    ds.ExtendedDepthOfField, ds.LossyImageCompression, ds.AcquisitionContextSequence = "NO", "00", []
    _add_dimension(ds, "ColumnPositionInTotalImagePixelMatrix", "PlanePositionSlideSequence")
    shared, measures, frame_type = Dataset(), Dataset(), Dataset()
    measures.PixelSpacing, measures.SliceThickness = [0.001, 0.001], 0.001
    frame_type.FrameType = ds.ImageType
    shared.PixelMeasuresSequence, shared.WholeSlideMicroscopyImageFrameTypeSequence = [measures], [frame_type]
    ds.SharedFunctionalGroupsSequence = [shared]
    pixels = np.random.default_rng(1).integers(120, 250, (4, _SIDE, _SIDE, 3)).astype(np.uint8)
    describe_pixels(ds, pixels[0], stored_bits=8)
    ds.PixelData = pixels.tobytes()
    return ds


def ecg(*, study: int = 74) -> Dataset:
    """Return a 12-lead ECG: one second at 500 Hz, 16 bits, interleaved by sample (PS3.3 A.34.3, C.10.9)."""
    ds = new_instance(TwelveLeadECGWaveformStorage, "ECG", study=study, number=1)
    ds.ContentDate, ds.ContentTime, ds.AcquisitionDateTime = "20240101", "101112", "20240101101112"
    ds.AcquisitionContextSequence = []
    group = Dataset()
    group.MultiplexGroupLabel, group.WaveformOriginality, group.SamplingFrequency = "ECG", "ORIGINAL", 500
    group.NumberOfWaveformChannels, group.NumberOfWaveformSamples = len(_LEADS), _SAMPLES
    group.ChannelDefinitionSequence = [_lead(name) for name in _LEADS]
    group.WaveformBitsAllocated, group.WaveformSampleInterpretation = 16, "SS"
    time = np.arange(_SAMPLES)[:, None] / 500
    beats = np.exp(-(((time % 0.8) - 0.3) ** 2) / 0.0004) * np.linspace(-400, 900, len(_LEADS))
    group.add_new("WaveformData", "OW", beats.astype("<i2").tobytes())
    ds.WaveformSequence = [group]
    return ds


def structure_set(source: Dataset) -> Dataset:
    """Return an RT Structure Set with one closed contour on an image (PS3.3 A.19)."""
    ds = new_instance(RTStructureSetStorage, "RTSTRUCT", study=75, number=1)
    ds.StudyInstanceUID, ds.FrameOfReferenceUID = source.StudyInstanceUID, source.FrameOfReferenceUID
    ds.StructureSetLabel, ds.StructureSetDate, ds.StructureSetTime = "CHECK", "20240101", "101112"
    ds.ApprovalStatus, ds.OperatorsName, ds.PositionReferenceIndicator = "UNAPPROVED", "", ""
    ds.ReferencedFrameOfReferenceSequence = [_frame_of_reference(source)]
    roi, contour, drawn, observation = Dataset(), Dataset(), Dataset(), Dataset()
    roi.ROINumber, roi.ROIName, roi.ROIGenerationAlgorithm = 1, "Body", "MANUAL"
    roi.ReferencedFrameOfReferenceUID = source.FrameOfReferenceUID
    drawn.ContourImageSequence, drawn.ContourGeometricType, drawn.NumberOfContourPoints = (
        [_reference(source)],
        "CLOSED_PLANAR",
        3,
    )
    drawn.ContourData = [0, 0, 1.25, 10, 0, 1.25, 0, 10, 1.25]
    contour.ReferencedROINumber, contour.ROIDisplayColor, contour.ContourSequence = 1, [255, 0, 0], [drawn]
    observation.ObservationNumber, observation.ReferencedROINumber = 1, 1
    observation.RTROIInterpretedType, observation.ROIInterpreter = "EXTERNAL", "NOBODY"
    ds.StructureSetROISequence, ds.ROIContourSequence, ds.RTROIObservationsSequence = [roi], [contour], [observation]
    return ds


def _add_equipment(ds: Dataset) -> None:
    """Set the Enhanced General Equipment module (PS3.3 C.7.5.2)."""
    ds.ManufacturerModelName, ds.DeviceSerialNumber, ds.SoftwareVersions = "PHANTOM", "1", "1"


def _reference(source: Dataset) -> Dataset:
    """Return a SOP Instance Reference (PS3.3 table 10-11)."""
    item = Dataset()
    item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = source.SOPClassUID, source.SOPInstanceUID
    return item


def _derivation(source: Dataset) -> Dataset:
    """Return an item that says a frame was segmented from an image (PS3.3 C.7.6.16.2.6)."""
    item, image = Dataset(), _reference(source)
    image.PurposeOfReferenceCodeSequence = [code("121322", "DCM", "Source image for image processing operation")]
    item.DerivationCodeSequence, item.SourceImageSequence = [code("113076", "DCM", "Segmentation")], [image]
    return item


def _series_reference(source: Dataset) -> Dataset:
    item = Dataset()
    item.SeriesInstanceUID, item.ReferencedInstanceSequence = source.SeriesInstanceUID, [_reference(source)]
    return item


def _frame_of_reference(source: Dataset) -> Dataset:
    item, study, series = Dataset(), Dataset(), Dataset()
    series.SeriesInstanceUID, series.ContourImageSequence = source.SeriesInstanceUID, [_reference(source)]
    study.ReferencedSOPClassUID, study.ReferencedSOPInstanceUID = "1.2.840.10008.3.1.2.3.1", source.StudyInstanceUID
    study.RTReferencedSeriesSequence = [series]
    item.FrameOfReferenceUID, item.RTReferencedStudySequence = source.FrameOfReferenceUID, [study]
    return item


def _add_dimension(ds: Dataset, keyword: str, group: str) -> None:
    """Set the Multi-frame Dimension module to one dimension (PS3.3 C.7.6.17)."""
    organization, index = Dataset(), Dataset()
    organization.DimensionOrganizationUID = uid("dimension", ds.SOPInstanceUID)
    index.DimensionOrganizationUID = organization.DimensionOrganizationUID
    index.DimensionIndexPointer, index.FunctionalGroupPointer = keyword, group
    ds.DimensionOrganizationSequence, ds.DimensionIndexSequence = [organization], [index]


def _geometry() -> Dataset:
    """Return the functional groups that say where pixels lie, but for the position of the plane."""
    groups, orientation, measures = Dataset(), Dataset(), Dataset()
    orientation.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    measures.PixelSpacing, measures.SliceThickness = [10, 10], 1.25
    groups.PlaneOrientationSequence, groups.PixelMeasuresSequence = [orientation], [measures]
    return groups


def _shared_groups() -> Dataset:
    """Return the functional groups that all frames of the enhanced CT share (PS3.3 A.38.1.4)."""
    groups, frame_type, value, window, anatomy = _geometry(), Dataset(), Dataset(), Dataset(), Dataset()
    frame_type.FrameType = ["DERIVED", "PRIMARY", "VOLUME", "RESAMPLED"]
    frame_type.PixelPresentation = "MONOCHROME"
    frame_type.VolumetricProperties, frame_type.VolumeBasedCalculationTechnique = "VOLUME", "NONE"
    value.RescaleIntercept, value.RescaleSlope, value.RescaleType = 0, 1, "HU"
    window.WindowCenter, window.WindowWidth = 40, 400
    anatomy.AnatomicRegionSequence, anatomy.FrameLaterality = [code("51185008", "SCT", "Chest")], "U"
    groups.CTImageFrameTypeSequence, groups.PixelValueTransformationSequence = [frame_type], [value]
    groups.FrameVOILUTSequence, groups.FrameAnatomySequence = [window], [anatomy]
    event = Dataset()
    event.IrradiationEventUID = uid("irradiation event")
    groups.IrradiationEventIdentificationSequence = [event]
    return groups


def _frame_groups(number: int) -> Dataset:
    """Return the functional groups of one frame, counted from 1."""
    groups, position, content = Dataset(), Dataset(), Dataset()
    position.ImagePositionPatient = [-160, -160, 1.25 * number]
    content.StackID, content.InStackPositionNumber, content.DimensionIndexValues = "1", number, number
    content.FrameAcquisitionDateTime = content.FrameReferenceDateTime = "20240101101112"
    content.FrameAcquisitionDuration, content.FrameAcquisitionNumber = 100.0, 1
    groups.PlanePositionSequence, groups.FrameContentSequence = [position], [content]
    return groups


def _specimen(study: int) -> Dataset:
    item = Dataset()
    item.SpecimenIdentifier, item.SpecimenUID = "SPECIMEN 1", uid("specimen", study)
    item.IssuerOfTheSpecimenIdentifierSequence, item.SpecimenPreparationSequence = [], []
    return item


def _lead(name: str) -> Dataset:
    """Return the definition of one channel (PS3.3 C.10.9.1.4), in microvolts."""
    item = Dataset()
    item.ChannelSourceSequence = [code(f"2:{_LEADS.index(name) + 1}", "MDC", f"Lead {name}")]
    item.ChannelSensitivity, item.ChannelSensitivityCorrectionFactor, item.ChannelBaseline = 1, 1, 0
    item.ChannelSensitivityUnitsSequence = [code("uV", "UCUM", "microvolt")]
    item.ChannelTimeSkew, item.WaveformBitsStored = 0, 16
    return item
