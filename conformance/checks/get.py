"""C-GET (PS3.4 C.4.3): what was stored comes back, on the contexts and in the numbers that were agreed."""

from collections.abc import Iterable

from conformance.checks.asking import Answers, Keys, ask, identifier, is_failure, said
from conformance.checks.comparing import compare
from conformance.checks.objects import KINDS, ODDITIES, QUERIED, SYNTAXES
from conformance.checks.registry import Check, check
from conformance.checks.session import (
    EXPLICIT,
    IMPLICIT,
    PATIENT_GET,
    SECONDARY_CAPTURE,
    STUDY_GET,
    Session,
)
from conformance.checks.verdicts import Failed, NotSupported, Skipped, counted, expect, expect_equal
from conformance.corpus import Instance
from conformance.messages import Tag
from conformance.requests import cancel, parse_identifier, store_proposals
from conformance.upper_layer import Association, Proposal

_STUDY_1 = tuple(name for name, numbers in QUERIED.items() if numbers[0] == 1)


def keys_of(session: Session, name: str) -> dict[str, str]:
    """Return the unique keys of an object at IMAGE level of Study Root."""
    study, series, number = session.objects.numbers(name)
    uid = session.objects.uid
    return {
        "StudyInstanceUID": uid(study),
        "SeriesInstanceUID": uid(study, series),
        "SOPInstanceUID": uid(study, series, number),
    }


def _comes_back(id_: str, name: str, title: str) -> Check:
    def run(session: Session) -> str:
        sent = session.stored(name)
        answers = _get(session, "IMAGE", keys_of(session, name), [sent])
        expect(answers.status == 0, f"the C-GET ended with status {said(answers.final)}")
        expect_equal(len(answers.received), 1, "the number of instances received")
        return compare(sent, answers.received[0])

    return Check(id_, title, "PS3.4 B.4.1", run)


OBJECTS = (
    *(
        _comes_back(f"get.kind.{name}", name, f"A phantom of the kind {name} comes back as it was sent")
        for name in KINDS
    ),
    *(
        _comes_back(f"get.syntax.{name}", f"syntax-{name}", f"An object in {name} comes back as sent")
        for name in SYNTAXES
    ),
    *(
        _comes_back(f"get.odd.{name}", f"odd-{name}", f"A data set with {name.replace('-', ' ')} comes back")
        for name in ODDITIES
    ),
)


@check("get.byte-for-byte", "What comes back in its own transfer syntax is what was sent, byte for byte", "PS3.4 B.4.1")
def byte_for_byte(session: Session) -> str:
    """Get everything that the node has taken; the standard asks for the attributes only."""
    names = (*KINDS, *(f"syntax-{one}" for one in SYNTAXES), *(f"odd-{one}" for one in ODDITIES))
    anew, exact = [], 0
    for name in names:
        try:
            sent = session.stored(name)
        except Skipped:
            continue
        answers = _get(session, "IMAGE", keys_of(session, name), [sent])
        same = len(answers.received) == 1 and answers.received[0].data == sent.data
        exact += same
        anew += [] if same else [name]
    if anew:
        raise NotSupported(
            f"{counted(exact, 'object comes', 'objects come')} back byte for byte, not so {', '.join(anew)}"
        )
    return counted(exact, "object", "objects")


@check("get.study", "C-GET of a study brings all its instances", "PS3.4 C.4.3.3.1")
def whole_study(session: Session) -> None:
    """Get study 1."""
    _expect_instances(session, "STUDY", {"StudyInstanceUID": session.objects.uid(1)}, _STUDY_1)


@check("get.series", "C-GET of a series brings its instances alone", "PS3.4 C.4.3.3.1")
def one_series(session: Session) -> None:
    """Get series 2 of study 1."""
    objects = session.objects
    keys = {"StudyInstanceUID": objects.uid(1), "SeriesInstanceUID": objects.uid(1, 2)}
    _expect_instances(session, "SERIES", keys, ("query-1-2-1", "query-1-2-2"))


@check("get.image", "C-GET of an instance brings it alone", "PS3.4 C.4.3.3.1")
def one_instance(session: Session) -> None:
    """Get one instance of study 1."""
    _expect_instances(session, "IMAGE", keys_of(session, "query-1-1-2"), ("query-1-1-2",))


@check("get.image-list", "C-GET of a list of instances brings these", "PS3.4 C.4.3.1.3.1")
def several_instances(session: Session) -> None:
    """Get two instances of one series by a list of UIDs."""
    uids = "\\".join(session.objects.uid(1, 1, number) for number in (1, 3))
    keys = keys_of(session, "query-1-1-1") | {"SOPInstanceUID": uids}
    _expect_instances(session, "IMAGE", keys, ("query-1-1-1", "query-1-1-3"))


@check("get.patient", "C-GET of a patient in Patient Root brings all of his studies", "PS3.4 C.4.3.3.1")
def one_patient(session: Session) -> None:
    """Get patient A."""
    keys = {"PatientID": session.objects.patient_id(1)}
    _expect_instances(session, "PATIENT", keys, (*_STUDY_1, "query-2-1-1"), sop_class=PATIENT_GET)


@check("get.counts", "The final response counts the sub-operations", "PS3.4 C.4.3.1.6")
def counts(session: Session) -> None:
    """Get study 1 and read the numbers."""
    session.store_queried()
    answers = _get(session, "STUDY", {"StudyInstanceUID": session.objects.uid(1)}, _instances(session, _STUDY_1))
    answers.expect_counts(completed=len(_STUDY_1), failed=0)
    expect(
        all(Tag.REMAINING in message.fields for message in answers.pending),
        "a pending response has no remaining number",
    )


@check("get.role", "The SCP role that C-GET needs is agreed to", "PS3.7 D.3.3.4")
def role(session: Session) -> None:
    """Propose to be SCP for secondary captures."""
    with session.open(*_proposals(STUDY_GET, (Proposal(SECONDARY_CAPTURE, (EXPLICIT,), as_scp=True),))) as association:
        _expect_offered(association, STUDY_GET)
        roles = association.acceptance.roles.get(SECONDARY_CAPTURE)
    expect(roles is not None, "the role selection is not answered")
    expect(roles and roles[1] == 1, f"the roles answered are {roles}")


@check("get.without-role", "Without the SCP role nothing is sent", "PS3.7 D.3.3.4")
def without_role(session: Session) -> str:
    """Propose secondary captures as SCU only, then get some."""
    session.store_queried()
    proposals = _proposals(STUDY_GET, (Proposal(SECONDARY_CAPTURE, (EXPLICIT,)),))
    with session.open(*proposals) as association:
        _expect_offered(association, STUDY_GET)
        answers = ask(association, STUDY_GET, identifier("STUDY", {"StudyInstanceUID": session.objects.uid(2)}))
    expect(not answers.received, "an instance was sent, though we were not SCP")
    expect(answers.status != 0, "answered with success, though nothing was sent")
    return f"ends with status {answers.status:04X}"


@check("get.class-not-proposed", "What no context takes is counted as failed, and named", "PS3.4 C.4.3.1.3.2")
def class_not_proposed(session: Session) -> str:
    """Get a CT with contexts for secondary captures alone."""
    session.stored("ct")
    proposals = _proposals(STUDY_GET, (Proposal(SECONDARY_CAPTURE, (EXPLICIT,), as_scp=True),))
    with session.open(*proposals) as association:
        _expect_offered(association, STUDY_GET)
        answers = ask(association, STUDY_GET, identifier("IMAGE", keys_of(session, "ct")))
    expect(not answers.received, "an instance came")
    expect(answers.status != 0, "answered with success, though nothing was sent")
    wanted = keys_of(session, "ct")["SOPInstanceUID"]
    listed = str(parse_identifier(answers.final.data).get("FailedSOPInstanceUIDList", ""))
    expect_equal(listed, wanted, "Failed SOP Instance UID List")
    answers.expect_counts(completed=0, failed=1)
    return f"ends with status {answers.status:04X}"


@check("get.syntax-not-proposed", "A compressed object is converted, or counted as failed", "PS3.4 C.4.3.1.6")
def syntax_not_proposed(session: Session) -> str:
    """Get an object in RLE Lossless, proposing Explicit VR Little Endian alone."""
    sent = session.stored("syntax-rle")
    wanted = (Proposal(sent.sop_class_uid, (EXPLICIT,), as_scp=True),)
    with session.open(*_proposals(STUDY_GET, wanted)) as association:
        _expect_offered(association, STUDY_GET)
        answers = ask(association, STUDY_GET, identifier("IMAGE", keys_of(session, "syntax-rle")))
    if answers.received:
        compare(sent, answers.received[0])
        answers.expect_counts(completed=1, failed=0)
        return "it is decompressed"
    expect(answers.status != 0, "answered with success, though nothing was sent")
    answers.expect_counts(completed=0, failed=1)
    raise NotSupported(f"it is not decompressed; the C-GET ends with status {answers.status:04X}")


@check("get.converted", "An uncompressed object is converted to another uncompressed syntax", "PS3.5 10.1")
def converted(session: Session) -> str:
    """Get an object that was sent in Explicit VR, proposing Implicit VR Little Endian alone."""
    sent = session.stored("mr")
    wanted = (Proposal(sent.sop_class_uid, (IMPLICIT,), as_scp=True),)
    with session.open(*_proposals(STUDY_GET, wanted)) as association:
        _expect_offered(association, STUDY_GET)
        answers = ask(association, STUDY_GET, identifier("IMAGE", keys_of(session, "mr")))
    expect_equal((answers.status, len(answers.received)), (0, 1), "the status and the number of instances")
    return compare(sent, answers.received[0])


@check("get.unknown", "C-GET of what the node does not have ends at once", "PS3.4 C.4.3.1.4")
def unknown(session: Session) -> str:
    """Get a study that does not exist: success with nothing, or a failure."""
    answers = _get(session, "STUDY", {"StudyInstanceUID": session.objects.uid(999)}, [])
    expect(not answers.received, "an instance came")
    expect(answers.status == 0 or is_failure(answers.status), f"answered with status {said(answers.final)}")
    return f"answered with status {answers.status:04X}"


@check("get.no-key", "C-GET at STUDY level without Study Instance UID is refused", "PS3.4 C.4.3.1.3.1")
def no_key(session: Session) -> str:
    """Give a Patient ID only, in Study Root."""
    session.store_queried()
    answers = _get(session, "STUDY", {"PatientID": session.objects.patient_id(1)}, _instances(session, _STUDY_1))
    expect(
        is_failure(answers.status), f"answered with status {said(answers.final)} and {len(answers.received)} instances"
    )
    return f"refused with status {answers.status:04X}"


@check("get.cancel", "A cancelled C-GET ends with Cancel, or with success when it was done", "PS3.4 C.4.3.3")
def cancelled(session: Session) -> None:
    """Cancel when the first instance comes; the numbers must add up."""
    session.store_queried()
    with session.open(
        *_proposals(STUDY_GET, store_proposals(_instances(session, _STUDY_1), as_scp=True))
    ) as association:
        _expect_offered(association, STUDY_GET)

        def cancel_first(count: int) -> None:
            if count == 1:
                cancel(association, STUDY_GET, message_id=1)

        data = identifier("STUDY", {"StudyInstanceUID": session.objects.uid(1)})
        answers = ask(association, STUDY_GET, data, on_instance=cancel_first)
        again = ask(association, STUDY_GET, data)
    expect(answers.status in (0, 0xFE00), f"it ended with status {said(answers.final)}")
    expect_equal((again.status, len(again.received)), (0, len(_STUDY_1)), "status and number of the next C-GET")
    answers.expect_counts(completed=len(answers.received), failed=0)


def _get(
    session: Session, level: str, keys: Keys, instances: Iterable[Instance], *, sop_class: str = STUDY_GET
) -> Answers:
    """Get on an association with a context for each of these instances as it was stored."""
    with session.open(*_proposals(sop_class, store_proposals(instances, as_scp=True))) as association:
        _expect_offered(association, sop_class)
        return ask(association, sop_class, identifier(level, keys))


def _expect_instances(
    session: Session, level: str, keys: Keys, names: tuple[str, ...], *, sop_class: str = STUDY_GET
) -> None:
    """See that a C-GET brings exactly these objects, as they were sent."""
    session.store_queried()
    answers = _get(session, level, keys, _instances(session, names), sop_class=sop_class)
    expect(answers.status == 0, f"the C-GET ended with status {said(answers.final)}")
    check_received(session, names, answers.received)


def check_received(session: Session, names: Iterable[str], received: Iterable[Instance]) -> None:
    """See that what came are these objects, as they were sent.

    Raises:
        Failed: there are others, or not all of them, or changed ones.
    """
    sent = {session.objects.instance(name).sop_instance_uid: session.objects.instance(name) for name in names}
    came = {instance.sop_instance_uid: instance for instance in received}
    if came.keys() != sent.keys():
        missing, more = len(sent.keys() - came.keys()), len(came.keys() - sent.keys())
        raise Failed(f"{len(came)} instances came: {missing} of {len(sent)} are missing, {more} were not asked for")
    for uid, instance in came.items():
        compare(sent[uid], instance)


def _instances(session: Session, names: Iterable[str]) -> list[Instance]:
    return [session.objects.instance(name) for name in names]


def _proposals(sop_class: str, storage: Iterable[Proposal]) -> tuple[Proposal, ...]:
    return (Proposal(sop_class, (IMPLICIT,)), *storage)


def _expect_offered(association: Association, sop_class: str) -> None:
    """See that a retrieve service was accepted.

    Raises:
        NotSupported: it was not.
    """
    if association.context(sop_class) is None:
        raise NotSupported(f"SOP Class {sop_class} is not accepted")
