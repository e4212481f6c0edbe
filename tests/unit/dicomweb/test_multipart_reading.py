"""multipart/related bodies, cut at any place (RFC 2046 5.1)."""

from collections.abc import Iterable, Iterator
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dicomweb.multipart_reading import BrokenMultipart, MultipartReader, PartData, PartEnd, PartStart, TooManyParts

Part = tuple[dict[str, str], bytes]

_HOSTILE = st.lists(
    st.sampled_from([b"\r\n--B", b"--B--", b"\r\n", b"\r", b"--", b"-", b"B", b" ", b"x", b"\0", b"\r\n--BX"]),
    max_size=8,
).map(b"".join)


def read(body: bytes, *, cuts: Iterable[int] = (), boundary: str = "B", max_parts: int = 1000) -> list[Part]:
    """Return the parts of a body that comes in chunks cut at these places."""
    reader, found = MultipartReader(boundary, max_parts=max_parts), list[Part]()
    for chunk in chunks(body, cuts):
        for event in reader.feed(chunk):
            match event:
                case PartStart(headers):
                    found.append((dict(headers), b""))
                case PartData(data):
                    found[-1] = (found[-1][0], found[-1][1] + bytes(data))
                case PartEnd():
                    found[-1] = (found[-1][0] | {"ended": "yes"}, found[-1][1])
    reader.close()
    assert all(headers.pop("ended", "") for headers, _ in found)
    return found


def chunks(body: bytes, cuts: Iterable[int]) -> Iterator[bytes]:
    """Yield a body in pieces."""
    places = sorted({0, len(body), *(cut % (len(body) + 1) for cut in cuts)})
    return (body[start:end] for start, end in pairwise(places))


def written(parts: Iterable[bytes]) -> bytes:
    """Return a body with these contents."""
    return b"".join(b"--B\r\nContent-Type: a/b\r\n\r\n" + content + b"\r\n" for content in parts) + b"--B--\r\n"


@settings(max_examples=150, deadline=None)
@given(contents=st.lists(_HOSTILE | st.binary(max_size=30), min_size=1, max_size=4), cuts=st.lists(st.integers(0, 300)))
def test_parts_come_out_as_they_went_in_wherever_the_body_is_cut(contents: list[bytes], cuts: list[int]) -> None:
    safe = [(b"\r\n" + content).replace(b"\r\n--B", b"\r\n--b")[2:] for content in contents]

    assert [content for _, content in read(written(safe), cuts=cuts)] == safe


@pytest.mark.parametrize("size", [1, 2, 3, 7])
def test_a_body_may_come_in_the_smallest_pieces(size: int) -> None:
    body = b"preamble\r\n" + written([b"one\r\n--BB\r\n", b"", b"\r\n--", bytes(1000)]) + b"epilogue --B\r\n"

    found = read(body, cuts=range(0, len(body), size))

    assert [content for _, content in found] == [b"one\r\n--BB\r\n", b"", b"\r\n--", bytes(1000)]


def test_a_part_without_content_shares_its_line_end_with_the_delimiter() -> None:
    body = b"--B\r\nContent-Type: a/b\r\n\r\n--B\r\n\r\nno headers\r\n--B--"

    for cut in range(len(body)):
        assert read(body, cuts=[cut]) == [({"content-type": "a/b"}, b""), ({}, b"no headers")]


def test_blanks_may_stand_behind_a_delimiter_and_headers_may_be_folded() -> None:
    body = b"--B \t \r\nContent-Type: a/b;\r\n  c=d\r\nX: y:z\r\n\r\nabc\r\n--B--  \r\n"

    assert read(body) == [({"content-type": "a/b; c=d", "x": "y:z"}, b"abc")]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"nothing of the kind",
        b"--B\r\nContent-Type: a/b\r\n\r\nabc",
        b"--B\nContent-Type: a/b\n\nabc\n--B--\n",
        b"--B\r\nContent-Type: a/b\n\r\n\r\nabc\r\n--B--",
        b"--B\r\nno colon\r\n\r\nabc\r\n--B--",
        b"--B\r\nA: 1\r\na: 2\r\n\r\nabc\r\n--B--",
        b"--B\r\n" + b"X: y\r\n" * 5000 + b"\r\nabc\r\n--B--",
        b"--B\r\n" + b"".join(b"X%d: y\r\n" % n for n in range(40)) + b"\r\nabc\r\n--B--",
        b"--B\r\n",
    ],
    ids=["empty", "no-boundary", "no-end", "line-feeds", "mixed-ends", "no-colon", "twice", "long", "many", "cut-off"],
)
def test_what_is_no_multipart_body_is_refused(body: bytes) -> None:
    with pytest.raises(BrokenMultipart):
        read(body)


def test_a_closing_delimiter_alone_is_a_body_without_parts() -> None:
    assert read(b"--B--\r\n") == []


def test_more_parts_than_allowed_are_refused() -> None:
    with pytest.raises(TooManyParts):
        read(written([b"x"] * 4), max_parts=3)


@pytest.mark.parametrize("boundary", ["", "x" * 71, "a\r\nb", "\u00e9"])
def test_a_boundary_that_none_may_be_is_refused(boundary: str) -> None:
    with pytest.raises(BrokenMultipart):
        MultipartReader(boundary, max_parts=1)


def test_what_is_kept_does_not_grow_with_the_part() -> None:
    reader = MultipartReader("B", max_parts=1)
    list(reader.feed(b"--B\r\n\r\n"))

    passed = sum(
        len(event.data) for _ in range(100) for event in reader.feed(bytes(10_000)) if isinstance(event, PartData)
    )

    assert passed > 999_000
