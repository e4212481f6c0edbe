"""Case, character sets, optional keys, cancelling and extended negotiation of queries (PS3.4 C.4.1, C.5.1.1)."""

from conformance.checks.asking import Keys, ask, find, found, identifier, is_failure, said
from conformance.checks.objects import NAMES
from conformance.checks.registry import Check, check
from conformance.checks.session import STUDY_FIND, Session, reader_of
from conformance.checks.verdicts import NotSupported, expect, expect_equal
from conformance.messages import Field, Tag
from conformance.requests import cancel, parse_identifier, send_request
from conformance.upper_layer import Aborted

_FIRST_NAMED_STUDY = 4
_FIND: dict[Tag, int | str] = {Tag.SOP_CLASS: STUDY_FIND, Tag.COMMAND_FIELD: Field.FIND_RQ}


@check("find.case.patient-id", "Other keys than names are matched with case", "PS3.4 C.2.2.2.1")
def case_matters(session: Session) -> None:
    """Ask for a Patient ID in lower case."""
    session.store_queried()
    keys = {"PatientID": session.objects.patient_id(1).lower(), "StudyInstanceUID": ""}
    expect_equal(found(find(session, STUDY_FIND, "STUDY", keys), "STUDY"), [], "what it finds")


@check("find.case.patient-name", "Names are matched whatever their case", "PS3.4 C.2.2.2.1.2")
def names_without_case(session: Session) -> None:
    """Ask for a name in lower case, which may be matched or not."""
    session.store_queried()
    keys = {"PatientID": session.objects.patient_id(1), "PatientName": "conformance^check", "StudyInstanceUID": ""}
    came = found(find(session, STUDY_FIND, "STUDY", keys), "STUDY")
    if not came:
        raise NotSupported("names are matched with case")
    expect_equal(came, [session.objects.uid(1), session.objects.uid(2)], "what it finds")


def _in_character_set(study: int, charset: str, name: str) -> tuple[Check, Check]:
    """Return the checks that a name is given back as it was sent, and found by what is beyond ASCII in it."""
    term = charset.strip("\\")
    label = term.replace(" ", "-")
    wild = f"*{''.join(c for c in name if not c.isascii())[0]}*"

    def returned(session: Session) -> None:
        session.store_queried()
        answers = find(
            session, STUDY_FIND, "STUDY", {"StudyInstanceUID": session.objects.uid(study), "PatientName": ""}
        )
        expect_equal([str(one.PatientName) for one in answers.identifiers()], [name], "the name")

    def matched(session: Session) -> None:
        session.store_queried()
        keys = {"PatientID": session.objects.patient_id(study), "PatientName": wild, "StudyInstanceUID": ""}
        with session.open_for(STUDY_FIND) as association:
            answers = ask(association, STUDY_FIND, identifier("STUDY", keys, charset=charset))
        if is_failure(answers.status):
            raise NotSupported(f"a query in {term} is answered with status {said(answers.final)}")
        came = found(answers, "STUDY")
        if not came:
            raise NotSupported(f"a name in {term} is not found by a key in {term}")
        expect_equal(came, [session.objects.uid(study)], "what it finds")

    return (
        Check(
            f"find.character-set.returned.{label}",
            f"A name in {term} comes back as it was sent",
            "PS3.4 C.4.1.1.3.2",
            returned,
        ),
        Check(
            f"find.character-set.matched.{label}", f"A name is found by a key in {term}", "PS3.4 C.4.1.1.3.1", matched
        ),
    )


CHARACTER_SETS = tuple(
    one
    for n, (charset, name) in enumerate(NAMES.items())
    for one in _in_character_set(_FIRST_NAMED_STUDY + n, charset, name)
)


@check("find.unsupported-key", "A key the node does not know is told of, or left out", "PS3.4 C.4.1.1.4")
def unsupported_key(session: Session) -> str:
    """Ask for an attribute that nobody keeps for studies: pending FF01, or an answer without it or with no value."""
    session.store_queried()
    keys = {"StudyInstanceUID": session.objects.uid(1), "TableTopVerticalPosition": ""}
    answers = find(session, STUDY_FIND, "STUDY", keys)
    expect(answers.status == 0, f"the query was answered with status {said(answers.final)}")
    expect_equal(len(answers.pending), 1, "the number of answers")
    answer = parse_identifier(answers.pending[0].data)
    expect(not answer.get("TableTopVerticalPosition"), "a value was made up")
    how = "with no value" if "TableTopVerticalPosition" in answer else "left out"
    return f"pending {answers.pending[0].status:04X}, {how}"


@check(
    "find.unsupported-key.not-matched", "A value of a key the node does not know excludes nothing", "PS3.4 C.2.2.1.3"
)
def unsupported_key_with_value(session: Session) -> None:
    """Give a value to an attribute that nobody keeps for studies."""
    session.store_queried()
    keys = {"StudyInstanceUID": session.objects.uid(1), "CommentsOnThePerformedProcedureStep": "CHECK"}
    came = found(find(session, STUDY_FIND, "STUDY", keys), "STUDY")
    if not came:
        raise NotSupported("it is matched as if the node kept it")
    expect_equal(came, [session.objects.uid(1)], "what it finds")


@check("find.no-identifier", "A C-FIND request without an identifier is refused", "PS3.7 9.3.2.1")
def no_identifier(session: Session) -> str:
    """Announce no data set."""
    return _refused_or_aborted(session, None)


@check("find.bad-identifier", "Bytes that are no identifier are refused", "PS3.4 C.4.1.1.4")
def bad_identifier(session: Session) -> str:
    """Send what cannot be parsed."""
    return _refused_or_aborted(session, b"\xff\xfe\xfd" * 20)


@check("find.bad-date", "A Study Date that is no date is refused, or matches nothing", "PS3.4 C.4.1.1.4")
def bad_date(session: Session) -> str:
    """Ask for the studies of TODAY."""
    session.store_queried()
    answers = find(session, STUDY_FIND, "STUDY", {"PatientID": session.objects.patient_id(1), "StudyDate": "TODAY"})
    if is_failure(answers.status):
        return f"refused with status {answers.status:04X}"
    expect_equal(len(answers.pending), 0, "the number of answers")
    return "matches nothing"


@check("find.several", "Several queries on one association are each answered", "PS3.7 9.1.2")
def several_queries(session: Session) -> None:
    """Ask three times."""
    session.store_queried()
    counts = []
    with session.open_for(STUDY_FIND) as association:
        for study in (1, 999, 2):
            data = identifier("STUDY", {"StudyInstanceUID": session.objects.uid(study)})
            counts.append(len(ask(association, STUDY_FIND, data).pending))
    expect_equal(counts, [1, 0, 1], "the numbers of answers")


@check("find.cancel", "A cancelled query ends with Cancel, or with success when it was done", "PS3.4 C.4.1.3")
def cancelled(session: Session) -> None:
    """Cancel at once, then use the association again."""
    session.store_queried()
    everything = identifier("STUDY", {"PatientID": f"{session.objects.label}-*", "StudyInstanceUID": ""})
    with session.open_for(STUDY_FIND) as association:
        message_id = send_request(association, STUDY_FIND, _FIND, everything)
        cancel(association, STUDY_FIND, message_id=message_id)
        reader = reader_of(association)
        while (message := reader.read()) is not None and message.pending:
            pass
        status = message.status if message else None
        again = ask(association, STUDY_FIND, everything).status
    expect(status in (0, 0xFE00), f"the query ended with status {status or 0:04X}")
    expect_equal(again, 0, "the status of the next query")


@check("find.cancel.nothing", "A cancel of no request is passed over", "PS3.7 9.3.2.3")
def cancel_of_nothing(session: Session) -> None:
    """Cancel a message that was never sent, then ask."""
    with session.open_for(STUDY_FIND) as association:
        cancel(association, STUDY_FIND, message_id=4711)
        answers = ask(association, STUDY_FIND, identifier("STUDY", {"StudyInstanceUID": session.objects.uid(999)}))
    expect_equal(answers.status, 0, "the status of the next query")


@check("find.relational", "Relational queries, once negotiated, need no keys above", "PS3.4 C.4.1.3.2.1")
def relational(session: Session) -> None:
    """Ask for series of a patient, and for images of a study."""
    session.store_queried()
    objects = session.objects
    images = [objects.uid(1, *each) for each in ((1, 1), (1, 2), (1, 3), (2, 1), (2, 2))]
    for level, keys, wanted in (
        (
            "SERIES",
            {"PatientID": objects.patient_id(1), "SeriesInstanceUID": ""},
            [objects.uid(1, 1), objects.uid(1, 2), objects.uid(2, 1)],
        ),
        ("IMAGE", {"StudyInstanceUID": objects.uid(1), "SOPInstanceUID": ""}, images),
    ):
        expect_equal(_extended(session, b"\1", level, keys), wanted, f"what it finds at {level} level")


@check("find.date-time", "Date and time ranges, once negotiated, are one range", "PS3.4 C.2.2.2.5.2")
def combined_date_time(session: Session) -> None:
    """Ask from the evening of one day to the morning of another: apart, the times would exclude each other."""
    session.store_queried()
    keys = {
        "PatientID": session.objects.patient_id(1),
        "StudyInstanceUID": "",
        "StudyDate": "20240114-20240116",
        "StudyTime": "090000-093000",
    }
    expect_equal(_extended(session, b"\0\1", "STUDY", keys), [session.objects.uid(1)], "what it finds")


def _extended(session: Session, wanted: bytes, level: str, keys: Keys) -> list[str]:
    """Ask with extended negotiation, whose last byte must be answered with 1 (PS3.4 C.5.1.1).

    Raises:
        NotSupported: it is not agreed to.
    """
    with session.open_for(STUDY_FIND, extended={STUDY_FIND: wanted}) as association:
        agreed = association.acceptance.extended.get(STUDY_FIND, b"")
        if agreed[len(wanted) - 1 : len(wanted)] != b"\1":
            raise NotSupported("the extended negotiation is not agreed to")
        return found(ask(association, STUDY_FIND, identifier(level, keys)), level)


def _refused_or_aborted(session: Session, data: bytes | None) -> str:
    association = session.open_for(STUDY_FIND)
    try:
        answers = ask(association, STUDY_FIND, data)
    except Aborted:
        return "the association is aborted"
    finally:
        association.sock.close()
    expect(is_failure(answers.status), f"answered with status {said(answers.final)} and {len(answers.pending)} matches")
    return f"refused with status {answers.status:04X}"
