"""Sending phantoms to an archive through its own door, and reading them back."""

from collections.abc import Mapping

from pydicom.dataset import Dataset

from conformance import phantoms
from storage_backends import MemoryContent
from vna.archive import Archive, Arrived, Expected, Stored
from vna.dicom.attributes import Level, Model
from vna.dicom.describe import Value
from vna.dicom.matching import Matcher, SingleValue, Universal
from vna.dicom.query import Query
from vna.model import InstanceKey, Source

MODALITY = Source("MODALITY")
OTHER_PACS = Source("OTHER_PACS")


class Sending:
    """One association of each source with an archive."""

    def __init__(self, archive: Archive) -> None:
        self.archive = archive
        self._sessions = {}

    def store(
        self,
        ds: Dataset,
        *,
        source: Source = MODALITY,
        expected: Expected = Expected(),
        part10_head: bytes = b"",
    ) -> Stored:
        """Store a data set in its own transfer syntax."""
        arrived = Arrived(
            MemoryContent(phantoms.data_set_bytes(ds)), ds.file_meta.TransferSyntaxUID, expected, part10_head
        )
        return self._session(source).store(arrived)

    def store_bytes(self, data: bytes, transfer_syntax: str, *, source: Source = MODALITY) -> Stored:
        """Store bytes."""
        return self._session(source).store(Arrived(MemoryContent(data), transfer_syntax))

    def bytes_of(self, key: InstanceKey) -> bytes:
        """Return the served bytes of an instance."""
        keys: dict[str, Matcher] = {
            "StudyInstanceUID": SingleValue(key.study),
            "SeriesInstanceUID": SingleValue(key.series),
            "SOPInstanceUID": SingleValue(key.instance),
        }
        (held,) = self.archive.instances(Query(Level.IMAGE, Model.STUDY_ROOT, keys))
        return b"".join(self.archive.open(held).chunks)

    def _session(self, source: Source):
        if source.name not in self._sessions:
            self._sessions[source.name] = self.archive.session(source, "test")
        return self._sessions[source.name]


def by_study(archive: Archive, study: str, *keywords: str) -> list[Mapping[str, Value]]:
    """Find a study by UID, with these return keys."""
    keys: dict[str, Matcher] = {keyword: Universal() for keyword in keywords}
    return list(archive.find(Query(Level.STUDY, Model.STUDY_ROOT, {**keys, "StudyInstanceUID": SingleValue(study)})))


__all__ = ["MODALITY", "OTHER_PACS", "Sending", "by_study"]
