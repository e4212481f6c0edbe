"""Problem answers: what could not be done, as JSON (RFC 9457), in words an administrator understands."""

import logging
from collections.abc import Collection, Mapping
from http import HTTPStatus
from typing import Final

import orjson
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from vna.errors import (
    Ambiguous,
    CannotConvert,
    CannotUnderstand,
    ClockNotTrusted,
    DataSetMismatch,
    EliminatedBefore,
    Held,
    IdentifierMismatch,
    LimitedBefore,
    NotFound,
    NotOnline,
    NotPermitted,
    NotPlausible,
    OutOfResources,
    RejectedBefore,
    TooFewVerified,
    VnaError,
)
from vna.web.methods import methods_of_resource
from vna.web.middleware import HttpMiddleware

log = logging.getLogger(__name__)

MEDIA_TYPE: Final = "application/problem+json"
RETRY_AFTER_S: Final = 30

_STATUSES: Final[Mapping[type[VnaError], int]] = {
    NotFound: 404,
    OutOfResources: 503,
    NotOnline: 503,
    ClockNotTrusted: 503,
    TooFewVerified: 409,
    DataSetMismatch: 409,
    CannotUnderstand: 400,
    RejectedBefore: 409,
    EliminatedBefore: 409,
    LimitedBefore: 409,
    Ambiguous: 400,
    IdentifierMismatch: 400,
    CannotConvert: 406,
    Held: 409,
    NotPermitted: 403,
    NotPlausible: 422,
}


class Problem(Exception):
    """A request that is answered with a problem.

    Args:
        status: of HTTP.
        detail: what is wrong and what to do, without patient data.
        title: what kind of problem it is; without it the words of the status.
        dicom_status: the DICOM status that says the same (PS3.7 Annex C, PS3.4), if there is one.
        headers: further headers of the answer.
    """

    def __init__(
        self,
        status: int,
        detail: str,
        *,
        title: str = "",
        dicom_status: int | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status, self.detail, self.dicom_status = status, detail, dicom_status
        self.title = title or HTTPStatus(status).phrase
        self.headers = dict(headers or {})


def problem_of(error: VnaError) -> Problem:
    """Return the problem that an error of the archive is to a web client."""
    status = next((status for kind, status in _STATUSES.items() if isinstance(error, kind)), 500)
    headers = {"Retry-After": str(RETRY_AFTER_S)} if status == 503 else {}
    return Problem(status, str(error), dicom_status=error.status, headers=headers)


def answer(problem: Problem) -> Response:
    """Return the answer of a problem."""
    content: dict[str, object] = {
        "type": "about:blank",
        "title": problem.title,
        "status": problem.status,
        "detail": problem.detail,
    }
    if problem.dicom_status is not None:
        content["dicomStatus"] = f"{problem.dicom_status:04X}"
    headers = {"Cache-Control": "no-store"} | problem.headers
    return Response(orjson.dumps(content), problem.status, headers=headers, media_type=MEDIA_TYPE)


def on_problem(_request: Request, error: Exception) -> Response:
    """Answer a Problem or a VnaError that an endpoint raised."""
    problem = problem_of(error) if isinstance(error, VnaError) else error
    assert isinstance(problem, Problem)  # noqa: S101 - registered for these alone
    if problem.status >= 500:
        log.warning("web request failed status=%d reason=%s", problem.status, problem.detail)
    return answer(problem)


def on_http_exception(request: Request, error: Exception) -> Response:
    """Answer what the router refuses: no such resource, or no such method."""
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for these alone
    if error.status_code == 405:  # the router names the methods of one route alone
        return answer(no_such_method(methods_of_resource(request)))
    return answer(Problem(error.status_code, _words(error), headers=error.headers))


def no_such_method(methods: Collection[str]) -> Problem:
    """Return the problem of a method that a resource does not take; it takes these."""
    allow = {"Allow": ", ".join(sorted(methods))}
    return Problem(405, "this resource does not take this method", headers=allow)


def on_disconnect(_request: Request, _error: Exception) -> Response:
    """Answer nobody: the client has gone."""
    return Response(status_code=400)


class Faults(HttpMiddleware):
    """ASGI: answers what nobody foresaw, and logs it; an answer that was begun is cut off."""

    async def serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        begun = False

        async def send_noted(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await self.inner(scope, receive, send_noted)
        except Problem as problem:  # of what stands around the routes
            if not begun:
                await answer(problem)(scope, receive, send)
        except Exception:
            log.exception("web request failed method=%s", scope["method"])
            if not begun:
                await answer(Problem(500, "the node failed to answer; its log says why"))(scope, receive, send)


def _words(error: HTTPException) -> str:
    if error.status_code == 404:
        return "there is no such resource here"
    return error.detail


EXCEPTION_HANDLERS: Final = {
    Problem: on_problem,
    VnaError: on_problem,
    HTTPException: on_http_exception,
    ClientDisconnect: on_disconnect,
}
"""For a Starlette application."""
