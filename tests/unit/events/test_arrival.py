"""What an arrival amounts to: the table of the module, row by row."""

from dataclasses import replace

import pytest

from arrivals import PACS_A, PACS_B, arrival, digest_of
from vna.events import Compare, Decision, HeldVersion, Hidden, Refuse, decide
from vna.model import Outcome, RejectedAgain, VersionState

SERVED = HeldVersion(1, digest_of("a"), VersionState.SERVED, PACS_A.name)
ASIDE = HeldVersion(2, digest_of("b"), VersionState.ASIDE, PACS_B.name)
OLD = HeldVersion(1, digest_of("old"), VersionState.SUPERSEDED, PACS_A.name)


def compared(content: str, **same: bool) -> object:
    by_digest = {digest_of(name): value for name, value in same.items()}
    return replace(arrival(content), same_content=by_digest)


def test_nothing_held_is_stored() -> None:
    assert decide(arrival("x"), []) == Decision(Outcome.STORED, 1)


@pytest.mark.parametrize("content", ["a", "b"])
def test_the_digest_of_a_live_version_is_nothing_new(content: str) -> None:
    assert decide(arrival(content), [SERVED, ASIDE]) == Decision(Outcome.ALREADY_STORED, 1)


def test_other_bytes_are_compared_with_every_live_version_first() -> None:
    assert decide(arrival("x"), [OLD, SERVED, ASIDE]) == Compare((digest_of("a"), digest_of("b")))


def test_another_encoding_of_a_live_version_is_a_rendition() -> None:
    assert decide(compared("x", a=False, b=True), [SERVED, ASIDE]) == Decision(Outcome.RENDITION, 3)


def test_other_content_of_the_same_source_is_the_new_version() -> None:
    assert decide(compared("x", a=False), [SERVED]) == Decision(Outcome.NEW_VERSION, 2)


def test_other_content_of_another_source_is_kept_aside() -> None:
    other = replace(arrival("x", source=PACS_B), same_content={digest_of("a"): False})

    assert decide(other, [SERVED]) == Decision(Outcome.ASIDE, 2)


def test_a_superseded_version_is_not_live() -> None:
    now = replace(SERVED, version=2)

    assert decide(compared("old", a=False), [OLD, now]) == Decision(Outcome.NEW_VERSION, 3)


def test_a_rendition_sent_again_is_nothing_new_while_its_content_is_live() -> None:
    held = [SERVED, HeldVersion(2, digest_of("x"), VersionState.RENDITION, PACS_A.name)]

    assert decide(arrival("x"), held) == Compare((digest_of("a"),))
    assert decide(compared("x", a=True), held) == Decision(Outcome.ALREADY_STORED, 1)


@pytest.mark.parametrize("content", ["old", "x"])
def test_a_rendition_of_a_superseded_version_is_not_live(content: str) -> None:
    """The sender went back to what it sent first, in one encoding or the other: its newest word counts."""
    rendition = HeldVersion(2, digest_of("x"), VersionState.RENDITION, PACS_A.name)
    held = [OLD, rendition, replace(SERVED, version=3)]

    assert decide(compared(content, a=False), held) == Decision(Outcome.NEW_VERSION, 4)


NEW, IDENTICAL, OTHER = arrival("x"), arrival("a"), compared("x", a=False)


@pytest.mark.parametrize(
    ("again", "arrived", "held", "expected"),
    [
        (RejectedAgain.REFUSE, NEW, [], Refuse((7, 9))),
        (RejectedAgain.REFUSE, IDENTICAL, [SERVED], Refuse((7, 9))),
        (RejectedAgain.REFUSE, OTHER, [SERVED], Refuse((7, 9))),
        (RejectedAgain.REFUSE, NEW, [SERVED], Refuse((7, 9))),
        (RejectedAgain.RESTORE, NEW, [], Refuse((7, 9))),
        (RejectedAgain.RESTORE, IDENTICAL, [SERVED], Decision(Outcome.RESTORED, 1, (7, 9))),
        (RejectedAgain.RESTORE, arrival("b"), [SERVED, ASIDE], Decision(Outcome.RESTORED, 1, (7, 9))),
        (RejectedAgain.RESTORE, arrival("old"), [OLD, replace(SERVED, version=2)], Refuse((7, 9))),
        (RejectedAgain.RESTORE, OTHER, [SERVED], Refuse((7, 9))),
        (RejectedAgain.RESTORE, NEW, [SERVED], Refuse((7, 9))),
        (RejectedAgain.KEEP_HIDDEN, NEW, [], Decision(Outcome.STORED, 1, (7, 9))),
        (RejectedAgain.KEEP_HIDDEN, IDENTICAL, [SERVED], Decision(Outcome.ALREADY_STORED, 1, (7, 9))),
        (RejectedAgain.KEEP_HIDDEN, OTHER, [SERVED], Decision(Outcome.NEW_VERSION, 2, (7, 9))),
        (RejectedAgain.KEEP_HIDDEN, NEW, [SERVED], Compare((digest_of("a"),))),
    ],
    ids=[
        *("refuse-new", "refuse-identical", "refuse-other", "refuse-before-comparing"),
        *("restore-new", "restore-identical", "restore-identical-to-one-aside", "restore-identical-to-superseded"),
        *("restore-other", "restore-before-comparing"),
        *("keep-new", "keep-identical", "keep-other", "keep-compares"),
    ],
)
def test_what_arrives_under_a_rejection(
    again: RejectedAgain, arrived: object, held: list[HeldVersion], expected: object
) -> None:
    assert decide(arrived, held, Hidden((7, 9), again)) == expected
