"""How a request ended is told by a few words, and strangers share one name."""

import pytest

from vna.dimse.access import Caller
from vna.dimse.counting import count_ending, outcome_of, peer_label
from vna.dimse.upper_layer import AssociationEnded, Disconnected, MustAbort, PeerAborted, ReleaseRequested, Stopping
from vna.metrics import Board, Metrics
from vna.model import Peer


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (0x0000, "success"),
        (0xB000, "warning"),
        (0xA700, "out-of-resources"),
        (0xA900, "failure"),
        (0xC000, "failure"),
        (0xFE00, "cancelled"),
        (None, "aborted"),
    ],
    ids=lambda value: f"{value:04X}" if isinstance(value, int) else str(value),
)
def test_an_outcome_is_the_kind_of_the_final_status(status: int | None, outcome: str) -> None:
    assert outcome_of(status) == outcome


def test_only_registered_peers_have_a_name() -> None:
    peer = Peer("CT1", "192.0.2.1", 104)

    assert peer_label(Caller("CT1", "VNA", "192.0.2.1", peer)) == "CT1"
    assert peer_label(Caller("MADE UP", "VNA", "127.0.0.1", None)) == "unregistered"


@pytest.mark.parametrize(
    ("ending", "by"),
    [
        (ReleaseRequested("released"), None),
        (MustAbort("bad PDU"), "node"),
        (Stopping("stopping"), "stop of the node"),
        (PeerAborted("aborted"), "peer"),
        (Disconnected("gone"), "lost connection"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, AssociationEnded) else str(value),
)
def test_an_association_out_of_order_is_counted_by_who_ended_it(ending: AssociationEnded, by: str | None) -> None:
    board = Board()

    count_ending(Metrics(board), "CT1", ending)

    assert [series.key[1:] for series in board.series()] == ([("CT1", by)] if by else [])
