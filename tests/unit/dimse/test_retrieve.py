"""Which context an instance goes on, and what its sub-operations add up to."""

import pytest

from fake_door import held_instance
from vna.dimse.associate import Roles
from vna.dimse.move import proposals
from vna.dimse.negotiation import Context
from vna.dimse.retrieve import ContextChoice, SubOperations
from vna.dimse.status import Status
from vna.pixels.targets import LOSSLESS

CT, MR = "1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.5.1.4.1.1.4"
EXPLICIT, IMPLICIT, BIG = "1.2.840.10008.1.2.1", "1.2.840.10008.1.2", "1.2.840.10008.1.2.2"
DEFLATED, ENCAPSULATED = "1.2.840.10008.1.2.1.99", "1.2.840.10008.1.2.1.98"
JPEG, JPEG_LOSSY, JPEG_LS = "1.2.840.10008.1.2.4.70", "1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.80"
RLE, H264 = "1.2.840.10008.1.2.5", "1.2.840.10008.1.2.4.102"


def _choice(*syntaxes: str) -> ContextChoice:
    return ContextChoice(Context(2 * i + 1, CT, each, Roles(False, True)) for i, each in enumerate(syntaxes))


@pytest.mark.parametrize(
    ("stored", "accepted", "sent"),
    [
        (EXPLICIT, (IMPLICIT, EXPLICIT), EXPLICIT),
        (IMPLICIT, (EXPLICIT, IMPLICIT), IMPLICIT),
        (JPEG, (EXPLICIT, JPEG), JPEG),
        (EXPLICIT, (JPEG, IMPLICIT), IMPLICIT),
        (BIG, (IMPLICIT, EXPLICIT), EXPLICIT),
        (DEFLATED, (IMPLICIT,), IMPLICIT),
        (ENCAPSULATED, (EXPLICIT,), EXPLICIT),
        (EXPLICIT, (BIG,), BIG),
        (JPEG, (IMPLICIT, EXPLICIT), EXPLICIT),
        (JPEG, (JPEG_LS, IMPLICIT), IMPLICIT),
        (JPEG, (RLE, JPEG_LS), JPEG_LS),
        (EXPLICIT, (RLE, JPEG), JPEG),
        (EXPLICIT, (JPEG_LOSSY,), None),
        (EXPLICIT, (ENCAPSULATED,), None),
        (H264, (EXPLICIT, IMPLICIT, JPEG), None),
        ("1.2.3.4", (EXPLICIT,), None),
        (EXPLICIT, (), None),
    ],
)
def test_an_instance_goes_as_stored_else_uncompressed_else_compressed_without_loss(
    stored: str, accepted: tuple[str, ...], sent: str | None
) -> None:
    assert _choice(*accepted).transfer_syntax_for(held_instance(1, transfer_syntax=stored)) == sent


def test_another_class_takes_nothing() -> None:
    other, compressed = held_instance(1, sop_class_uid=MR), held_instance(2, transfer_syntax=H264)

    assert _choice(EXPLICIT).context_for(other) is None
    assert _choice(EXPLICIT).why_none(other) == "no context for its SOP Class was accepted to send it on"
    assert _choice(EXPLICIT).context_for(compressed) is None
    assert _choice(EXPLICIT).why_none(compressed) == f"no accepted context takes {H264}"
    assert len(_choice(EXPLICIT).why_none(other)) <= 64


def test_a_move_proposes_what_is_stored_and_then_what_it_can_be_turned_into() -> None:
    instances = [
        held_instance(1, transfer_syntax=JPEG),
        held_instance(2),
        held_instance(3),
        held_instance(4, sop_class_uid=MR, transfer_syntax=BIG),
    ]

    assert proposals(instances) == [
        (CT, (EXPLICIT,)),
        (CT, (JPEG,)),
        (MR, (BIG,)),
        (CT, (IMPLICIT,)),
        (MR, (EXPLICIT, IMPLICIT)),
        (CT, tuple(uid for uid in LOSSLESS if uid != JPEG)),
        (MR, LOSSLESS),
    ]


def test_a_move_proposes_nothing_but_the_stored_syntax_for_what_cannot_be_converted() -> None:
    assert proposals([held_instance(1, transfer_syntax=H264)]) == [(CT, (H264,))]


def test_a_move_proposes_no_more_contexts_than_there_can_be() -> None:
    """PS3.8 9.3.2.2: odd IDs from 1 to 255."""
    instances = [held_instance(n, sop_class_uid=f"1.2.{n}") for n in range(200)]

    assert len(proposals(instances)) == 128


def _done(*statuses: int) -> SubOperations:
    done = SubOperations(len(statuses), lambda _held, _outcome: None)
    for number, status in enumerate(statuses):
        done.count(held_instance(number), status)
    return done


@pytest.mark.parametrize(
    ("statuses", "final"),
    [
        ((), 0x0000),
        ((0, 0), 0x0000),
        ((0, 0xB000), 0xB000),
        ((0, 0xA700), 0xB000),
        ((0xB007, 0xA700), 0xB000),
        ((0xA700, 0x0110), 0xA702),
    ],
)
def test_the_final_status_follows_the_sub_operations(statuses: tuple[int, ...], final: int) -> None:
    """PS3.4 C.4.2.1.5 and C.4.3.1.4."""
    assert _done(*statuses).final_status() == final


def test_failed_instances_are_listed_and_the_reason_kept() -> None:
    done = _done(Status.SUCCESS, 0xA900, 0xB000)

    assert done.remaining == 0
    assert done.failed_uids == ["1.2.3.1.1"]
    assert done.reason == "answered with status A900"
