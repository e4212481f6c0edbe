"""Extra attributes match and are returned the same before their headers are read into the index and afterwards."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from threading import Event

import pytest
from pydicom.dataset import Dataset
from sqlalchemy import delete, func, select

from conformance import phantoms
from databases import connected, index_url, postgresql_server
from sending import Sending
from storage_backends import BlobStore, Memory
from vna.archive import Archive, ExtraProgress, Room, Spool
from vna.archive import extra as archive_extra
from vna.dicom.attributes import Level, Model, unique_key
from vna.dicom.extra import ExtraAttributes
from vna.dicom.keys import parse_key
from vna.dicom.query import Query
from vna.errors import OutOfResources
from vna.index import extra as index_extra
from vna.index import open_index, tables
from vna.index.extra_tables import extra_value
from vna.model import Outcome, Peer, RejectedAgain

__all__ = ["index_url", "postgresql_server"]

GOING_ON = Event()
CREATOR = "ACME PHYSICS"
SETTINGS = (
    "InstitutionAddress@series",
    "ResponsiblePerson@patient",
    "RequestingPhysician@study",
    "ExposureTime",
    "ExposureControlModeDescription",
    "ContrastBolusIngredient",
    "SmallestImagePixelValue",
    "DateOfLastCalibration@series",
    f"0019xx02:{CREATOR}",
)
VALUES: Mapping[int, Mapping[str, object]] = {
    1: {"ExposureTime": "100", "InstitutionAddress": "Rue des Lilas 1", "RequestingPhysician": "Martin^Jeanne"},
    2: {"ExposureTime": "0200", "ContrastBolusIngredient": ["IODINE", "BARIUM"], "SmallestImagePixelValue": 7},
    3: {"DateOfLastCalibration": ["20240105", "20240301"], "RequestingPhysician": "山田^太郎=やまだ^たろう"},
    4: {"ExposureTime": "100", "ResponsiblePerson": "Dubois^Zoé", "ExposureControlModeDescription": "x" * 600},
}
QUESTIONS = [
    (Level.IMAGE, "ExposureTime", "100", {1, 4}),
    (Level.IMAGE, "ExposureTime", "200", {2}),
    (Level.IMAGE, "ExposureTime", "", {1, 2, 3, 4}),
    (Level.IMAGE, "ContrastBolusIngredient", "BARIUM", {2}),
    (Level.IMAGE, "ContrastBolusIngredient", "*OD*", {2}),
    (Level.IMAGE, "ContrastBolusIngredient", "IODINE\\GADOLINIUM", {2}),
    (Level.IMAGE, "ContrastBolusIngredient", "iodine", set()),
    (Level.IMAGE, "SmallestImagePixelValue", "7", {2}),
    (Level.IMAGE, "ExposureControlModeDescription", "xxx*", {4}),
    (Level.IMAGE, "00191002", "factory", {3}),
    (Level.IMAGE, "00191002", "fact*", {3}),
    (Level.SERIES, "InstitutionAddress", "Rue*", {1}),
    (Level.SERIES, "DateOfLastCalibration", "20240201-", {3}),
    (Level.SERIES, "DateOfLastCalibration", "20240105", {3}),
    (Level.STUDY, "RequestingPhysician", "MARTIN*", {1}),
    (Level.STUDY, "RequestingPhysician", "=やまだ*", {3}),
    (Level.STUDY, "RequestingPhysician", "山田^太郎", {3}),
    (Level.STUDY, "ResponsiblePerson", "dubois^zoé", {4}),
    (Level.IMAGE, "RequestingPhysician", "martin^jeanne", {1}),
    (Level.IMAGE, "InstitutionAddress", "Rue des Lilas 1", {1}),
]

NUMBERS = {str(phantoms.ct_slice(study=number, size=16).StudyInstanceUID): number for number in range(1, 11)}
STUDY_1 = next(iter(NUMBERS))


def instance(number: int, **changes: object) -> Dataset:
    """Return the instance of one study, with its extra values."""
    ds = phantoms.ct_slice(study=number, size=16)
    ds.SpecificCharacterSet = "ISO_IR 192"
    for keyword, value in {**VALUES.get(number, {}), **changes}.items():
        setattr(ds, keyword, value)
    if number == 3:  # not in the block it is asked for in
        ds.private_block(0x0019, "OTHER", create=True).add_new(0x02, "LO", "wrong")
        ds.private_block(0x0019, CREATOR, create=True).add_new(0x02, "LO", "factory")
    return ds


class Node:
    """An archive with extra attributes; opened again with others, it is the same archive."""

    def __init__(self, url: str, folder: Path) -> None:
        self.url, self.folder, self.store = url, folder, Memory()

    @contextmanager
    def opened(self, *settings: str) -> Iterator[Archive]:
        blobs = BlobStore(self.store)
        extra = ExtraAttributes(settings)
        index = open_index(self.url, rejected_again=RejectedAgain.REFUSE, extra_attributes=extra)
        archive = Archive(index, blobs, Spool(self.folder), Room(blobs, min_free_percent=0, min_free_bytes=0))
        yield archive
        archive.close()


@pytest.fixture
def node(index_url: str, tmp_path: Path) -> Node:
    return Node(index_url, tmp_path / "spool")


@pytest.fixture
def on_sqlite(tmp_path: Path) -> Node:
    return Node(f"sqlite:///{tmp_path / 'index.sqlite'}", tmp_path / "spool")


def find(archive: Archive, level: Level, keyword: str, key: str, **keys: str) -> dict[int, str]:
    """Return the studies of what matches, by number, each with the value of the attribute."""
    attribute = archive.extra_attributes.by_keyword[keyword]
    asked = {"StudyInstanceUID": parse_key("", "UI"), unique_key(level).keyword: parse_key("", "UI")}
    asked |= {name: parse_key(value, "UI") for name, value in keys.items()}
    query = Query(level, Model.STUDY_ROOT, asked, relational=True, extra={attribute: parse_key(key, attribute.vr)})
    found = list(archive.find(query))
    page = archive.find_page(query, offset=0, limit=100)
    assert list(page.matches) == found
    return {NUMBERS[one["StudyInstanceUID"]]: str(one[keyword]) for one in found}


def forbid_headers(archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no query read a header any more."""

    def read(versions: object, _attributes: object) -> dict[int, dict[str, str]]:
        raise AssertionError(f"headers of {versions} are read")

    monkeypatch.setattr(archive._index.finder, "read_headers", read)


def test_every_key_matches_the_same_from_headers_and_from_the_index(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    with node.opened(*SETTINGS) as archive:
        sending = Sending(archive)
        for number in VALUES:
            sending.store(instance(number))
        from_headers = [set(find(archive, level, keyword, key)) for level, keyword, key, _ in QUESTIONS]
        archive.extra.run(GOING_ON)
        forbid_headers(archive, monkeypatch)
        from_index = [set(find(archive, level, keyword, key)) for level, keyword, key, _ in QUESTIONS]

    assert from_headers == from_index == [expected for *_, expected in QUESTIONS]


def test_values_come_back_as_they_were_sent(on_sqlite: Node) -> None:
    with on_sqlite.opened(*SETTINGS) as archive:
        Sending(archive).store(instance(2))
        before = find(archive, Level.IMAGE, "ContrastBolusIngredient", "")
        archive.extra.run(GOING_ON)

        assert before == find(archive, Level.IMAGE, "ContrastBolusIngredient", "") == {2: "IODINE\\BARIUM"}
        assert find(archive, Level.IMAGE, "ExposureTime", "") == {2: "0200"}
        assert find(archive, Level.IMAGE, "SmallestImagePixelValue", "") == {2: "7"}
        assert find(archive, Level.SERIES, "InstitutionAddress", "") == {2: ""}


def test_what_came_since_the_last_reading_matches_too(on_sqlite: Node) -> None:
    with on_sqlite.opened("ExposureTime") as archive:
        sending = Sending(archive)
        sending.store(instance(1))
        archive.extra.run(GOING_ON)
        sending.store(instance(4))

        assert set(find(archive, Level.IMAGE, "ExposureTime", "100")) == {1, 4}


def test_an_attribute_can_be_added_to_what_is_held(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    with node.opened("ExposureTime") as archive:
        for number in VALUES:
            Sending(archive).store(instance(number))
        archive.extra.run(GOING_ON)

    with node.opened("ExposureTime", "ContrastBolusIngredient") as archive:
        before = find(archive, Level.IMAGE, "ContrastBolusIngredient", "IODINE")
        archive.extra.run(GOING_ON)
        forbid_headers(archive, monkeypatch)

        assert set(before) == set(find(archive, Level.IMAGE, "ContrastBolusIngredient", "IODINE")) == {2}
        assert set(find(archive, Level.IMAGE, "ExposureTime", "100")) == {1, 4}


def test_the_values_of_an_attribute_nobody_asks_for_are_deleted_and_it_can_come_back(node: Node) -> None:
    with node.opened("ExposureTime") as archive:
        Sending(archive).store(instance(1))
        archive.extra.run(GOING_ON)
    with node.opened() as archive:
        archive.extra.run(GOING_ON)
        progress = archive.extra.progress()
    with connected(node.url) as connection:
        rows = connection.execute(select(func.count()).select_from(extra_value)).scalar_one()
    with node.opened("ExposureTime") as archive:
        archive.extra.run(GOING_ON)
        found = find(archive, Level.IMAGE, "ExposureTime", "100")

    assert (progress, rows, set(found)) == ([], 0, {1})


def test_of_many_values_some_go_at_a_time(on_sqlite: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vna.index.extra_filling._PURGED", 2)
    with on_sqlite.opened("ExposureTime") as archive:
        for number in range(1, 8):
            Sending(archive).store(instance(number, ExposureTime="5"))
        archive.extra.run(GOING_ON)
    with on_sqlite.opened() as archive:
        archive.extra.run(GOING_ON)
    with connected(on_sqlite.url) as connection:
        assert connection.execute(select(func.count()).select_from(extra_value)).scalar_one() == 0


def test_what_is_left_of_a_forgotten_attribute_is_not_taken_for_another_ones(
    on_sqlite: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vna.index.extra_filling._PURGED", 1)
    stopped = Event()
    stopped.set()
    with on_sqlite.opened("ExposureTime") as archive:
        for number in VALUES:
            Sending(archive).store(instance(number))
        archive.extra.run(GOING_ON)
    with on_sqlite.opened() as archive:
        archive.extra.run(stopped)
    with on_sqlite.opened("ContrastBolusIngredient") as archive:
        archive.extra.run(GOING_ON)

        assert find(archive, Level.IMAGE, "ContrastBolusIngredient", "100") == {}
        assert find(archive, Level.IMAGE, "ContrastBolusIngredient", "")[4] == ""


def test_the_newest_version_counts(on_sqlite: Node) -> None:
    with on_sqlite.opened("ExposureTime", "RequestingPhysician@study") as archive:
        sending = Sending(archive)
        sending.store(instance(1))
        archive.extra.run(GOING_ON)
        again = sending.store(instance(1, ExposureTime="300", AccessionNumber="A2", RequestingPhysician="Roux"))
        archive.extra.run(GOING_ON)

        assert again.outcome is Outcome.NEW_VERSION
        assert find(archive, Level.IMAGE, "ExposureTime", "100") == {}
        assert find(archive, Level.IMAGE, "ExposureTime", "300") == {1: "300"}
        assert find(archive, Level.STUDY, "RequestingPhysician", "") == {1: "Roux"}


def test_no_blob_is_read_for_it(on_sqlite: Node) -> None:
    with on_sqlite.opened("ExposureTime") as archive:
        Sending(archive).store(instance(1))
        on_sqlite.store._blobs.clear()
        archive.extra.run(GOING_ON)

        assert set(find(archive, Level.IMAGE, "ExposureTime", "100")) == {1}


def test_a_deflated_data_set_is_read_whole(on_sqlite: Node) -> None:
    deflated = phantoms.in_syntax(instance(1), "1.2.840.10008.1.2.1.99")
    with on_sqlite.opened("ExposureTime") as archive:
        Sending(archive).store(deflated)
        archive.extra.run(GOING_ON)

        assert set(find(archive, Level.IMAGE, "ExposureTime", "100")) == {1}


def test_a_header_that_is_lost_does_not_hold_up_the_others(on_sqlite: Node, caplog: pytest.LogCaptureFixture) -> None:
    with on_sqlite.opened("ExposureTime") as archive:
        Sending(archive).store(instance(1))
        Sending(archive).store(instance(4))
        with connected(on_sqlite.url) as connection:
            connection.execute(delete(tables.payload).where(tables.payload.c.position == 1))
            connection.commit()
        archive.extra.run(GOING_ON)

        assert set(find(archive, Level.IMAGE, "ExposureTime", "100")) == {4}
        assert "header not read" in caplog.text


def test_it_goes_on_where_it_was_stopped(on_sqlite: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive_extra, "_PAGE", 2)
    stopped = Event()
    stopped.set()
    with on_sqlite.opened("ExposureTime") as archive:
        for number in range(1, 6):
            Sending(archive).store(instance(number))
        archive.extra.run(stopped)
        (first,) = archive.extra.progress()
        archive.extra.run(GOING_ON)
        (then,) = archive.extra.progress()

        assert first == ExtraProgress("ExposureTime@instance", 2, 5)
        assert then == ExtraProgress("ExposureTime@instance", 5, 5)
        assert set(find(archive, Level.IMAGE, "ExposureTime", "")) == {1, 2, 3, 4, 5}


def test_an_attribute_of_studies_reads_one_header_of_each(on_sqlite: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[int] = []
    with on_sqlite.opened("RequestingPhysician@study") as archive:
        for number in range(1, 11):
            Sending(archive).store(phantoms.ct_slice(number=number, size=16))
        original = archive.extra._values.read
        monkeypatch.setattr(
            archive.extra._values, "read", lambda versions, wanted: read.extend(versions) or original(versions, wanted)
        )
        archive.extra.run(GOING_ON)

    assert read == [1]


def test_two_that_read_at_once_do_no_harm(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    with node.opened("ExposureTime") as archive, node.opened("ExposureTime") as other:
        Sending(archive).store(instance(1))
        original = archive.extra._values.read

        def overtaken(versions: list[int], wanted: object) -> Mapping[int, Mapping[str, str]]:
            other.extra.run(GOING_ON)
            return original(versions, wanted)

        monkeypatch.setattr(archive.extra._values, "read", overtaken)
        archive.extra.run(GOING_ON)

        assert archive.extra.progress() == other.extra.progress()
        assert set(find(archive, Level.IMAGE, "ExposureTime", "100")) == {1}


def test_a_rare_value_leads_to_its_rows(on_sqlite: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    with on_sqlite.opened("ExposureTime") as archive:
        for number in VALUES:
            Sending(archive).store(instance(number))
        archive.extra.run(GOING_ON)
        seen: list[int] = []
        original = index_extra.ExtraRows.add
        monkeypatch.setattr(
            index_extra.ExtraRows,
            "add",
            lambda self, cursor, rows: seen.append(len(rows)) or original(self, cursor, rows),
        )

        found = find(archive, Level.IMAGE, "ExposureTime", "200")

    assert (set(found), set(seen)) == ({2}, {1})


def test_a_common_value_is_walked_to(on_sqlite: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(index_extra, "MOST", 1)
    with on_sqlite.opened("ExposureTime") as archive:
        for number in VALUES:
            Sending(archive).store(instance(number))
        archive.extra.run(GOING_ON)

        assert set(find(archive, Level.IMAGE, "ExposureTime", "100")) == {1, 4}


def test_a_query_that_would_read_too_many_headers_fails_until_they_are_read(
    on_sqlite: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(index_extra, "MOST_HEADERS", 3)
    with on_sqlite.opened("ExposureTime") as archive:
        for number in VALUES:
            Sending(archive).store(instance(number))
        narrowed = find(archive, Level.IMAGE, "ExposureTime", "", StudyInstanceUID=STUDY_1)
        with pytest.raises(OutOfResources, match="the headers for ExposureTime are still being read"):
            find(archive, Level.IMAGE, "ExposureTime", "100")
        archive.extra.run(GOING_ON)

        assert (set(narrowed), set(find(archive, Level.IMAGE, "ExposureTime", "100"))) == ({1}, {1, 4})


def test_other_events_count_as_read(on_sqlite: Node) -> None:
    with on_sqlite.opened("ExposureTime@study") as archive:
        archive.add_peer(Peer("ANY", "127.0.0.1", 104), actor="test")
        archive.extra.run(GOING_ON)

        assert archive.extra.progress() == [ExtraProgress("ExposureTime@study", 1, 1)]
