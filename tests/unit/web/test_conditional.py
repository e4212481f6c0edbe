"""ETags, 304, ranges, and when a range is not honoured."""

import pytest
from starlette.requests import Request

from vna.web.conditional import byte_range, entity_tag, not_modified
from vna.web.problem import Problem


def request(method: str = "GET", **headers: str | list[str]) -> Request:
    raw = [
        (name.replace("_", "-").encode(), value.encode())
        for name, values in headers.items()
        for value in ([values] if isinstance(values, str) else values)
    ]
    return Request({"type": "http", "method": method, "headers": raw, "query_string": b"", "path": "/"})


def test_an_entity_tag_tells_its_parts_apart() -> None:
    tags = {entity_tag(["a", "bc"]), entity_tag(["ab", "c"]), entity_tag(["abc"]), entity_tag(["abc"], weak=True)}

    assert len(tags) == 4
    assert entity_tag([1, "a"]) == entity_tag(["1", "a"])


@pytest.mark.parametrize("header", ['"a"', 'W/"a"', '"b", "a"', "*", ' "x" , W/"a"', ['"b"', '"a"']], ids=str)
def test_what_the_client_holds_is_not_sent_again(header: str | list[str]) -> None:
    answer = not_modified(request(if_none_match=header), '"a"', vary="Accept, Accept-Encoding")

    assert answer is not None
    assert (answer.status_code, answer.headers["etag"]) == (304, '"a"')
    assert answer.headers["vary"] == "Accept, Accept-Encoding"


@pytest.mark.parametrize("header", ['"a"', '"b", "a"', "*", ['"b"', '"a"']], ids=str)
def test_what_the_client_wants_as_it_holds_it_is_sent(header: str | list[str]) -> None:
    assert not_modified(request(if_match=header), '"a"') is None


@pytest.mark.parametrize(("header", "etag"), [('"b"', '"a"'), ('W/"a"', '"a"'), ('W/"a"', 'W/"a"'), ("", '"a"')])
def test_what_the_client_does_not_hold_as_it_is_now_is_not_sent(header: str, etag: str) -> None:
    with pytest.raises(Problem) as refused:
        not_modified(request(if_match=header, range="bytes=0-1"), etag)

    assert refused.value.status == 412


@pytest.mark.parametrize("header", ['"b"', "a", '"A"', ""])
def test_anything_else_is_sent(header: str) -> None:
    assert not_modified(request(if_none_match=header), '"a"') is None
    assert not_modified(request(), '"a"') is None


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("bytes=0-0", range(1)),
        ("bytes=2-", range(2, 10)),
        ("bytes=-3", range(7, 10)),
        ("bytes=-30", range(10)),
        ("bytes=4-99", range(4, 10)),
        ("bytes=0-1,3-4", None),
        ("bytes=-", None),
        ("bytes=5-4", None),
        ("items=0-1", None),
        ("", None),
    ],
)
def test_ranges(header: str, expected: range | None) -> None:
    assert byte_range(request(range=header), 10) == expected


@pytest.mark.parametrize("header", ["bytes=10-", "bytes=10-20", "bytes=-0"])
def test_bytes_that_are_not_there(header: str) -> None:
    with pytest.raises(Problem) as refused:
        byte_range(request(range=header), 10)

    assert (refused.value.status, refused.value.headers["Content-Range"]) == (416, "bytes */10")


def test_a_range_of_something_that_has_changed_is_not_honoured() -> None:
    assert byte_range(request(range="bytes=0-1", if_range='"old"'), 10, '"new"') is None
    assert byte_range(request(range="bytes=0-1", if_range='"new"'), 10, '"new"') == range(2)
    assert byte_range(request(range="bytes=0-1", if_range='W/"new"'), 10, 'W/"new"') is None
    assert byte_range(request("POST", range="bytes=0-1"), 10) is None
