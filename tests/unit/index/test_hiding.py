"""What a rejection hides and what comes back, on every database."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from arrivals import PACS_A, PACS_B, Sender, arrival, description, digest_of, key
from vna.dicom.attributes import Level, Model
from vna.dicom.describe import Value
from vna.dicom.matching import Matcher, SingleValue, Universal
from vna.dicom.query import Query
from vna.events import NoteRejected
from vna.index import Index, Recorded, Refused, open_index
from vna.model import InstanceKey, Outcome, RejectedAgain, RejectionReason, Scope, VersionState

STUDY, SERIES, INSTANCE = ("1.1",), ("1.1", "1.1.1"), ("1.1", "1.1.1", "1.1.1.1")


@pytest.fixture
def sender(index_url: str) -> Iterator[Sender]:
    index = open_index(index_url)
    yield Sender(index)
    index.close()


def find(index: Index, level: Level, **keys: Matcher) -> list[dict[str, Value]]:
    return list(index.finder.find(Query(level, Model.STUDY_ROOT, keys)))


def shown(index: Index) -> dict[Level, list[Value]]:
    """Return the UIDs that are found at each level."""
    named = {
        Level.PATIENT: "PatientID",
        Level.STUDY: "StudyInstanceUID",
        Level.SERIES: "SeriesInstanceUID",
        Level.IMAGE: "SOPInstanceUID",
    }
    return {level: sorted(f[name] for f in find(index, level, **{name: Universal()})) for level, name in named.items()}


def other(content: str, *held: str, source: object = PACS_A, at: InstanceKey | None = None) -> object:
    """Return an arrival of other content than what is held."""
    arrived = arrival(content, at or key(), source=source)
    return replace(arrived, same_content={digest_of(each): False for each in held})


def small_archive(sender: Sender) -> None:
    """One patient with two studies; in the first, two series, the first of two instances."""
    sender.send(arrival("a"), description(study={"StudyDate": "20240101"}))
    sender.send(arrival("b", key(instance="1.1.1.2")), description(study={"StudyDate": "20240102"}))
    sender.send(
        arrival("c", key(series="1.1.2", instance="1.1.2.1")),
        description(study={"StudyDate": "20240103"}, series={"Modality": "SR"}),
    )
    sender.send(arrival("d", key("1.2", "1.2.1", "1.2.1.1")), description({"PatientID": "P2"}))


@pytest.mark.parametrize(
    ("scope", "left"),
    [
        (STUDY, [["P2"], ["1.2"], ["1.2.1"], ["1.2.1.1"]]),
        (SERIES, [["P1", "P2"], ["1.1", "1.2"], ["1.1.2", "1.2.1"], ["1.1.2.1", "1.2.1.1"]]),
        (
            INSTANCE,
            [["P1", "P2"], ["1.1", "1.2"], ["1.1.1", "1.1.2", "1.2.1"], ["1.1.1.2", "1.1.2.1", "1.2.1.1"]],
        ),
    ],
    ids=["study", "series", "instance"],
)
def test_what_is_rejected_is_found_at_no_level_until_restored(
    sender: Sender, scope: tuple[str, ...], left: list[list[str]]
) -> None:
    small_archive(sender)
    before, counted = shown(sender.index), sender.index.reader.counts()

    number = sender.reject(*scope)
    while_rejected, counts = shown(sender.index), sender.index.reader.counts()
    sender.restore(number)

    assert list(while_rejected.values()) == left
    assert [counts.patients, counts.studies, counts.series, counts.instances] == [len(each) for each in left]
    assert counts.rejected == counted.instances - counts.instances
    assert shown(sender.index) == before
    assert replace(sender.index.reader.counts(), position=counted.position) == counted


def test_a_rejected_instance_is_not_retrieved_and_keeps_its_bytes(sender: Sender) -> None:
    sender.send(arrival("a"))
    query = Query(Level.STUDY, Model.STUDY_ROOT, {"StudyInstanceUID": SingleValue("1.1")})
    (held,) = sender.index.finder.instances(query)

    sender.reject(*INSTANCE)

    assert sender.index.finder.instances(query) == []
    assert list(sender.index.reader.every_version()) == [replace(held, state=VersionState.REJECTED)]
    (form,) = sender.index.reader.stored_forms([held.version_id])
    assert form.blobs.keys() == {digest_of("pixels")}


def test_counts_and_kinds_are_those_of_what_is_shown(sender: Sender) -> None:
    small_archive(sender)
    sender.reject("1.1", "1.1.2")
    sender.reject(*INSTANCE)

    (study,) = find(
        sender.index,
        Level.STUDY,
        StudyInstanceUID=SingleValue("1.1"),
        ModalitiesInStudy=Universal(),
        SOPClassesInStudy=Universal(),
        NumberOfStudyRelatedSeries=Universal(),
        NumberOfStudyRelatedInstances=Universal(),
    )
    (patient,) = find(
        sender.index,
        Level.PATIENT,
        PatientID=SingleValue("P1"),
        NumberOfPatientRelatedStudies=Universal(),
        NumberOfPatientRelatedSeries=Universal(),
        NumberOfPatientRelatedInstances=Universal(),
    )

    assert (study["ModalitiesInStudy"], study["NumberOfStudyRelatedSeries"]) == ("CT", "1")
    assert study["NumberOfStudyRelatedInstances"] == "1"
    assert [patient[f"NumberOfPatientRelated{each}"] for each in ("Studies", "Series", "Instances")] == ["1"] * 3
    assert find(sender.index, Level.STUDY, ModalitiesInStudy=SingleValue("SR")) == []


def test_a_study_shows_the_record_of_its_earliest_instance_that_is_shown(sender: Sender) -> None:
    small_archive(sender)

    def date() -> Value:
        (found,) = find(sender.index, Level.STUDY, StudyInstanceUID=SingleValue("1.1"), StudyDate=Universal())
        return found["StudyDate"]

    dates = [date()]
    number = sender.reject(*INSTANCE)
    dates.append(date())
    sender.restore(number)

    assert [*dates, date()] == ["20240101", "20240102", "20240101"]


def test_the_other_patient_of_a_study_is_hidden_with_what_says_so(sender: Sender) -> None:
    sender.send(arrival("a"))
    sender.send(arrival("b", key(instance="1.1.1.2")), description({"PatientID": "WRONG"}))

    sender.reject("1.1", "1.1.1", "1.1.1.2")

    asked = {"StudyInstanceUID": Universal()}
    assert find(sender.index, Level.STUDY, PatientID=SingleValue("WRONG"), **asked) == []
    assert len(find(sender.index, Level.STUDY, PatientID=SingleValue("P1"), **asked)) == 1


def test_a_study_sent_rightly_after_the_wrong_one_was_rejected_is_no_conflict(sender: Sender) -> None:
    sender.send(arrival("a"), description({"PatientID": "WRONG"}))
    sender.reject(*INSTANCE)

    sender.send(arrival("b", key(instance="1.1.1.2")))

    (study,) = find(sender.index, Level.STUDY, StudyInstanceUID=Universal(), PatientID=Universal())
    assert study["PatientID"] == "P1"
    assert sender.index.reader.counts().flags == 0


def test_each_rejection_stands_by_itself(sender: Sender) -> None:
    small_archive(sender)
    sender.reject(*INSTANCE)
    study = sender.reject(*STUDY)

    sender.restore(study)

    assert shown(sender.index)[Level.IMAGE] == ["1.1.1.2", "1.1.2.1", "1.2.1.1"]


def test_restoring_what_does_not_stand_changes_nothing(sender: Sender) -> None:
    small_archive(sender)
    number = sender.reject(*STUDY)
    sender.restore(number)
    before = shown(sender.index)

    sender.restore(number)
    sender.restore(999)

    assert shown(sender.index) == before


def test_a_version_aside_and_a_superseded_one_stand_again_where_they_stood(sender: Sender) -> None:
    sender.send(arrival("a"))
    sender.send(other("b", "a"))
    sender.send(other("c", "b", source=PACS_B))

    sender.restore(sender.reject(*STUDY))

    sender.send(other("d", "b", "c"))
    assert [held.digest for held in served(sender.index)] == [digest_of("d")]
    assert sender.send(arrival("c")).decision.outcome is Outcome.ALREADY_STORED


def served(index: Index) -> list[object]:
    return index.finder.instances(Query(Level.IMAGE, Model.STUDY_ROOT, {"SOPInstanceUID": Universal()}))


def test_the_same_uids_in_another_study_are_not_touched(sender: Sender) -> None:
    sender.send(arrival("a"))
    sender.send(arrival("b", key("1.2")))

    sender.reject(*SERIES)

    assert [held.key.study for held in served(sender.index)] == ["1.2"]


def test_what_arrives_under_a_rejection_is_refused_and_leaves_no_event(sender: Sender) -> None:
    small_archive(sender)
    number = sender.reject(*STUDY)

    for arrived in (arrival("a"), arrival("new", key(instance="1.1.1.9")), arrival("new", key(series="1.1.9"))):
        assert sender.send(arrived) == Refused((number,))

    assert sender.index.reader.counts().position == number
    assert isinstance(sender.send(arrival("new", key("1.3"))), Recorded)


def test_an_identical_arrival_restores_itself_alone(index_url: str) -> None:
    index = open_index(index_url, rejected_again=RejectedAgain.RESTORE)
    sender = Sender(index)
    small_archive(sender)
    numbers = sender.reject(*STUDY), sender.reject(*INSTANCE)

    result = sender.send(arrival("a"))

    assert isinstance(result, Recorded)
    assert result.decision.rejections == numbers
    assert result.decision.outcome is Outcome.RESTORED
    assert shown(index)[Level.IMAGE] == ["1.1.1.1", "1.2.1.1"]
    assert [each.instances for each in index.rejections.standing()] == [2, 0]
    assert sender.send(arrival("a")).decision.outcome is Outcome.ALREADY_STORED
    index.close()


def test_what_was_readmitted_can_be_rejected_again(index_url: str) -> None:
    index = open_index(index_url, rejected_again=RejectedAgain.RESTORE)
    sender = Sender(index)
    small_archive(sender)
    first = sender.reject(*STUDY)
    sender.send(arrival("a"))

    second = sender.reject(*INSTANCE)

    assert shown(index)[Level.IMAGE] == ["1.2.1.1"]
    sender.restore(second)
    assert shown(index)[Level.IMAGE] == ["1.1.1.1", "1.2.1.1"]
    sender.restore(first)
    assert len(shown(index)[Level.IMAGE]) == 4
    index.close()


def test_what_is_kept_hidden_comes_to_light_with_its_study(index_url: str) -> None:
    index = open_index(index_url, rejected_again=RejectedAgain.KEEP_HIDDEN)
    sender = Sender(index)
    sender.send(arrival("a"))
    number = sender.reject(*STUDY)

    results = [
        sender.send(other("b", "a")),
        sender.send(other("c", "b", source=PACS_B)),
        sender.send(arrival("d", key(series="1.1.2", instance="1.1.2.1"))),
    ]

    assert [each.decision.rejections for each in results] == [(number,)] * 3
    assert shown(index)[Level.STUDY] == []
    sender.restore(number)
    assert sorted(held.digest for held in served(index)) == sorted([digest_of("b"), digest_of("d")])
    index.close()


def test_a_study_rejected_before_it_arrives_is_kept_hidden(index_url: str) -> None:
    index = open_index(index_url, rejected_again=RejectedAgain.KEEP_HIDDEN)
    sender = Sender(index)
    number = sender.reject(*STUDY)

    sender.send(arrival("a"))

    assert [*shown(index).values()] == [[]] * 4
    assert Scope("1.1") in index.rejections.scopes("1.1", None, None)
    sender.restore(number)
    assert shown(index)[Level.IMAGE] == ["1.1.1.1"]
    index.close()


def test_another_process_sees_a_rejection_at_once(sender: Sender, index_url: str) -> None:
    sender.send(arrival("a"))
    elsewhere = open_index(index_url)

    number = Sender(elsewhere).reject(*STUDY)

    assert sender.send(arrival("a")) == Refused((number,))
    Sender(elsewhere).restore(number)
    assert sender.send(arrival("a")).decision.outcome is Outcome.ALREADY_STORED
    elsewhere.close()


def test_what_arrives_in_the_transaction_that_rejects_it_is_hidden(sender: Sender) -> None:
    note = key(instance="1.1.1.9")
    rejected = NoteRejected(note, RejectionReason.QUALITY, False, (key(),))
    entries = [replace(sender.entry(arrival("n", note)), note=rejected), sender.entry(arrival("a"))]

    recorded = sender.index.committer.submit_all(entries)

    assert all(isinstance(each, Recorded) for each in recorded)
    assert shown(sender.index)[Level.IMAGE] == []
