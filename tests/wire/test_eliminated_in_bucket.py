"""Eliminating where the store and a tier are buckets that keep versions: nothing of it is left in any version."""

from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from pydicom.dataset import Dataset

from conformance.phantoms import ct_slice, data_set_bytes
from destroying import found_among, needles
from s3_server import control_client, new_versioned_bucket, store_settings
from storage_backends import MemoryContent
from vna import settings
from vna.archive import Archive, Arrived, Remaining
from vna.archive.recording import record
from vna.events import EliminationDecided, EliminationItem, EliminationProposed, StepDecision
from vna.model import Scope, Source, StudyUID
from vna.node import open_sealer, open_sealing_archive

pytestmark = [pytest.mark.long, pytest.mark.timeout(300)]


def of_patient(study: int) -> list[Dataset]:
    """Return instances of a patient of their own: two small ones, and one that goes up in parts."""
    made = [ct_slice(study=study, number=number, size=16) for number in (1, 2)]
    made.append(ct_slice(study=study, number=3, size=2304))
    for ds in made:
        ds.PatientName, ds.PatientID = f"Zzyzx{study}^Quetzal", f"PID-{study}-XYZZY"
        length = int(ds.Rows) * int(ds.Columns) * 2
        ds.PixelData = (b"PIXELS%03d.%03d!" % (study, int(ds.InstanceNumber)) * (length // 14 + 1))[:length]
    return made


@pytest.fixture
def buckets(s3: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> "Buckets":
    """Two buckets: of the store, and of its tier `cold`, which keeps bytes as they are."""
    made = Buckets(control_client(s3), [new_versioned_bucket(s3, lock=False) for _ in range(2)])
    monkeypatch.setenv("VNA_DATA_DIR", str(tmp_path / "data"))
    for name, value in store_settings(s3, made.names[0]).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("VNA_STORE__TIERS", f"cold=s3://{made.names[1]}/tier;codec=raw")
    return made


class Buckets:
    """Buckets, and all that they hold of any time."""

    def __init__(self, client: Any, names: list[str]) -> None:
        self._client, self.names = client, names

    def versions(self) -> Iterator[tuple[str, bytes]]:
        """Yield the place and the bytes of each version of each object, of none for a delete marker."""
        for bucket in self.names:
            for page in self._client.get_paginator("list_object_versions").paginate(Bucket=bucket):
                for each in page.get("Versions", []):
                    got = self._client.get_object(Bucket=bucket, Key=each["Key"], VersionId=each["VersionId"])
                    yield f"{bucket}/{each['Key']}", got["Body"].read()
                yield from ((f"{bucket}/{each['Key']}", b"") for each in page.get("DeleteMarkers", []))

    def unfinished(self) -> list[str]:
        """Return the names of objects of which parts lie there that were never put together."""
        listed = [self._client.list_multipart_uploads(Bucket=bucket).get("Uploads", []) for bucket in self.names]
        return [each["Key"] for uploads in listed for each in uploads]

    def found(self, wanted: list[bytes]) -> set[str]:
        """Return where any of these byte strings is to be found."""
        return {place for place, data in self.versions() if found_among(data, wanted)}


def test_no_version_in_any_bucket_holds_anything_of_it(buckets: Buckets) -> None:
    first, second = of_patient(1), of_patient(2)
    with closing(open_sealing_archive(settings.load())) as archive:
        store(archive, *first, *second)
        for study in (first[0].StudyInstanceUID, second[0].StudyInstanceUID):
            archive.tiers.place(StudyUID(study), "cold", "archivist")
        with closing(open_sealer(settings.load())) as sealer:
            sealer.seal()
        there = buckets.found(needles(*first))

        objects = destroyed(archive, Scope(first[0].StudyInstanceUID))

        assert {problem for finding in archive.verify() if (problem := finding.problem)} == set()
    assert {name.partition("/")[0] for name in there} == set(buckets.names)
    assert any("/payloads/" in name for name in there)
    assert buckets.found(needles(*first)) == set()
    assert buckets.found(needles(*second)) != set()
    digests = [blob["sha256"] for each in objects for blob in each["blobs"]]
    assert len(digests) == len(first)
    assert [name for name, _ in buckets.versions() if any(digest in name for digest in digests)] == []
    assert buckets.unfinished() == []


def store(archive: Archive, *data_sets: Dataset) -> None:
    """Store data sets."""
    session = archive.session(Source("MODALITY"), "test")
    for ds in data_sets:
        session.store(Arrived(MemoryContent(data_set_bytes(ds)), str(ds.file_meta.TransferSyntaxUID)))


def destroyed(archive: Archive, scope: Scope) -> list[Mapping[str, Any]]:
    """Eliminate a study and destroy it everywhere; return what went."""
    destruction = archive.destruction
    item = EliminationItem(scope, ("rule",), "2020-01-01", 3, 1)
    asked = {"roles": ("director",), "visas": (), "wait_days": 0, "max_per_day": 0, "accepted": ()}
    proposed = EliminationProposed(owner="list", profile=1, action="destroy", digest="", items=(item,), **asked)
    number = record(destruction.index, proposed, "archivist")
    decided = EliminationDecided(number, "director", StepDecision.FAVOURABLE, "", "", "")
    record(destruction.index, decided, "director")
    evaluated_at = destruction.index.reader.position()
    remaining = destruction.destroy(number, item, evaluated_at=evaluated_at, actor="operator")
    assert isinstance(remaining, Remaining)
    assert remaining.is_done, remaining
    return [each for went in destruction.went(number) for each in went.objects]
