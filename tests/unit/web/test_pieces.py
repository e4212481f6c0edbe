"""Small pieces of an answer are sent together, and nothing is lost or put in another order."""

import asyncio
from collections.abc import MutableMapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vna.web.pieces import Pieces, gathered

SIZES = st.sampled_from([0, 1, 100, 40_000, 65_535, 65_536, 200_000])


@given(st.lists(SIZES))
def test_the_bytes_are_the_same(sizes: list[int]) -> None:
    chunks = [bytes([number % 256]) * size for number, size in enumerate(sizes)]

    assert b"".join(gathered(iter(chunks))) == b"".join(chunks)


def test_a_large_piece_is_not_copied_and_small_ones_are_one() -> None:
    large = bytes(100_000)

    assert list(gathered([b"a", b"b", large, b"c", b"d"])) == [b"ab", large, b"cd"]
    assert next(iter(gathered([large]))) is large
    assert max(map(len, gathered([b"x" * 60_000] * 10))) < 2**17


@pytest.mark.parametrize(("sizes", "sent"), [((1, 2, 3), [6]), ((600_000, 600_000), [600_000, 600_000])])
def test_an_answer_of_small_pieces_is_sent_at_once(sizes: tuple[int, ...], sent: list[int]) -> None:
    messages = list[MutableMapping[str, Any]]()

    async def send(message: MutableMapping[str, Any]) -> None:
        messages.append(message)

    async def receive() -> MutableMapping[str, Any]:
        raise AssertionError

    asyncio.run(Pieces([bytes(size) for size in sizes])({"type": "http", "method": "GET"}, receive, send))

    assert [len(message["body"]) for message in messages[1:]] == sent
    assert [message["more_body"] for message in messages[1:]] == [True] * (len(sent) - 1) + [False]
