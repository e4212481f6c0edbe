"""Checks of DICOMweb that are rows of a table: what is asked for, and the status and media type that come."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from conformance.checks.registry import Check, Run
from conformance.checks.session import Session
from conformance.checks.verdicts import Failed, NotSupported, expect
from conformance.checks.web import NOT_OFFERED, Subject, client, expect_offered, subject
from conformance.checks.web_client import JSON, WebAnswer

_OK = (200,)


@dataclass(frozen=True, slots=True)
class Row:
    """A request for an image, and what answers it.

    Args:
        path: with {study}, {series} and {instance} in place of the addresses of these levels.
        accept: the Accept header; empty sends none.
        status: of which one must come.
        media_type: of the answer, or of each part of a multipart answer where it begins with "parts ".
        optional: whether the section leaves it open: then a refusal means that it is not supported.
    """

    id: str
    title: str
    section: str
    path: str
    accept: str = ""
    query: str = ""
    status: tuple[int, ...] = _OK
    media_type: str = ""
    optional: bool = False
    method: str = "GET"
    about: str = "mr"
    headers: dict[str, str] = field(default_factory=dict)


def checks(rows: Iterable[Row]) -> tuple[Check, ...]:
    """Return a check of each row."""
    return tuple(Check(row.id, row.title, row.section, _runner(row)) for row in rows)


def _runner(row: Row) -> Run:
    def run(session: Session) -> str:
        expect_offered(session)
        return judge(row, ask(session, row, subject(session, row.about)))

    return run


def ask(session: Session, row: Row, of: Subject) -> WebAnswer:
    """Send the request of a row."""
    headers = dict(row.headers) | ({"Accept": row.accept} if row.accept else {})
    return client(session).request(row.method, of.path(row.path), headers=headers, query=row.query)


def judge(row: Row, answer: WebAnswer) -> str:
    """Return a remark on an answer that is what a row demands.

    Raises:
        Failed: it is not.
        NotSupported: the row is optional, and the node does not offer it.
    """
    if answer.status not in row.status:
        if row.optional and answer.status in (*NOT_OFFERED, 400):
            raise NotSupported(f"answered with {answer.status}")
        wanted = " or ".join(map(str, row.status))
        raise Failed(f"the status: {answer.status} instead of {wanted}")
    if row.media_type and answer.status in _OK:
        _expect_type(answer, row.media_type)
    return "" if row.status == _OK else f"{answer.status} {answer.media_type}".strip()


def _expect_type(answer: WebAnswer, wanted: str) -> None:
    if not wanted.startswith("parts "):
        expect(answer.media_type == wanted, f"the media type: {answer.media_type!r} instead of {wanted!r}")
        if wanted == JSON:
            expect(answer.items(), "there is nothing in the answer")
        return
    of_parts = wanted.removeprefix("parts ")
    parts = answer.typed_parts()
    expect(parts, "no part came")
    found = {part.media_type for part in parts}
    expect(found == {of_parts}, f"the media types of the parts: {sorted(found)} instead of {of_parts!r}")
