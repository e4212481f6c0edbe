"""What is agreed to of what a requestor proposes."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vna.dicom.supported import STORAGE_CLASSES
from vna.dimse.associate import AssociateRequest, ProposedContext, Roles, UserInformation
from vna.dimse.negotiation import VERIFICATION, Agreement, negotiate, send_limit
from vna.model import Peer
from vna.settings import DimseSettings

CT = "1.2.840.10008.5.1.4.1.1.2"
STUDY_FIND, STUDY_MOVE, STUDY_GET = (f"1.2.840.10008.5.1.4.1.2.2.{n}" for n in (1, 2, 3))
EXPLICIT, IMPLICIT, BIG = "1.2.840.10008.1.2.1", "1.2.840.10008.1.2", "1.2.840.10008.1.2.2"
JPEG_LOSSLESS, JPEG_BASELINE, DEFLATED = (
    "1.2.840.10008.1.2.4.70",
    "1.2.840.10008.1.2.4.50",
    "1.2.840.10008.1.2.1.99",
)


def _negotiate(
    *contexts: tuple[str, tuple[str, ...]],
    roles: dict[str, Roles] | None = None,
    extended: dict[str, bytes] | None = None,
    node: DimseSettings | None = None,
) -> Agreement:
    proposed = tuple(ProposedContext(2 * i + 1, uid, syntaxes) for i, (uid, syntaxes) in enumerate(contexts))
    user = UserInformation(16384, "", roles or {}, extended or {})
    return negotiate(AssociateRequest("VNA", "PEER", proposed, user), node or DimseSettings())


@pytest.mark.parametrize(
    ("offered", "accepted"),
    [
        ((IMPLICIT,), IMPLICIT),
        ((IMPLICIT, EXPLICIT), EXPLICIT),
        ((JPEG_LOSSLESS, IMPLICIT), IMPLICIT),
        ((JPEG_BASELINE, JPEG_LOSSLESS), JPEG_LOSSLESS),
        ((JPEG_BASELINE,), JPEG_BASELINE),
        ((BIG,), BIG),
        ((DEFLATED,), DEFLATED),
    ],
)
def test_a_storage_context_gets_the_preferred_syntax(offered: tuple[str, ...], accepted: str) -> None:
    assert _negotiate((CT, offered)).contexts[1].transfer_syntax == accepted


@pytest.mark.parametrize(
    ("abstract_syntax", "offered", "result"),
    [
        ("1.2.3.4", (IMPLICIT,), 3),
        (CT, ("1.2.3.4",), 4),
        (CT, (), 4),
        (STUDY_FIND, (JPEG_LOSSLESS,), 4),
        (VERIFICATION, (IMPLICIT,), 0),
        (STUDY_FIND, (JPEG_LOSSLESS, BIG), 0),
    ],
)
def test_each_context_is_answered_by_the_codes(abstract_syntax: str, offered: tuple[str, ...], result: int) -> None:
    """PS3.8 table 9-18."""
    agreement = _negotiate((abstract_syntax, offered))

    assert agreement.answers[0].result == result
    assert bool(agreement.contexts) is (result == 0)


def test_every_storage_class_is_accepted() -> None:
    for uid in STORAGE_CLASSES:
        assert _negotiate((uid, (EXPLICIT,))).contexts, uid


def test_a_private_class_is_accepted_where_configured() -> None:
    private = "1.2.752.24.3.7.6"

    assert not _negotiate((private, (EXPLICIT,))).contexts
    assert _negotiate((private, (EXPLICIT,)), node=DimseSettings(private_sop_classes=(private,))).contexts


def test_several_contexts_of_one_class_are_all_kept() -> None:
    agreement = _negotiate((CT, (EXPLICIT,)), (CT, (JPEG_LOSSLESS,)), (CT, (BIG,)))

    assert [each.transfer_syntax for each in agreement.contexts.values()] == [EXPLICIT, JPEG_LOSSLESS, BIG]


def test_a_peer_may_take_instances_where_it_asked_for_the_scp_role() -> None:
    """PS3.7 D.3.3.4."""
    wanted = Roles(scu=False, scp=True)

    agreement = _negotiate((CT, (EXPLICIT,)), (STUDY_GET, (IMPLICIT,)), roles={CT: wanted})

    assert agreement.roles == {CT: wanted}
    assert agreement.contexts[1].roles == wanted
    assert agreement.contexts[3].roles == Roles(scu=True, scp=False)


@pytest.mark.parametrize(
    ("offered", "accepted"),
    [
        ((JPEG_LOSSLESS, EXPLICIT, IMPLICIT), JPEG_LOSSLESS),
        ((JPEG_BASELINE, EXPLICIT, IMPLICIT), JPEG_BASELINE),
        ((BIG, EXPLICIT, IMPLICIT), BIG),
        (("1.2.3", DEFLATED, IMPLICIT), DEFLATED),
        ((IMPLICIT, EXPLICIT, JPEG_LOSSLESS), EXPLICIT),
        ((EXPLICIT, JPEG_LOSSLESS), EXPLICIT),
        (("1.2.3",), None),
    ],
)
def test_a_context_to_send_in_gets_what_the_requestor_wishes_for(
    offered: tuple[str, ...], accepted: str | None
) -> None:
    agreement = _negotiate((CT, offered), roles={CT: Roles(scu=False, scp=True)})

    assert [each.transfer_syntax for each in agreement.contexts.values()] == ([accepted] if accepted else [])


def test_nobody_else_becomes_scp_of_a_query() -> None:
    agreement = _negotiate((STUDY_FIND, (IMPLICIT,)), roles={STUDY_FIND: Roles(scu=True, scp=True)})

    assert agreement.roles == {STUDY_FIND: Roles(scu=True, scp=False)}


def test_a_context_without_any_role_is_rejected() -> None:
    agreement = _negotiate((STUDY_FIND, (IMPLICIT,)), roles={STUDY_FIND: Roles(scu=False, scp=True)})

    assert agreement.answers[0].result == 1
    assert agreement.roles == {}


@pytest.mark.parametrize(
    ("asked", "answered"),
    [(b"\1", b"\1"), (b"\1\1\1\1\1", b"\1\1\0\0\0"), (b"\0\1", b"\0\1"), (b"\1\1\1\1\1\1\1", b"\1\1\0\0\0")],
)
def test_find_agrees_to_what_it_can_do(asked: bytes, answered: bytes) -> None:
    """PS3.4 C.5.1.1: relational and date-time yes; fuzzy names, time zones, conversion no."""
    agreement = _negotiate((STUDY_FIND, (IMPLICIT,)), extended={STUDY_FIND: asked})

    assert agreement.extended == {STUDY_FIND: answered}
    assert agreement.relational(STUDY_FIND) is bool(asked[0])
    assert agreement.combined_datetime(STUDY_FIND) is (answered[1:2] == b"\1")


def test_nothing_is_agreed_that_was_not_asked_for() -> None:
    agreement = _negotiate((STUDY_FIND, (IMPLICIT,)), (STUDY_MOVE, (IMPLICIT,)))

    assert agreement.extended == {}
    assert not agreement.relational(STUDY_FIND)
    assert not agreement.combined_datetime(STUDY_MOVE)


@pytest.mark.parametrize(
    ("announced", "configured", "limit"), [(16384, 0, 16384), (0, 0, 0), (0, 4096, 4096), (65536, 4096, 4096)]
)
def test_the_smaller_limit_of_a_pdu_holds(announced: int, configured: int, limit: int) -> None:
    assert send_limit(announced, Peer("AET", "host", 104, max_pdu=configured)) == limit


_SYNTAXES = st.sampled_from([EXPLICIT, IMPLICIT, BIG, JPEG_LOSSLESS, JPEG_BASELINE, DEFLATED, "1.2.3", ""])
_CLASSES = st.sampled_from([CT, VERIFICATION, STUDY_FIND, STUDY_MOVE, STUDY_GET, "1.2.3"])


@given(
    st.lists(st.tuples(_CLASSES, st.lists(_SYNTAXES, max_size=4).map(tuple)), max_size=10),
    st.dictionaries(_CLASSES, st.builds(Roles, scu=st.booleans(), scp=st.booleans())),
    st.dictionaries(_CLASSES, st.binary(max_size=8)),
)
@settings(max_examples=100, deadline=None)
def test_whatever_is_proposed_every_context_is_answered(
    contexts: list[tuple[str, tuple[str, ...]]], roles: dict[str, Roles], extended: dict[str, bytes]
) -> None:
    agreement = _negotiate(*contexts, roles=roles, extended=extended)

    assert [each.context_id for each in agreement.answers] == [2 * i + 1 for i in range(len(contexts))]
    for context_id, context in agreement.contexts.items():
        abstract_syntax, offered = contexts[(context_id - 1) // 2]
        assert context.abstract_syntax == abstract_syntax
        assert context.transfer_syntax in offered
        assert context.roles.scu or context.roles.scp
