"""What queries, rules, fsck and a rebuild see of where studies lie, and who read them."""

import threading
import zlib
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import date
from pathlib import Path
from types import MappingProxyType

import pytest

from conformance import phantoms
from rebuilding import rows_of
from replicated import altered
from storage_backends import MemoryDocuments
from storage_backends.contract import put
from tiered import Tiered, slice_of
from vna.archive import Fsck, Plan, Rebuilder, Sealer, Tiers
from vna.archive.fsck import Kind
from vna.dicom.attributes import Level, Model
from vna.dicom.describe import Value
from vna.dicom.matching import Matcher, SingleValue, Universal
from vna.dicom.query import Query
from vna.events import CommitmentRequested
from vna.index import open_index, open_replay
from vna.journal import SealedJournal
from vna.retention import Profile, TierVerb, read_profile, shipped_profiles

ME = "test"
DEFLATED = "1.2.840.10008.1.2.1.99"


@pytest.fixture
def tiered(tmp_path: Path) -> Iterator[Tiered]:
    opened = Tiered(f"sqlite:///{tmp_path / 'index.sqlite'}", tmp_path)
    yield opened
    opened.close()


def found(tiered: Tiered, level: Level, **matched: str) -> list[tuple[Value, Value]]:
    """Return Instance Availability and Retrieve AE Title of what there is at a level, in the order it came."""
    keys: dict[str, Matcher] = (
        {"StudyInstanceUID": Universal()} if level is not Level.PATIENT else {"PatientID": Universal()}
    )
    query = Query(level, Model.PATIENT_ROOT, MappingProxyType(keys), relational=True)
    if matched:
        query = replace(query, availability=SingleValue(matched["availability"]))
    return [(v.get("InstanceAvailability", ""), v.get("RetrieveAETitle", "")) for v in tiered.archive.find(query)]


def test_queries_say_at_every_level_how_soon_a_study_is_had_and_where(tiered: Tiered) -> None:
    near, off = tiered.store(1, study=1)[0], tiered.store(2, study=2)[0]
    tiered.store(3, study=3)
    tiered.archive.tiers.move(near.key.study, "hot", "cold", ME)
    tiered.archive.tiers.move(off.key.study, "hot", "deep", ME)
    tiered.store(4, study=1)

    told = [("NEARLINE", ""), ("OFFLINE", "DEEP_ARCHIVE"), ("ONLINE", "")]
    assert found(tiered, Level.STUDY) == told
    assert found(tiered, Level.SERIES) == told
    assert found(tiered, Level.IMAGE) == [*told, ("ONLINE", "")]
    assert set(found(tiered, Level.PATIENT)) <= set(told)


@pytest.mark.parametrize(("availability", "count"), [("ONLINE", 2), ("NEARLINE", 1), ("UNAVAILABLE", 0)])
def test_instance_availability_is_matched(tiered: Tiered, availability: str, count: int) -> None:
    tiered.archive.tiers.move(tiered.store(1, study=1)[0].key.study, "hot", "cold", ME)
    tiered.store(2, study=2)
    tiered.store(3, study=3)

    assert len(found(tiered, Level.STUDY, availability=availability)) == count
    query = Query(Level.STUDY, Model.STUDY_ROOT, {}, relational=True, availability=SingleValue(availability))
    page = tiered.archive.find_page(query, offset=0, limit=1)
    assert len(page.matches) + page.behind == count


def test_retrievals_are_noted_once_a_day_and_queries_are_not(tiered: Tiered) -> None:
    first, second = tiered.store(1, study=1)[0], tiered.store(2, study=2)[0]
    found(tiered, Level.STUDY)
    for _ in range(3):
        tiered.sending.bytes_of(first.key)
    noted: list[dict[str, str]] = []
    write = tiered.index.placements.note_accesses
    tiered.index.placements.note_accesses = lambda days: (noted.append(dict(days)), write(days))[1]  # type: ignore[method-assign]

    tiered.archive.tiers.accesses.write()
    tiered.sending.bytes_of(first.key)
    tiered.archive.tiers.accesses.write()

    assert [list(days) for days in noted] == [[first.key.study]]
    assert date.fromisoformat(tiered.archive.tiers.show(first.key.study).last_access)
    assert tiered.archive.tiers.show(second.key.study).last_access == ""


def test_a_later_day_takes_the_place_of_an_earlier_one(tiered: Tiered) -> None:
    study = tiered.store(1)[0].key.study
    for day in ("2026-01-02", "2026-01-05", "2026-01-03"):
        tiered.index.placements.note_accesses({study: day, "1.2.3": day})

    assert tiered.index.placements.last_access(study) == "2026-01-05"


def fsck(tiered: Tiered) -> list[Kind]:
    """Return what fsck finds, without what is not sealed."""
    journal = SealedJournal(MemoryDocuments())
    check = Fsck(tiered.archive.healer, Sealer(open_index(tiered.url), journal), journal, Plan(0, deep=True))
    return [each.kind for each in check.run(lambda _share: None) if each.kind is not Kind.UNSEALED]


def test_fsck_finds_nothing_wrong_with_what_lies_in_a_tier_alone(tiered: Tiered) -> None:
    study = tiered.store(1)[0].key.study
    tiered.archive.tiers.move(study, "hot", "cold", ME)
    tiered.store(2)
    assert fsck(tiered) == []
    (name,) = tiered.names("cold")
    put(tiered.backend(), name, tiered.backend("cold").read(name))
    assert fsck(tiered) == [Kind.LEFTOVER]
    tiered.backend().delete(name)

    tiered.backend("cold").stage().commit(f"{'ab' * 32}.new")  # of another release: the tier is not empty without it
    tiered.backend("cold").delete(name)

    assert fsck(tiered) == [Kind.MISSING]


def test_a_rebuild_gives_the_same_rows_also_where_a_description_needs_blobs_that_were_moved(
    tiered: Tiered, tmp_path: Path
) -> None:
    study = tiered.store(1)[0].key.study
    deflated = zlib.compress(phantoms.data_set_bytes(slice_of(3)), wbits=-15)
    tiered.sending.store_bytes(deflated, DEFLATED)
    tiered.archive.tiers.move(study, "hot", "cold", ME)
    tiered.store(2)
    journal = SealedJournal(MemoryDocuments())
    with closing(Sealer(open_index(tiered.url), journal)) as sealer:
        sealer.seal()
    onto = f"sqlite:///{tmp_path / 'new.sqlite'}"

    with closing(open_replay(onto)) as replayer:
        Rebuilder(replayer, tiered.blobs).from_journal(journal, 0, lambda _position: None)

    assert rows_of(onto) == rows_of(tiered.url)


RULES = """
tiers:
  min_copies: 1
  rules:
    - id: AWAY
      when: {modality: [CT]}
      after: {study_date: {years: 1}, last_access: {months: 6}}
      action: move
      from: hot
      to: cold
      cite: "a test"
    - id: BACK
      when: {modality: [CT]}
      action: recall
      from: cold
      to: hot
      cite: "a test"
"""


def profile_with_tiers() -> Profile:
    """Return the plain profile with tier rules."""
    before, _, behind = shipped_profiles()["plain"].partition("tiers:")
    return read_profile(f"{before}{RULES}\nelimination:{behind.partition('elimination:')[2]}")


def test_rules_say_what_is_to_be_moved_and_nothing_is_left_when_it_is_done(tiered: Tiered) -> None:
    tiers, profile = tiered.archive.tiers, profile_with_tiers()
    study = tiered.store(1, study=1)[0].key.study
    day = date(2030, 1, 1)

    (action,) = tiers.plan(day, profile)
    assert (action.verb, action.study_uid, action.source, action.target) == (TierVerb.MOVE, study, "hot", "cold")
    assert tiers.carry_out(action, ME).copied == 1
    assert list(tiers.plan(day, profile)) == []
    assert tiers.carry_out(action, ME).copied == 0

    tiered.store(2, study=1)
    (again,) = tiers.plan(day, profile)
    assert tiers.carry_out(again, ME).copied == 1
    assert tiered.rows() == {("cold", "present"): 2}


def test_a_rule_brings_back_what_is_read_from_a_store_that_is_nearline(tiered: Tiered) -> None:
    stored = tiered.store(1)[0]
    tiered.archive.tiers.move(stored.key.study, "hot", "cold", ME)
    tiered.sending.bytes_of(stored.key)
    tiers = Tiers(tiered.index, tiered.archive.tiers.placer, tiered.archive.tiers.accesses, profile_with_tiers)

    assert tiers.recall(threading.Event()) == 1

    assert tiered.rows() == {("", "present"): 1, ("cold", "present"): 1}


def test_what_lies_in_a_tier_alone_is_committed_to_while_it_is_sound_there(tiered: Tiered) -> None:
    stored = tiered.store(1)[0]
    tiered.archive.tiers.move(stored.key.study, "hot", "cold", ME)
    commitments, instance = tiered.archive.commitments, (stored.sop_class_uid, stored.key.instance)

    def failed(transaction: str) -> int:
        request = CommitmentRequested(transaction, "MODALITY", "MODALITY", "VNA", (instance,))
        turn = commitments.take(commitments.ask(request, ME))
        assert turn is not None
        report = commitments.answer(turn, patience_s=0, go_on=lambda: True)
        assert report is not None
        return len(report.failed)

    assert failed("2.25.1") == 0
    altered(tiered.backend("cold"), tiered.names("cold")[0])
    assert failed("2.25.2") == 1
