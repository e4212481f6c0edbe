"""What an arrival amounts to: the table of the module, row by row."""

from dataclasses import replace

import pytest

from arrivals import PACS_A, PACS_B, arrival, digest_of
from vna.events import Compare, Decision, HeldVersion, decide
from vna.model import Outcome, VersionState

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
