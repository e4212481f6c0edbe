"""Store requests over DICOMweb in tests: bodies, and what the answers say (PS3.18 10.5, Annex I)."""

from collections.abc import Iterable, Mapping
from typing import Any

from httpx2 import Response
from starlette.testclient import TestClient

BOUNDARY = "a-boundary"
JSON = "application/dicom+json"
DICOM = "application/dicom"

Part = tuple[Mapping[str, str], bytes]


def body_of(parts: Iterable[Part]) -> bytes:
    """Return a multipart body."""
    pieces = []
    for headers, content in parts:
        head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        pieces.append(f"--{BOUNDARY}\r\n{head}\r\n".encode() + content + b"\r\n")
    return b"".join(pieces) + f"--{BOUNDARY}--\r\n".encode()


def post(client: TestClient, parts: Iterable[Part], *, type_: str = DICOM, path: str = "/studies") -> Response:
    """Store what some parts hold."""
    headers = {"Content-Type": f'multipart/related; type="{type_}"; boundary={BOUNDARY}', "Accept": JSON}
    return client.post(f"/dicom-web{path}", content=body_of(parts), headers=headers)


def post_files(client: TestClient, *files: bytes, path: str = "/studies") -> Response:
    """Store DICOM files."""
    return post(client, [({"Content-Type": DICOM}, file) for file in files], path=path)


def items(answer: Response, tag: str) -> list[dict[str, Any]]:
    """Return the items of a sequence of the answer, each with the first value of its attributes by tag."""
    found = answer.json().get(tag, {}).get("Value", [])
    return [{name: element.get("Value", [None])[0] for name, element in item.items()} for item in found]


def stored(answer: Response) -> list[str]:
    """Return the SOP Instance UIDs of what is stored."""
    return [item["00081155"] for item in items(answer, "00081199")]


def reasons(answer: Response) -> list[int]:
    """Return the failure reasons of what is not stored, of named instances first."""
    return [item["00081197"] for tag in ("00081198", "0008119A") for item in items(answer, tag)]
