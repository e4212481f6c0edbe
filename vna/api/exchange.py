"""What the resources of the REST interface share: bodies read as JSON objects, who does something, answers as JSON.

A body is an object of at most a megabyte. A key that a resource does not know is refused, for it can only be a slip.
"""

import unicodedata
from collections.abc import Awaitable, Callable, Mapping
from datetime import date
from enum import StrEnum
from typing import Any, Final, TypeGuard, TypeVar

import orjson
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from vna.model import parse_day
from vna.web.guard import client_address, principal_of
from vna.web.media_types import parse_media_type
from vna.web.problem import Problem

_JSON: Final = "application/json"
_LARGEST: Final = 2**20
LONGEST_TEXT: Final = 4096
"""Characters of a text in a body at most."""
_LARGEST_NUMBER: Final = 2**63 - 1
_ANONYMOUS: Final = "anonymous"
_BLANKS: Final = "\t\n\r"
BY: Final = "by"
"""The member of every body that names who does something."""

Handler = Callable[[Request, "Body"], Response]
"""Answers a request with a body; runs on a thread, so that it may block."""
Choice = TypeVar("Choice", bound=StrEnum)


class Body:
    """The JSON object that came with a request.

    Args:
        values: the object.
    """

    def __init__(self, values: Mapping[str, Any]) -> None:
        self._values = values

    def only(self, *known: str) -> None:
        """Refuse members that are none of these, but for `by`, which every resource knows.

        Raises:
            Problem: 400, there is another one.
        """
        others = sorted(self._values.keys() - {*known, BY})
        if others:
            raise Problem(400, f"unknown: {', '.join(others)}; known here are {', '.join(sorted({*known, BY}))}")

    def text(self, name: str, default: str | None = None) -> str:
        """Return a text without spaces around it; without a default it has to be there.

        Raises:
            Problem: 400, it is missing, empty, has control characters or is no text of at most 4096 characters.
        """
        value = self._values.get(name)
        if value is None and default is not None:
            return default
        if value is None:
            raise Problem(400, f"{name} is missing")
        if not _is_text(value):
            raise Problem(
                400, f"{name} has to be a text of at most {LONGEST_TEXT} characters, without control characters"
            )
        if not value.strip() and default is None:
            raise Problem(400, f"{name} is empty")
        return value.strip()

    def day(self, name: str) -> date | None:
        """Return a date; None where there is none.

        Raises:
            Problem: 400, it is no date, or one too far away.
        """
        value = self.text(name, "")
        try:
            return parse_day(value) if value else None
        except ValueError as exc:
            raise Problem(400, f"{name}: {exc}") from exc

    def choice(self, name: str, values: type[Choice]) -> Choice:
        """Return one of the values of an enumeration.

        Raises:
            Problem: 400, it is missing or another one.
        """
        try:
            return values(self.text(name))
        except ValueError as exc:
            raise Problem(400, f"{name} is one of {', '.join(values)}") from exc

    def texts(self, name: str) -> tuple[str, ...]:
        """Return an array of texts; empty where there is none.

        Raises:
            Problem: 400, it is no such array.
        """
        values = self._values.get(name, [])
        if not isinstance(values, list) or not all(map(_is_text, values)):
            raise Problem(400, f"{name} has to be an array of texts")
        return tuple(values)

    def mapping(self, name: str) -> Mapping[str, str]:
        """Return an object whose values are texts; empty where there is none.

        Raises:
            Problem: 400, it is no such object.
        """
        values = self._values.get(name, {})
        if not isinstance(values, dict) or not all(map(_is_text, values.values())):
            raise Problem(400, f"{name} has to be an object whose values are texts")
        return values


def _is_text(value: object) -> TypeGuard[str]:
    return (
        isinstance(value, str)
        and len(value) <= LONGEST_TEXT
        and not any(unicodedata.category(char) == "Cc" and char not in _BLANKS for char in value)
    )


def with_body(handle: Handler) -> Callable[[Request], Awaitable[Response]]:
    """Return the endpoint of a resource that takes a body."""

    async def endpoint(request: Request) -> Response:
        body = await _read(request)
        return await run_in_threadpool(handle, request, body)

    return endpoint


async def _read(request: Request) -> Body:
    """Return the body of a request; one without a body has an empty object.

    Raises:
        Problem: 400, 413 or 415.
    """
    data = bytearray()
    async for chunk in request.stream():
        data += chunk
        if len(data) > _LARGEST:
            raise Problem(413, "a body may have 1 MiB here at most", headers={"Connection": "close"})
    if not data:
        return Body({})
    if _media_type(request) != _JSON:
        raise Problem(415, f"a body has to be {_JSON}, and say so in Content-Type")
    try:
        values = orjson.loads(data)
    except orjson.JSONDecodeError as exc:
        raise Problem(400, "the body is no JSON") from exc
    if not isinstance(values, dict):
        raise Problem(400, "the body is no JSON object")
    return Body(values)


def _media_type(request: Request) -> str:
    try:
        return parse_media_type(request.headers.get("content-type", "")).name
    except ValueError as exc:
        raise Problem(400, f"Content-Type: {exc}") from exc


def actor_of(request: Request, body: Body) -> str:
    """Return who does something, for the journal and for whoever has to be a second person.

    It is the name of the token. Where no tokens are set it is whom `by` names, else `anonymous@` and the address.

    Raises:
        Problem: 400, a token and `by` name two.
    """
    principal, named = principal_of(request), body.text(BY, "")
    if principal == _ANONYMOUS:
        return named or f"{_ANONYMOUS}@{client_address(request)}"
    if named not in ("", principal):
        raise Problem(400, "by is somebody else than the token stands for: with tokens it is the token that says who")
    return principal


def path_number(request: Request, name: str = "number") -> int:
    """Return a number in the path; a route declares it as `{number:int}`.

    Raises:
        Problem: 404, it is larger than the number of any event can be.
    """
    number = int(request.path_params[name])
    if number > _LARGEST_NUMBER:
        raise Problem(404, "there is nothing of this number here")
    return number


def is_asked(request: Request, name: str) -> bool:
    """Return whether a query parameter is true.

    Raises:
        Problem: 400, it is neither true nor false.
    """
    value = request.query_params.get(name, "false").lower()
    if value not in ("true", "false"):
        raise Problem(400, f"{name} is true or false")
    return value == "true"


def json_answer(value: object, status: int = 200) -> Response:
    """Return an answer in JSON; dataclasses, dates and enumerations are written as they are."""
    return Response(orjson.dumps(value), status, media_type=_JSON)
