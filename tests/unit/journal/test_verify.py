"""Every kind of tampering is found, from the store alone, and the first bad entry is named."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from journals import SealedArchive
from storage_backends import MemoryDocuments
from vna.archive import Spool
from vna.events import JournalMark, link_hash
from vna.journal import MARK_BYTES, PayloadFile, Report, Segment, make_key, verify

SECOND = "journal/000000000005.cbor.zst"
LAST = "journal/000000000009.cbor.zst"
TIME = "2026-01-01T00:00:00+00:00"


@pytest.fixture(scope="module")
def sealed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The documents of an archive of eleven events in three segments: 1-4, 5-8, 9-11."""
    folder, documents = tmp_path_factory.mktemp("archive"), MemoryDocuments()
    archive = SealedArchive(f"sqlite:///{folder / 'index.sqlite'}", Spool(folder), documents)
    archive.live()
    archive.close()
    return {name: documents.read(name) for name in documents.names()}


@pytest.fixture
def documents(sealed: dict[str, bytes]) -> MemoryDocuments:
    copy = MemoryDocuments()
    for name, data in sealed.items():
        copy.create_exclusively(name, data)
    return copy


def put(documents: MemoryDocuments, name: str, data: bytes) -> None:
    documents.delete(name)
    documents.create_exclusively(name, data)


def change(documents: MemoryDocuments, name: str, **values: object) -> None:
    put(documents, name, replace(Segment.unpack(documents.read(name)), **values).pack())


def events(documents: MemoryDocuments, name: str = SECOND) -> list:
    return list(Segment.unpack(documents.read(name)).events)


def forged(segment: Segment, changed: list) -> Segment:
    """A segment that is sound in itself: its events were changed, and all its hashes made anew."""
    head, marks = segment.before, []
    for event in changed:
        head = link_hash(head, event.encode())
        marks.append(head[:MARK_BYTES])
    return replace(segment, events=tuple(changed), marks=b"".join(marks), after=head)


def alter(documents: MemoryDocuments) -> None:
    found = events(documents)
    found[1] = replace(found[1], actor="somebody else")
    change(documents, SECOND, events=tuple(found))


def delete(documents: MemoryDocuments) -> None:
    found = events(documents)
    change(documents, SECOND, events=(found[0], *found[2:]))


def delete_and_renumber(documents: MemoryDocuments) -> None:
    found = events(documents)
    moved = [replace(event, position=event.position - 1) for event in found[2:]]
    change(documents, SECOND, events=(found[0], *moved))


def delete_the_last(documents: MemoryDocuments) -> None:
    change(documents, SECOND, events=tuple(events(documents)[:-1]))


def reorder(documents: MemoryDocuments) -> None:
    found = events(documents)
    change(documents, SECOND, events=(found[0], found[2], found[1], *found[3:]))


def truncate(documents: MemoryDocuments) -> None:
    put(documents, SECOND, documents.read(SECOND)[:-20])


def flip(documents: MemoryDocuments) -> None:
    data = bytearray(documents.read(SECOND))
    data[len(data) // 2] ^= 1
    put(documents, SECOND, bytes(data))


def remove(documents: MemoryDocuments) -> None:
    documents.delete(SECOND)


def remove_the_first(documents: MemoryDocuments) -> None:
    documents.delete("journal/000000000001.cbor.zst")


def swap(documents: MemoryDocuments) -> None:
    one, other = documents.read(SECOND), documents.read(LAST)
    put(documents, SECOND, other)
    put(documents, LAST, one)


def forge(documents: MemoryDocuments) -> None:
    segment, found = Segment.unpack(documents.read(SECOND)), events(documents)
    found[1] = replace(found[1], actor="somebody else")
    put(documents, SECOND, forged(segment, found).pack())


def of_another_archive(documents: MemoryDocuments) -> None:
    change(documents, SECOND, archive="2.25.1")


@pytest.mark.parametrize(
    ("tamper", "position", "reason"),
    [
        (alter, 6, "the event was altered"),
        (delete, 6, "event 7 stands in the place of event 6"),
        (delete_and_renumber, 6, "the event was altered"),
        (delete_the_last, 8, "event 8 is missing"),
        (reorder, 6, "event 7 stands in the place of event 6"),
        (truncate, 5, "cannot be read"),
        (flip, 5, "cannot be read"),
        (remove, 5, "missing: the next segment begins at 9"),
        (remove_the_first, 1, "missing: the next segment begins at 5"),
        (swap, 5, "stands under another one's name"),
        (forge, 5, "its events were forged, or those there"),
        (of_another_archive, 5, "of another archive"),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_the_first_bad_entry_is_named(
    documents: MemoryDocuments, tamper: Callable[[MemoryDocuments], None], position: int, reason: str
) -> None:
    tamper(documents)

    report = verify(documents)

    assert report.problems[0].position == position
    assert reason in report.problems[0].reason
    assert report.mark.position < max(position, 5)


def test_a_sound_journal_has_no_problem(documents: MemoryDocuments) -> None:
    report = verify(documents)

    assert report == Report(report.archive, report.mark, segments=3, payloads=7)
    assert report.mark.position == 11


def test_packing_a_segment_anew_changes_nothing(documents: MemoryDocuments) -> None:
    put(documents, SECOND, Segment.unpack(documents.read(SECOND)).pack())

    assert verify(documents).problems == []


def payloads_of(documents: MemoryDocuments, first: int) -> str:
    (name,) = documents.names(f"payloads/{first:012}-")
    return name


def change_payload(documents: MemoryDocuments) -> None:
    name = payloads_of(documents, 5)
    file = PayloadFile.unpack(documents.read(name))
    put(documents, name, replace(file, payloads={**file.payloads, 6: replace(file.payloads[6], salt=b"x")}).pack())


def drop_payload(documents: MemoryDocuments) -> None:
    name = payloads_of(documents, 5)
    file = PayloadFile.unpack(documents.read(name))
    put(documents, name, replace(file, payloads={5: file.payloads[5], 8: file.payloads[8]}).pack())


def drop_base(documents: MemoryDocuments) -> None:
    name = payloads_of(documents, 5)
    put(documents, name, replace(PayloadFile.unpack(documents.read(name)), bases={}).pack())


def drop_file(documents: MemoryDocuments) -> None:
    documents.delete(payloads_of(documents, 5))


def damage_file(documents: MemoryDocuments) -> None:
    name = payloads_of(documents, 5)
    put(documents, name, documents.read(name)[:-5])


def swap_files(documents: MemoryDocuments) -> None:
    put(documents, payloads_of(documents, 5), documents.read(payloads_of(documents, 9)))


def forget_owner(documents: MemoryDocuments) -> None:
    change(documents, SECOND, owners={})


@pytest.mark.parametrize(
    ("tamper", "position", "reason"),
    [
        (change_payload, 6, "does not give its digest"),
        (drop_payload, 6, "payload is missing"),
        (drop_base, 5, "its base"),
        (drop_file, 5, "payloads missing: 3"),
        (damage_file, 5, "cannot be read"),
        (swap_files, 5, "another segment, owner or archive"),
        (forget_owner, 5, "does not say in which file"),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_a_payload_that_is_not_what_it_was_is_named(
    documents: MemoryDocuments, tamper: Callable[[MemoryDocuments], None], position: int, reason: str
) -> None:
    tamper(documents)

    report = verify(documents)

    assert report.problems[0].position == position
    assert reason in report.problems[0].reason
    assert report.mark.position == 11


def test_what_is_left_of_a_seal_that_was_cut_short_is_told_and_no_problem(documents: MemoryDocuments) -> None:
    documents.create_exclusively("payloads/000000000012-000000000020/1.2.cbor.zst", b"")

    report = verify(documents)

    assert report.problems == []
    assert report.leftovers == ["payloads/000000000012-000000000020/1.2.cbor.zst"]


@pytest.fixture
def signed(documents: MemoryDocuments, tmp_path: Path) -> Iterator[MemoryDocuments]:
    """The journal with its head at position 8 and 11 signed."""
    report, key = verify(documents), make_key(tmp_path / "keys" / "key.pem")
    third = Segment.unpack(documents.read(LAST))
    for mark in (JournalMark(8, third.before), report.mark):
        assert key.sign_into(documents, report.archive, mark, TIME)
    return documents


def test_a_signed_head_is_checked(signed: MemoryDocuments, tmp_path: Path) -> None:
    public = make_key(tmp_path / "keys" / "key.pem").public

    assert (verify(signed, public).problems, verify(signed, public).signed_heads) == ([], 2)
    assert verify(signed, public).signed_upto == 11
    assert "signed with another key" in verify(signed, "00" * 32).problems[0].reason


def test_a_signed_head_finds_that_the_end_is_missing(signed: MemoryDocuments) -> None:
    signed.delete(LAST)

    (problem,) = verify(signed).problems

    assert (problem.position, "its end is missing" in problem.reason) == (11, True)


def test_a_signed_head_finds_what_was_forged_consistently(signed: MemoryDocuments) -> None:
    forge(signed)
    second, third = (Segment.unpack(signed.read(name)) for name in (SECOND, LAST))
    put(signed, LAST, forged(replace(third, before=second.after), list(third.events)).pack())

    problems = verify(signed).problems

    assert [(problem.position, problem.reason.split(": ")[1]) for problem in problems] == [
        (1, "it was forged between 1 and 8"),
        (1, "it was forged between 1 and 11"),
    ]
    assert (verify(signed).mark.position, verify(signed).signed_upto) == (0, 0)


def test_what_was_forged_behind_a_signed_head_is_told_from_there(signed: MemoryDocuments) -> None:
    third = Segment.unpack(signed.read(LAST))
    put(signed, LAST, forged(third, [replace(event, actor="somebody else") for event in third.events]).pack())

    report = verify(signed)

    assert [(problem.position, problem.reason.split(": ")[1]) for problem in report.problems] == [
        (9, "it was forged between 9 and 11")
    ]
    assert (report.mark.position, report.signed_upto) == (8, 8)


def test_a_signed_head_tells_which_of_two_segments_was_forged(signed: MemoryDocuments) -> None:
    third = Segment.unpack(signed.read(LAST))
    put(signed, LAST, forged(replace(third, before=b"x" * 32), list(third.events)).pack())

    problems = verify(signed).problems

    assert (problems[0].position, problems[0].document) == (9, LAST)
    assert "it does not follow the segment before" in problems[0].reason
    assert verify(signed).mark.position == 8


def test_a_signature_that_is_wrong_is_told(signed: MemoryDocuments) -> None:
    name = "journal/heads/000000000011.cbor"
    data = bytearray(signed.read(name))
    data[data.index(b"2026")] = ord("3")
    put(signed, name, bytes(data))

    (problem,) = verify(signed).problems

    assert (problem.position, problem.reason) == (11, "the signed head: its signature is wrong")


def test_a_key_is_made_once_and_for_its_owner_alone(tmp_path: Path) -> None:
    file = tmp_path / "keys" / "key.pem"

    assert make_key(file).public == make_key(file).public
    assert file.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in file.parent.iterdir()] == ["key.pem"]
