"""A DICOMweb client (PS3.18) as small as checks allow, on the HTTP of the standard library."""

import http.client
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode, urlsplit
from xml.etree import ElementTree as ET

from conformance.checks.multipart import Part, name_of, parts_of
from conformance.checks.verdicts import Failed, expect

JSON = "application/dicom+json"
NATIVE = "{http://dicom.nema.org/PS3.19/models/NativeDICOM}"
_JSON_TYPES = (JSON, "application/json")


@dataclass(frozen=True, slots=True)
class WebAnswer:
    """An HTTP answer; header names are in lower case. Of a header that came several times all values are kept."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def content_type(self) -> str:
        """The media type with its parameters, empty where there is none."""
        return self.headers.get("content-type", "")

    @property
    def media_type(self) -> str:
        """The media type without its parameters, in lower case."""
        return name_of(self.content_type)

    def items(self) -> list[dict[str, Any]]:
        """Return the data sets of a DICOM JSON answer (PS3.18 Annex F); 204 has none.

        Raises:
            Failed: it is no such answer.
        """
        if self.status == http.client.NO_CONTENT:
            return []
        expect(self.status in (http.client.OK, http.client.PARTIAL_CONTENT), f"the answer is {self.status}")
        expect(self.media_type in _JSON_TYPES, f"the media type is {self.media_type!r}")
        found = json.loads(self.body)
        if not isinstance(found, list):
            raise Failed("the answer is no JSON array")
        return found

    def item(self) -> dict[str, Any]:
        """Return the data set of an answer that has one, such as that of a store.

        Raises:
            Failed: it is no JSON object.
        """
        expect(self.media_type in _JSON_TYPES, f"the media type is {self.media_type!r}")
        found = json.loads(self.body)
        found = found[0] if isinstance(found, list) and len(found) == 1 else found
        if not isinstance(found, dict):
            raise Failed("the answer is no data set")
        return found

    def typed_parts(self) -> list[Part]:
        """Return the parts of a multipart answer.

        Raises:
            Failed: it is no multipart answer.
        """
        expect(self.status in (http.client.OK, http.client.PARTIAL_CONTENT), f"the answer is {self.status}")
        return parts_of(self.content_type, self.body)

    def parts(self) -> list[bytes]:
        """Return the parts of a multipart answer without their headers."""
        return [part.body for part in self.typed_parts()]

    def native_models(self) -> list[ET.Element]:
        """Return the data sets of a multipart answer in XML (PS3.19 A.1).

        Raises:
            Failed: a part is no Native DICOM Model.
        """
        models = []
        for part in self.typed_parts():
            expect(part.media_type == "application/dicom+xml", f"a part is of media type {part.media_type!r}")
            model = ET.fromstring(part.body)  # noqa: S314 - of a node that is being tried, in a process that may end
            expect(model.tag.endswith("NativeDicomModel"), f"the root of a part is {model.tag}")
            models.append(model)
        return models


def value(item: Mapping[str, Any], tag: str) -> Any:
    """Return the first value of an attribute of DICOM JSON, None where it has none."""
    return next(iter(item.get(tag, {}).get("Value", [])), None)


@dataclass(frozen=True, slots=True)
class WebClient:
    """Requests of one DICOMweb root, each on a connection of its own. `headers` go with every one, such as a token."""

    root: str
    timeout_s: float = 10
    headers: Mapping[str, str] | None = None

    def request(
        self, method: str, path: str, *, headers: Mapping[str, str] | None = None, body: bytes = b"", query: str = ""
    ) -> WebAnswer:
        """Send a request for a path below the root, or for a whole URL of the same server."""
        root = urlsplit(self.root)
        target = _target(path, root.path)
        kind = http.client.HTTPSConnection if root.scheme == "https" else http.client.HTTPConnection
        connection = kind(root.hostname or "", root.port, timeout=self.timeout_s)
        try:
            asked = f"{target}{'&' if '?' in target else '?'}{query}" if query else target
            connection.request(method, asked, body or None, {**(self.headers or {}), **(headers or {})})
            answer = connection.getresponse()
            return WebAnswer(answer.status, _headers(answer), answer.read())
        finally:
            connection.close()

    def get(self, path: str, *, accept: str = JSON, query: Mapping[str, str] | None = None) -> WebAnswer:
        """Get a resource; an empty `accept` sends no Accept header."""
        asked = urlencode(query, quote_via=quote, safe="*,/?") if query else ""
        return self.request("GET", path, headers={"Accept": accept} if accept else {}, query=asked)


def _target(path: str, root: str) -> str:
    """Return what is asked for; of a whole URL that is its path, as checks may run through a tunnel."""
    if path.startswith(("http://", "https://")):
        parts = urlsplit(path)
        return f"{parts.path}?{parts.query}" if parts.query else parts.path
    return root.rstrip("/") + path


def _headers(answer: http.client.HTTPResponse) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, text in answer.getheaders():
        key = name.lower()
        found[key] = f"{found[key]}, {text}" if key in found else text
    return found
