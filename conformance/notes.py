"""Rejection notes, built in code: Key Object Selection documents that reject images (IHE RAD TF-3 4.66)."""

from collections.abc import Iterable, Sequence

from pydicom.dataset import Dataset
from pydicom.sequence import Sequence as Items
from pydicom.uid import KeyObjectSelectionDocumentStorage

from conformance.oddities import code
from conformance.phantoms import new_instance
from vna.model import RejectionReason


def rejection_note(
    rejected: Sequence[Dataset], reason: RejectionReason = RejectionReason.QUALITY, *, number: int = 1, study: int = 1
) -> Dataset:
    """Return the note that rejects data sets, with all of them as evidence and in its content tree.

    Args:
        study: the number of the study it lies in; in series 99.
    """
    note = new_instance(KeyObjectSelectionDocumentStorage, "KO", study=study, number=number, series=99)
    note.ContentDate, note.ContentTime = "20240102", "111213"
    note.ReferencedPerformedProcedureStepSequence = Items()
    note.ValueType, note.ContinuityOfContent = "CONTAINER", "SEPARATE"
    note.ConceptNameCodeSequence = Items([code(reason.code, "DCM", reason.meaning)])
    template = Dataset()
    template.MappingResource, template.TemplateIdentifier = "DCMR", "2010"
    note.ContentTemplateSequence = Items([template])
    note.CurrentRequestedProcedureEvidenceSequence = Items(_evidence(rejected))
    note.ContentSequence = Items([_content(ds) for ds in rejected])
    return note


def _evidence(rejected: Sequence[Dataset]) -> Iterable[Dataset]:
    for study in dict.fromkeys(ds.StudyInstanceUID for ds in rejected):
        of_study = [ds for ds in rejected if ds.StudyInstanceUID == study]
        item = Dataset()
        item.StudyInstanceUID = study
        item.ReferencedSeriesSequence = Items(_series(of_study))
        yield item


def _series(of_study: Sequence[Dataset]) -> Iterable[Dataset]:
    for series in dict.fromkeys(ds.SeriesInstanceUID for ds in of_study):
        item = Dataset()
        item.SeriesInstanceUID = series
        item.ReferencedSOPSequence = Items(_reference(ds) for ds in of_study if ds.SeriesInstanceUID == series)
        yield item


def _content(ds: Dataset) -> Dataset:
    item = Dataset()
    item.RelationshipType, item.ValueType = "CONTAINS", "IMAGE"
    item.ReferencedSOPSequence = Items([_reference(ds)])
    return item


def _reference(ds: Dataset) -> Dataset:
    item = Dataset()
    item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = ds.SOPClassUID, ds.SOPInstanceUID
    return item
