"""A DICOMweb client (PS3.18) as small as checks allow: requests, JSON answers and multipart bodies."""

import http.client
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from conformance.checks.session import Session
from conformance.checks.verdicts import Failed, NotSupported, Skipped, expect

JSON = "application/dicom+json"
_NOT_OFFERED = (404, 405, 501)
_BOUNDARY = "conformance-check"


@dataclass(frozen=True, slots=True)
class WebAnswer:
    """An HTTP answer; header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def media_type(self) -> str:
        """The media type without its parameters, in lower case."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    def items(self) -> list[dict[str, Any]]:
        """Return the data sets of a DICOM JSON answer (PS3.18 Annex F); 204 has none.

        Raises:
            Failed: it is no such answer.
        """
        if self.status == http.client.NO_CONTENT:
            return []
        expect(self.status == http.client.OK, f"the answer is {self.status}")
        expect(self.media_type in (JSON, "application/json"), f"the media type is {self.media_type!r}")
        found = json.loads(self.body)
        if not isinstance(found, list):
            raise Failed("the answer is no JSON array")
        return found

    def parts(self) -> list[bytes]:
        """Return the parts of a multipart body without their headers (RFC 2387).

        Raises:
            Failed: it is no multipart body.
        """
        expect(self.status == http.client.OK, f"the answer is {self.status}")
        expect(self.media_type == "multipart/related", f"the media type is {self.media_type!r}")
        boundary = _parameter(self.headers["content-type"], "boundary")
        pieces = self.body.split(b"--" + boundary.encode())[1:-1]
        return [piece.partition(b"\r\n\r\n")[2].removesuffix(b"\r\n") for piece in pieces]


def value(item: Mapping[str, Any], tag: str) -> Any:
    """Return the first value of an attribute of DICOM JSON, None where it has none."""
    return next(iter(item.get(tag, {}).get("Value", [])), None)


def get(session: Session, path: str, *, accept: str = JSON, query: Mapping[str, str] | None = None) -> WebAnswer:
    """Get a resource below the DICOMweb root.

    Raises:
        Skipped: no root was given.
    """
    asked = f"?{urlencode(query, quote_via=quote, safe='*,')}" if query else ""
    return _request(session, "GET", path + asked, headers={"Accept": accept})


def post(session: Session, path: str, body: bytes, *, media_type: str) -> WebAnswer:
    """Post a body to a resource below the DICOMweb root."""
    return _request(session, "POST", path, headers={"Accept": JSON, "Content-Type": media_type}, body=body)


def post_instances(session: Session, *instances: bytes) -> WebAnswer:
    """Store Part 10 files (PS3.18 10.5)."""
    head = f"--{_BOUNDARY}\r\nContent-Type: application/dicom\r\n\r\n".encode()
    body = b"".join(head + instance + b"\r\n" for instance in instances) + f"--{_BOUNDARY}--\r\n".encode()
    return post(
        session, "/studies", body, media_type=f'multipart/related; type="application/dicom"; boundary={_BOUNDARY}'
    )


def expect_offered(session: Session) -> None:
    """See that the DICOMweb root is one.

    Raises:
        NotSupported: searching for studies is not offered there.
    """
    answer = get(session, "/studies", query={"limit": "1"})
    if answer.status in _NOT_OFFERED:
        raise NotSupported(f"GET /studies is answered with {answer.status}")


def _request(session: Session, method: str, path: str, *, headers: Mapping[str, str], body: bytes = b"") -> WebAnswer:
    if not session.target.web:
        raise Skipped("give --web URL")
    root = urlsplit(session.target.web)
    kind = http.client.HTTPSConnection if root.scheme == "https" else http.client.HTTPConnection
    connection = kind(root.hostname or "", root.port, timeout=session.target.timeout_s)
    try:
        connection.request(method, root.path.rstrip("/") + path, body or None, dict(headers))
        answer = connection.getresponse()
        return WebAnswer(answer.status, {name.lower(): text for name, text in answer.getheaders()}, answer.read())
    finally:
        connection.close()


def _parameter(header: str, name: str) -> str:
    for part in header.split(";")[1:]:
        key, _equals, text = part.strip().partition("=")
        if key.lower() == name:
            return text.strip('"')
    raise Failed(f"the media type has no {name}")
