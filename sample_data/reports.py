"""Structured reports: measurements of a nodule and of the lungs (TID 1500), and a report in words (TID 2000)."""

from dataclasses import dataclass

import highdicom as hd
import numpy as np
from highdicom import sr
from highdicom.sr import CodedConcept
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes
from pydicom.uid import BasicTextSRStorage

from sample_data.derived import settle
from sample_data.studies import Series, code, date, item, time


@dataclass(frozen=True, slots=True)
class Findings:
    """What a measurement report tells: the slice with a nodule, where on it (column, row), how long, and lung volumes.

    Distances are in mm, volumes in ml; `segmentation` holds the right lung as its first segment and the left as second.
    """

    image: Dataset
    centre: tuple[float, float]
    diameter_mm: float
    segmentation: Dataset
    lungs: list[Dataset]
    volumes_ml: tuple[float, float]


def measurements(series: Series, findings: Findings, observer: str) -> Dataset:
    """Return a measurement report (PS3.16 TID 1500) as Comprehensive 3D SR."""
    observed = sr.ObservationContext(
        observer_person_context=sr.ObserverContext(
            observer_type=codes.DCM.Person,
            observer_identifying_attributes=sr.PersonObserverIdentifyingAttributes(name=observer),
        )
    )
    report = sr.MeasurementReport(
        observation_context=observed,
        procedure_reported=CodedConcept("24627-2", "LN", "CT Chest"),
        imaging_measurements=[_nodule(series, findings), *_lungs(series, findings)],
        title=codes.DCM.ImagingMeasurementReport,
    )
    made = sr.Comprehensive3DSR(
        evidence=[findings.image, findings.segmentation, *findings.lungs],
        content=report[0],
        series_instance_uid=series.uid,
        series_number=series.number,
        sop_instance_uid=series.instance_uid(1),
        instance_number=1,
        manufacturer=series.equipment.manufacturer,
        is_complete=True,
        is_verified=True,
        verifying_observer_name=observer,
        verifying_organization=series.study.patient.institution.name,
    )
    return settle(made, series, 1)


def in_words(series: Series, images: list[Dataset], sections: dict[str, str], observer: str) -> Dataset:
    """Return a report in words (PS3.16 TID 2000) as Basic Text SR, about a series of images.

    `sections` has the text of each section by the code value of its LOINC heading.
    """
    ds = series.new_instance(BasicTextSRStorage, 1)
    ds.CompletionFlag, ds.VerificationFlag = "COMPLETE", "VERIFIED"
    ds.VerifyingObserverSequence = [
        item(
            VerifyingObserverName=observer,
            VerifyingObserverIdentificationCodeSequence=[],
            VerifyingOrganization=series.study.patient.institution.name,
            VerificationDateTime=date(series.when) + time(series.when),
        )
    ]
    ds.ReferencedPerformedProcedureStepSequence, ds.PerformedProcedureCodeSequence = [], []
    ds.CurrentRequestedProcedureEvidenceSequence = [_evidence(images)]
    ds.ValueType, ds.ContinuityOfContent = "CONTAINER", "SEPARATE"
    ds.ConceptNameCodeSequence = [code("18748-4", "LN", "Diagnostic imaging study")]
    ds.ContentTemplateSequence = [item(MappingResource="DCMR", TemplateIdentifier="2000")]
    person = item(
        RelationshipType="HAS OBS CONTEXT",
        ValueType="PNAME",
        ConceptNameCodeSequence=code("121008", "DCM", "Person Observer Name"),
        PersonName=observer,
    )
    ds.ContentSequence = [person, *(_section(value, text) for value, text in sections.items())]
    return ds


_HEADINGS = {
    "11329-0": ("History", "121060", "History"),
    "18782-3": ("Findings", "121071", "Finding"),
    "19005-8": ("Impressions", "121073", "Impression"),
}
"""Headings of CID 7001: what each means, and the concept of the texts in it."""


def _section(value: str, text: str) -> Dataset:
    meaning, element, element_meaning = _HEADINGS[value]
    return item(
        RelationshipType="CONTAINS",
        ValueType="CONTAINER",
        ConceptNameCodeSequence=code(value, "LN", meaning),
        ContinuityOfContent="SEPARATE",
        ContentSequence=item(
            RelationshipType="CONTAINS",
            ValueType="TEXT",
            ConceptNameCodeSequence=code(element, "DCM", element_meaning),
            TextValue=text,
        ),
    )


def _evidence(images: list[Dataset]) -> Dataset:
    """Return the images of one series as evidence (PS3.3 C.17.2)."""
    named = [
        item(ReferencedSOPClassUID=image.SOPClassUID, ReferencedSOPInstanceUID=image.SOPInstanceUID) for image in images
    ]
    return item(
        StudyInstanceUID=images[0].StudyInstanceUID,
        ReferencedSeriesSequence=item(SeriesInstanceUID=images[0].SeriesInstanceUID, ReferencedSOPSequence=named),
    )


def _nodule(series: Series, findings: Findings) -> sr.PlanarROIMeasurementsAndQualitativeEvaluations:
    """Return the nodule: a circle on its slice, and its diameter."""
    column, row = findings.centre
    radius = findings.diameter_mm / 2 / float(findings.image.PixelSpacing[0])
    return sr.PlanarROIMeasurementsAndQualitativeEvaluations(
        tracking_identifier=_tracked(series, "Nodule 1"),
        referenced_region=sr.ImageRegion(
            graphic_type=sr.GraphicTypeValues.CIRCLE,
            graphic_data=np.array([[column, row], [column + radius, row]]),
            source_image=sr.SourceImageForRegion(
                referenced_sop_class_uid=findings.image.SOPClassUID,
                referenced_sop_instance_uid=findings.image.SOPInstanceUID,
            ),
        ),
        finding_type=CodedConcept("27925004", "SCT", "Nodule"),
        finding_sites=[sr.FindingSite(CodedConcept("45653009", "SCT", "Upper lobe of right lung"))],
        measurements=[
            sr.Measurement(
                name=CodedConcept("81827009", "SCT", "Diameter"),
                value=round(findings.diameter_mm, 1),
                unit=codes.UCUM.Millimeter,
            )
        ],
    )


def _lungs(series: Series, findings: Findings) -> list[sr.VolumetricROIMeasurementsAndQualitativeEvaluations]:
    """Return the volume of each lung, as the segmentation has it."""
    sites = (CodedConcept("3341006", "SCT", "Right lung"), CodedConcept("44029006", "SCT", "Left lung"))
    return [
        sr.VolumetricROIMeasurementsAndQualitativeEvaluations(
            tracking_identifier=_tracked(series, site.meaning),
            referenced_segment=sr.ReferencedSegment(
                sop_class_uid=findings.segmentation.SOPClassUID,
                sop_instance_uid=findings.segmentation.SOPInstanceUID,
                segment_number=number,
                source_series=sr.SourceSeriesForSegmentation(findings.lungs[0].SeriesInstanceUID),
            ),
            finding_type=site,
            measurements=[
                sr.Measurement(name=CodedConcept("118565006", "SCT", "Volume"), value=round(volume), unit=_MILLILITRE)
            ],
        )
        for number, (site, volume) in enumerate(zip(sites, findings.volumes_ml, strict=True), 1)
    ]


_MILLILITRE = CodedConcept("ml", "UCUM", "milliliter")


def _tracked(series: Series, name: str) -> sr.TrackingIdentifier:
    return sr.TrackingIdentifier(uid=hd.UID(series.study.seed.uid("tracked", series.study.name, name)), identifier=name)
