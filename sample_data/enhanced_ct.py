"""Enhanced CT: one multi-frame object whose functional groups say what is the same in all frames and what is not.

PS3.3 A.38.1; the groups are those of C.7.6.16.2 and C.8.15.3.
"""

import numpy as np
from pydicom.dataset import Dataset
from pydicom.uid import EnhancedCTImageStorage

from sample_data.ct import Recon, stored_slice
from sample_data.shapes import grain
from sample_data.studies import Series, code, date, describe_pixels, item, time
from sample_data.thorax import Thorax

_FRAME_TYPE = ["ORIGINAL", "PRIMARY", "VOLUME", "NONE"]


def volume(series: Series, thorax: Thorax, recon: Recon) -> Dataset:
    """Return one object with a frame for every height of the reconstruction."""
    ds = series.new_instance(EnhancedCTImageStorage, 1)
    textures = grain(series.rng, (recon.side * 2,) * 2, peak=0.13)
    frames = np.stack([stored_slice(thorax, recon, z, textures) for z in recon.heights])
    _describe_object(ds, series)
    describe_pixels(ds, frames[0], stored_bits=16)
    ds.NumberOfFrames = len(frames)
    ds.PixelData = frames.tobytes()
    organization = series.study.seed.uid("dimensions", series.study.name, series.number)
    ds.DimensionOrganizationSequence = [item(DimensionOrganizationUID=organization)]
    ds.DimensionOrganizationType = "3D"
    ds.DimensionIndexSequence = [
        item(DimensionOrganizationUID=organization, DimensionIndexPointer=pointer, FunctionalGroupPointer=group)
        for pointer, group in ((0x00209056, 0x00209111), (0x00200032, 0x00209113))
    ]
    ds.SharedFunctionalGroupsSequence = [_shared(series, recon)]
    ds.PerFrameFunctionalGroupsSequence = [_frame(series, recon, n) for n in range(len(frames))]
    return ds


def _describe_object(ds: Dataset, series: Series) -> None:
    """Fill in what the whole object says of its frames (PS3.3 C.8.15.2)."""
    ds.ImageType, ds.PixelPresentation, ds.VolumetricProperties = _FRAME_TYPE, "MONOCHROME", "VOLUME"
    ds.VolumeBasedCalculationTechnique, ds.ContentQualification = "NONE", "PRODUCT"
    ds.MultienergyCTAcquisition = "NO"
    ds.AcquisitionDateTime, ds.AcquisitionDuration = date(series.when) + time(series.when), 6.5
    ds.AcquisitionNumber, ds.PatientPosition, ds.BodyPartExamined = 1, "HFS", "CHEST"
    ds.FrameOfReferenceUID, ds.PositionReferenceIndicator = series.study.frame_of_reference, ""
    ds.BurnedInAnnotation, ds.LossyImageCompression, ds.PresentationLUTShape = "NO", "00", "IDENTITY"
    ds.AcquisitionContextSequence = []


def _shared(series: Series, recon: Recon) -> Dataset:
    """Return the groups that hold for all frames."""
    edge = [f"{recon.pixel:g}"] * 2
    return item(
        PixelMeasuresSequence=item(
            PixelSpacing=edge, SliceThickness=recon.thickness, SpacingBetweenSlices=_spacing(recon)
        ),
        PlaneOrientationSequence=item(ImageOrientationPatient=[1, 0, 0, 0, 1, 0]),
        FrameAnatomySequence=item(FrameLaterality="U", AnatomicRegionSequence=code("51185008", "SCT", "Thorax")),
        FrameVOILUTSequence=item(WindowCenter=40, WindowWidth=400),
        PixelValueTransformationSequence=item(RescaleIntercept=-1024, RescaleSlope=1, RescaleType="HU"),
        IrradiationEventIdentificationSequence=item(
            IrradiationEventUID=series.study.seed.uid("irradiation", series.study.name, series.number)
        ),
        CTImageFrameTypeSequence=item(
            FrameType=_FRAME_TYPE,
            PixelPresentation="MONOCHROME",
            VolumetricProperties="VOLUME",
            VolumeBasedCalculationTechnique="NONE",
        ),
        **_how_it_was_made(recon),
    )


def _how_it_was_made(recon: Recon) -> dict[str, Dataset]:
    """Return the groups of acquisition, geometry, exposure and reconstruction, by keyword."""
    return {
        "CTAcquisitionTypeSequence": item(AcquisitionType="SPIRAL", ConstantVolumeFlag="NO", FluoroscopyFlag="NO"),
        "CTAcquisitionDetailsSequence": item(
            RotationDirection="CW",
            RevolutionTime=0.5,
            SingleCollimationWidth=0.6,
            TotalCollimationWidth=38.4,
            TableHeight=152,
            GantryDetectorTilt=0,
            DataCollectionDiameter=500,
        ),
        "CTTableDynamicsSequence": item(TableSpeed=69.1, TableFeedPerRotation=34.56, SpiralPitchFactor=0.9),
        "CTGeometrySequence": item(DistanceSourceToDetector="1085.6", DistanceSourceToDataCollectionCenter=595.0),
        "CTReconstructionSequence": item(
            ReconstructionAlgorithm="FILTER_BACK_PROJ",
            ConvolutionKernel="B31f",
            ConvolutionKernelGroup="SOFT_TISSUE",
            ReconstructionDiameter=recon.field_of_view,
            ReconstructionPixelSpacing=[recon.pixel, recon.pixel],
            ReconstructionAngle=360,
            ImageFilter="NONE",
        ),
        "CTExposureSequence": item(
            ExposureTimeInms=500.0,
            XRayTubeCurrentInmA=210.0,
            ExposureInmAs=105.0,
            ExposureModulationType="NONE",
            CTDIvol=7.1,
            CTDIPhantomTypeCodeSequence=code("113691", "DCM", "IEC Body Dosimetry Phantom"),
        ),
        "CTXRayDetailsSequence": item(KVP=120, FocalSpots=1.2, FilterType="WEDGE", FilterMaterial="ALUMINUM"),
    }


def _frame(series: Series, recon: Recon, n: int) -> Dataset:
    """Return the groups of one frame, counted from 0."""
    z = recon.heights[n]
    edge = -(recon.side - 1) / 2 * recon.pixel
    moment = date(series.when) + time(series.when)
    return item(
        FrameContentSequence=item(
            FrameAcquisitionNumber=1,
            FrameReferenceDateTime=moment,
            FrameAcquisitionDateTime=moment,
            FrameAcquisitionDuration=0.5,
            StackID="1",
            InStackPositionNumber=n + 1,
            DimensionIndexValues=[1, n + 1],
        ),
        PlanePositionSequence=item(ImagePositionPatient=[f"{edge:g}", f"{edge:g}", f"{z:g}"]),
        CTPositionSequence=item(
            TablePosition=z,
            ReconstructionTargetCenterPatient=[0.0, 0.0, z],
            DataCollectionCenterPatient=[0.0, 0.0, z],
        ),
    )


def _spacing(recon: Recon) -> float:
    return abs(recon.heights[1] - recon.heights[0]) if len(recon.heights) > 1 else recon.thickness
