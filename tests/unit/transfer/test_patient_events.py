"""Patient events out of CSV files, as they come."""

import io
from collections.abc import Iterator
from pathlib import Path

import pytest

from storage_backends import BlobStore, Memory
from vna.archive import Archive, Room, Spool
from vna.errors import NotPlausible
from vna.index import open_index
from vna.transfer import PatientEventsImport, open_patient_events

HEAD = "patient_id,issuer,kind,date,code"


@pytest.fixture
def archive(tmp_path: Path) -> Iterator[Archive]:
    blobs = BlobStore(Memory())
    room = Room(blobs, min_free_percent=0, min_free_bytes=0)
    opened = Archive(open_index(f"sqlite:///{tmp_path / 'index.sqlite'}"), blobs, Spool(tmp_path / "spool"), room)
    yield opened
    opened.close()


def taken(archive: Archive, text: str, *, dry_run: bool = False) -> tuple[dict[str, int], dict[int, str]]:
    """Return the counts, and the refused lines with their reasons."""
    events = PatientEventsImport(archive.patients, "anne", dry_run)
    refused = [line for some in events.take(io.StringIO(text, newline="")) for line in some]
    return events.counts(), {line.number: line.reason for line in refused}


MIXED = "\n".join(
    (
        HEAD,
        "P1,AP,visit,20200101,",
        "",
        "P1,AP,Visit,2020-01-01,",
        "P1,AP,visit,2020-13-01,",
        "P1,AP,claim-closed,2020-01-01,c1",
        'P1,AP,claim-opened,2020-01-01,"c1"',
        "P1,AP,claim-closed,2020-01-01,c1",
        "P1,AP,visit",
        "PX,,visit,2020-01-01,",
        "P1,AP,party,2020-01-01,",
        ",AP,visit,2020-01-01,",
    )
)
REFUSED = {5: "no date", 6: "not open", 9: "3 values", 10: "say the issuer", 11: "kind is one of", 12: "is empty"}


@pytest.mark.parametrize("dry_run", [True, False], ids=["dry", "wet"])
def test_every_bad_line_is_named_and_the_others_are_taken(archive: Archive, dry_run: bool) -> None:
    counts, refused = taken(archive, MIXED, dry_run=dry_run)

    assert {number: REFUSED[number] in reason for number, reason in refused.items()} == dict.fromkeys(REFUSED, True)
    assert counts == {"lines": 10, "recorded": 3, "known_before": 1, "without_images": 1}
    assert len(archive.patients.events("AP", "P1")) == (0 if dry_run else 3)


def test_to_read_it_again_adds_nothing(archive: Archive) -> None:
    first, _ = taken(archive, MIXED)
    again, refused = taken(archive, MIXED)

    assert (first["recorded"], again["recorded"], again["known_before"]) == (3, 0, 5)
    assert refused.keys() == REFUSED.keys() - {6}  # by now the claim was open, and is closed


FORMS = {
    "semicolons": "patient_id;issuer;kind;date\r\nP1;A,B;visit;2020-01-01\r\n",
    "byte-order-mark": '\ufeffpatient_id,issuer,kind,date\nP1,"A,B",visit,2020-01-01',
    "columns-in-any-order": 'Date,Kind,issuer,patient_id\n20200101,VISIT,"A,B",P1\n',
}


@pytest.mark.parametrize("form", FORMS)
def test_a_file_comes_in_several_forms(archive: Archive, form: str, tmp_path: Path) -> None:
    path = tmp_path / "events.csv"
    path.write_bytes(FORMS[form].encode())

    with open_patient_events(path) as lines:
        assert list(PatientEventsImport(archive.patients, "anne").take(lines)) == [[]]

    (only,) = archive.patients.events("A,B", "P1")
    assert (only.fact.date, only.fact.feed) == ("2020-01-01", "csv")


def test_a_line_that_is_not_utf_8_is_refused_alone(archive: Archive, tmp_path: Path) -> None:
    path = tmp_path / "events.csv"
    path.write_bytes(f"{HEAD}\nP\xe9,A,visit,20200101,\nP2,A,visit,20200101,\n".encode("latin-1"))

    with open_patient_events(path) as lines:
        ((refused,),) = PatientEventsImport(archive.patients, "anne").take(lines)

    assert (refused.number, refused.reason) == (2, "not UTF-8")
    assert len(archive.patients.events("A", "P2")) == 1


@pytest.mark.parametrize(
    "head",
    ["", "patient_id,kind", "patient_id,kind,date,colour", "patient_id,kind,date,date"],
    ids=["empty", "no-date", "unknown", "twice"],
)
def test_a_first_line_that_names_no_columns_is_refused(archive: Archive, head: str) -> None:
    with pytest.raises(NotPlausible, match="the first line names"):
        taken(archive, f"{head}\nP1,visit,2020-01-01\n")


def test_lines_are_recorded_many_at_a_time(archive: Archive) -> None:
    lines = "\n".join(f"P{number % 300},A,visit,20{number // 300:02d}-01-01" for number in range(600))

    counts, refused = taken(archive, f"patient_id,issuer,kind,date\n{lines}")

    assert (counts["recorded"], counts["without_images"], refused) == (600, 300, {})
    assert sum(len(archive.patients.events("A", f"P{number}")) for number in range(300)) == 600
