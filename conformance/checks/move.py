"""C-MOVE (PS3.4 C.4.2): to a destination nobody knows, and into a listener of ours that the node knows."""

from conformance.checks.asking import Answers, Keys, ask, identifier, is_failure, said
from conformance.checks.get import check_received, keys_of
from conformance.checks.registry import check
from conformance.checks.session import PATIENT_MOVE, STUDY_MOVE, Listener, Session
from conformance.checks.verdicts import NotSupported, Skipped, expect, expect_equal
from conformance.messages import Tag
from conformance.requests import parse_identifier

_UNKNOWN = "CONF_NOBODY"
_DESTINATION_UNKNOWN = 0xA801
_STUDY_1 = ("query-1-1-1", "query-1-1-2", "query-1-1-3", "query-1-2-1", "query-1-2-2")


@check("move.unknown-destination", "A destination that nobody knows is told as A801", "PS3.4 C.4.2.1.5")
def unknown_destination(session: Session) -> None:
    """Move a study to an AE title that was never registered."""
    session.store_queried()
    answers = _move(session, "STUDY", {"StudyInstanceUID": session.objects.uid(1)}, _UNKNOWN)
    expect(answers.status == _DESTINATION_UNKNOWN, f"answered with status {said(answers.final)}")


@check("move.study", "C-MOVE of a study sends all its instances", "PS3.4 C.4.2.3.1")
def whole_study(session: Session) -> None:
    """Move study 1 into our listener."""
    _expect_moved(session, "STUDY", {"StudyInstanceUID": session.objects.uid(1)}, _STUDY_1)


@check("move.series", "C-MOVE of a series sends its instances alone", "PS3.4 C.4.2.3.1")
def one_series(session: Session) -> None:
    """Move series 2 of study 1."""
    keys = {"StudyInstanceUID": session.objects.uid(1), "SeriesInstanceUID": session.objects.uid(1, 2)}
    _expect_moved(session, "SERIES", keys, _STUDY_1[3:])


@check("move.image", "C-MOVE of an instance sends it alone", "PS3.4 C.4.2.3.1")
def one_instance(session: Session) -> None:
    """Move one instance of study 1."""
    _expect_moved(session, "IMAGE", keys_of(session, _STUDY_1[1]), _STUDY_1[1:2])


@check("move.patient", "C-MOVE of a patient in Patient Root sends all of his studies", "PS3.4 C.4.2.3.1")
def one_patient(session: Session) -> None:
    """Move patient A."""
    keys = {"PatientID": session.objects.patient_id(1)}
    _expect_moved(session, "PATIENT", keys, (*_STUDY_1, "query-2-1-1"), sop_class=PATIENT_MOVE)


@check("move.compressed", "A compressed object is moved as it is stored", "PS3.4 C.4.2.3.1")
def compressed(session: Session) -> None:
    """Move an object in RLE Lossless; our listener takes what is proposed first."""
    session.stored("syntax-rle")
    _expect_moved(session, "IMAGE", keys_of(session, "syntax-rle"), ("syntax-rle",))


@check("move.counts", "The final response counts the sub-operations", "PS3.4 C.4.2.1.6")
def counts(session: Session) -> None:
    """Move study 1 and read the numbers."""
    answers = _move_to_us(session, "STUDY", {"StudyInstanceUID": session.objects.uid(1)})
    answers.expect_counts(completed=len(_STUDY_1), failed=0)


@check("move.originator", "The C-STORE requests name the C-MOVE behind them", "PS3.7 9.1.1.1")
def originator(session: Session) -> None:
    """Look at Move Originator AE Title and Message ID in what comes."""
    listener = _listener(session)
    _move_to_us(session, "STUDY", {"StudyInstanceUID": session.objects.uid(2)})
    found = listener.sink.move_originators
    if found == {("", 0)}:
        raise NotSupported("the C-STORE requests do not name their C-MOVE")
    expect_equal(found, {(session.target.calling, 1)}, "the originators")


@check("move.refused-by-destination", "What the destination refuses is counted as failed, and named", "PS3.4 C.4.2.1.6")
def refused_by_destination(session: Session) -> str:
    """Have our listener answer C000 to everything, which trying again does not help."""
    listener = _listener(session)
    listener.sink.status = 0xC000
    try:
        answers = _move_to_us(session, "STUDY", {"StudyInstanceUID": session.objects.uid(2)})
    finally:
        listener.sink.status = 0
    expect(answers.status != 0, "answered with success, though nothing was taken")
    listed = str(parse_identifier(answers.final.data).get("FailedSOPInstanceUIDList", ""))
    expect_equal(listed, session.objects.uid(2, 1, 1), "Failed SOP Instance UID List")
    answers.expect_counts(completed=0, failed=1)
    return f"ends with status {answers.status:04X}"


@check("move.unknown", "C-MOVE of what the node does not have sends nothing", "PS3.4 C.4.2.1.5")
def unknown(session: Session) -> str:
    """Move a study that does not exist: success with nothing, or a failure."""
    listener = _listener(session)
    answers = _move_to_us(session, "STUDY", {"StudyInstanceUID": session.objects.uid(999)})
    expect_equal(listener.sink.count, 0, "the number of instances that came")
    expect(answers.status == 0 or is_failure(answers.status), f"answered with status {said(answers.final)}")
    return f"answered with status {answers.status:04X}"


@check("move.no-key", "C-MOVE at SERIES level without Series Instance UID is refused", "PS3.4 C.4.2.1.4.1")
def no_key(session: Session) -> str:
    """Give the study only."""
    listener = _listener(session)
    answers = _move_to_us(session, "SERIES", {"StudyInstanceUID": session.objects.uid(1)})
    expect(
        is_failure(answers.status), f"answered with status {said(answers.final)}, {listener.sink.count} instances came"
    )
    return f"refused with status {answers.status:04X}"


def _listener(session: Session) -> Listener:
    """Return our listener, with nothing in it.

    Raises:
        Skipped: there is none.
    """
    listener = session.target.listener
    if listener is None:
        raise Skipped("give --listen and --listen-as, and register that AE title at the node as a destination")
    listener.sink.reset()
    return listener


def _expect_moved(
    session: Session, level: str, keys: Keys, names: tuple[str, ...], *, sop_class: str = STUDY_MOVE
) -> None:
    listener = _listener(session)
    answers = _move_to_us(session, level, keys, sop_class=sop_class)
    expect(answers.status == 0, f"the C-MOVE ended with status {said(answers.final)}")
    check_received(session, names, listener.sink.received)


def _move_to_us(session: Session, level: str, keys: Keys, *, sop_class: str = STUDY_MOVE) -> Answers:
    """Move into our listener.

    Raises:
        NotSupported: the node does not know it.
    """
    listener = _listener(session)
    session.store_queried()
    answers = _move(session, level, keys, listener.ae_title, sop_class=sop_class)
    if answers.status == _DESTINATION_UNKNOWN:
        raise NotSupported(f"the node does not know the destination {listener.ae_title} (A801)")
    return answers


def _move(session: Session, level: str, keys: Keys, destination: str, *, sop_class: str = STUDY_MOVE) -> Answers:
    with session.open_for(sop_class) as association:
        answers = ask(association, sop_class, identifier(level, keys), destination=destination)
    expect(Tag.STATUS in answers.final.fields, "the final response has no status")
    return answers
