"""Holds over REST: `/holds`, each at `/holds/{number}`, and its `/release`."""

from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from vna.api.exchange import Body, actor_of, is_asked, json_answer, path_number, with_body
from vna.archive import Archive, Hold, HoldTarget, HoldTerms, told_covered, told_hold
from vna.events import HoldKind
from vna.web.problem import Problem

_TARGET = ("study", "series", "issuer", "patient_id", "query")
_TERMS = ("kind", "reason", "case_number", "from_date", "until_date")


def routes(archive: Archive) -> list[Route]:
    """Return the routes."""

    def listed(request: Request) -> Response:
        holds = archive.holds.all() if is_asked(request, "all") else archive.holds.standing()
        return json_answer([told_hold(hold) for hold in holds])

    def place(request: Request, body: Body) -> Response:
        body.only(*_TARGET, *_TERMS)
        hold = archive.holds.place(_target(archive, body), _terms(body), actor_of(request, body))
        return json_answer(_with_covered(archive, hold), 201)

    def show(request: Request) -> Response:
        return json_answer(_with_covered(archive, archive.holds.get(path_number(request))))

    def release(request: Request, body: Body) -> Response:
        body.only("reason")
        hold = archive.holds.release(path_number(request), actor_of(request, body), body.text("reason"))
        return json_answer(told_hold(hold))

    return [
        Route("/holds", listed, methods=["GET"]),
        Route("/holds", with_body(place), methods=["POST"]),
        Route("/holds/{number:int}", show, methods=["GET"]),
        Route("/holds/{number:int}/release", with_body(release), methods=["POST"]),
    ]


def _target(archive: Archive, body: Body) -> HoldTarget:
    patient_id = body.text("patient_id", "")
    issuer = body.text("issuer", "")
    return HoldTarget(
        study=body.text("study", ""),
        series=body.text("series", ""),
        issuer=archive.patients.named(patient_id, issuer) if patient_id else issuer,
        patient_id=patient_id,
        query=tuple(body.mapping("query").items()),
    )


def _terms(body: Body) -> HoldTerms:
    try:
        kind = HoldKind(body.text("kind"))
    except ValueError as exc:
        raise Problem(400, f"kind is one of {', '.join(HoldKind)}") from exc
    return HoldTerms(
        kind, body.text("reason"), body.text("case_number", ""), body.day("from_date"), body.day("until_date")
    )


def _with_covered(archive: Archive, hold: Hold) -> dict[str, Any]:
    return {**told_hold(hold), "covers": told_covered(archive.holds.covered(hold))}
