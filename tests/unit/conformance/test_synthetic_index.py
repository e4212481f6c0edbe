"""A large index made directly holds what storing its studies would have left there."""

from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

from conformance import synthetic_index as synthetic
from conformance.synthetic_studies import SyntheticStudy, synthetic_study
from databases import connected
from vna.dicom.describe import Description
from vna.events import GENESIS, ChainedEvent, EventRecord, InstanceStored, Link, link_hash
from vna.index import Past, open_replay
from vna.model import InstanceKey, InstanceUID, Outcome, SeriesUID, StudyUID

STUDIES = 60
TIME = "2026-01-01T12:00:00.000000+00:00"


def events(studies: int) -> Iterator[tuple[InstanceStored, Description]]:
    for number in range(studies):
        study = synthetic_study(number, of=studies)
        for series, instances in enumerate(study.instances, start=1):
            for instance in range(1, instances + 1):
                yield stored(study, series, instance), described(study, series, instance)


def stored(study: SyntheticStudy, series: int, instance: int) -> InstanceStored:
    uid = f"{study.uid}.{series}.{instance}"
    return InstanceStored(
        key=InstanceKey(StudyUID(study.uid), SeriesUID(f"{study.uid}.{series}"), InstanceUID(uid)),
        sop_class_uid=synthetic.SOP_CLASSES[study.modality],
        transfer_syntax=synthetic.SYNTAX,
        digest=sha256(uid.encode()).hexdigest(),
        size=synthetic.SIZE,
        source=synthetic.SOURCE,
        issuer=synthetic.SOURCE,
        outcome=Outcome.STORED,
        version=1,
        recipe=synthetic.RECIPE,
        blobs=(),
    )


def described(study: SyntheticStudy, series: int, instance: int) -> Description:
    patient, attributes = synthetic.study_values(study)
    return Description(patient, attributes, synthetic.series_values(study, series), synthetic.instance_values(instance))


def past(studies: int) -> Iterator[Past]:
    head = GENESIS
    for position, (event, description) in enumerate(events(studies), start=1):
        record = EventRecord(position, "test", position, TIME, "test", event, None)
        chained = ChainedEvent.of(record)
        head = link_hash(head, chained.encode())
        yield Past(Link(chained, head, None), record, description)


def rows(url: str, table: str) -> list[tuple[object, ...]]:
    with connected(url) as connection:
        return sorted(map(tuple, connection.exec_driver_sql(f'SELECT * FROM "{table}"')), key=repr)


def test_the_rows_are_those_the_projection_makes(tmp_path: Path) -> None:
    direct, replayed = (f"sqlite:///{tmp_path / name}.sqlite" for name in ("direct", "replayed"))
    synthetic.build_index(direct, STUDIES)
    replayer = open_replay(replayed)
    replayer.enter(list(past(STUDIES)), {})
    replayer.close()

    for table in synthetic.TABLES:
        assert rows(direct, table) == rows(replayed, table), table
        assert rows(direct, table)


def test_studies_differ_as_those_of_a_hospital_do() -> None:
    studies = [synthetic_study(number, of=2000) for number in range(2000)]

    names = {study.patient_name for study in studies}
    assert 100 < sum("THORAX" in study.description for study in studies) < 800
    assert 0 < sum("MARTIN" in study.patient_name for study in studies) < 100
    assert len({study.patient_id for study in studies}) < 1500
    assert any("=山田" in name for name in names)
    assert any(name.startswith("Иванов") for name in names)
    assert [study.date for study in studies] == sorted(study.date for study in studies)
    assert len({study.uid for study in studies}) == 2000
