"""What a client accepts: media types and content codings."""

import pytest
from starlette.requests import Request

from vna.web.content_coding import choose_coding
from vna.web.media_types import MediaType, accepted, parse_media_type
from vna.web.problem import Problem


def request(query: str = "", **headers: str | list[str]) -> Request:
    raw = [
        (name.replace("_", "-").encode(), value.encode())
        for name, values in headers.items()
        for value in ([values] if isinstance(values, str) else values)
    ]
    return Request({"type": "http", "method": "GET", "headers": raw, "query_string": query.encode(), "path": "/"})


def names(asked: Request) -> list[str]:
    return [each.name for each in accepted(asked)]


@pytest.mark.parametrize(
    ("text", "name", "parameters", "q"),
    [
        ("Application/DICOM+json", "application/dicom+json", {}, 1),
        ('multipart/related; type="application/dicom"', "multipart/related", {"type": "application/dicom"}, 1),
        (
            "multipart/related;type=application/octet-stream;transfer-syntax=*;q=0.3",
            "multipart/related",
            {"type": "application/octet-stream", "transfer-syntax": "*"},
            0.3,
        ),
        ('a/b; x="1;2, \\"3\\""', "a/b", {"x": '1;2, "3"'}, 1),
        ("*/*", "*/*", {}, 1),
    ],
    ids=["case", "quoted", "unquoted", "separators in quotes", "any"],
)
def test_a_media_type_is_read(text: str, name: str, parameters: dict[str, str], q: float) -> None:
    found = parse_media_type(text)

    assert (found.name, dict(found.parameters), found.q) == (name, parameters, q)


@pytest.mark.parametrize("text", ["", "a", "a/", "/b", "a/b;c", "a/b; q=2", "a/b; q=x", 'a/b; c="d', "a b/c", "a/b/c"])
def test_what_is_no_media_type_is_refused_with_words(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse_media_type(text)


def test_the_best_liked_comes_first_and_ranges_after_what_they_cover() -> None:
    asked = request(accept="*/*, image/*, image/png;q=0.9, image/jpeg")

    assert names(asked) == ["image/jpeg", "image/*", "*/*", "image/png"]


def test_the_query_parameter_goes_before_the_header() -> None:
    asked = request("accept=application/dicom%2Bjson;q=0.001", accept="image/png")

    assert names(asked) == ["application/dicom+json", "image/png"]


def test_a_header_that_comes_again_is_not_read_again() -> None:
    first, again = (accepted(request(accept="image/png, image/jpeg;q=0.5")) for _ in range(2))

    assert [one is other for one, other in zip(first, again, strict=True)] == [True, True]


def test_saying_nothing_is_accepting_anything() -> None:
    assert names(request()) == ["*/*"]


@pytest.mark.parametrize("header", ["nonsense", "a/b; q=7", ", ".join(["a/b"] * 101)])
def test_an_accept_header_that_cannot_be_read_is_a_bad_request(header: str) -> None:
    with pytest.raises(Problem) as refused:
        accepted(request(accept=header))
    assert refused.value.status == 400


def test_a_range_covers_its_types() -> None:
    assert MediaType("*/*").covers("image/png")
    assert MediaType("image/*").covers("image/png")
    assert not MediaType("image/*").covers("imagex/png")
    assert not MediaType("image/png").covers("image/jpeg")


@pytest.mark.parametrize(
    ("header", "coding"),
    [
        ("", ""),
        ("gzip, deflate, br, zstd", "zstd"),
        ("gzip;q=1.0, zstd;q=0.5", "gzip"),
        ("zstd;q=0, br;q=0, gzip;q=0", ""),
        ("*", "zstd"),
        ("*;q=0.1, gzip;q=0.2", "gzip"),
        ("identity", ""),
        ("GZIP", "gzip"),
        ("zstd;q=x, br", "br"),
        (["identity", "gzip"], "gzip"),
    ],
    ids=str,
)
def test_the_coding_is_the_one_liked_best(header: str | list[str], coding: str) -> None:
    assert choose_coding(request(accept_encoding=header)) == coding
