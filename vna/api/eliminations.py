"""Eliminations over REST: `/eliminations`, each at `/eliminations/{number}`, with `/decisions`, `/kept` and `/cancel`.

Nothing is proposed or carried out here: these decide only.
"""

from datetime import UTC, datetime

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from vna.api.exchange import Body, actor_of, is_asked, json_answer, path_number, with_body
from vna.archive import (
    Archive,
    EliminationState,
    Statement,
    Visa,
    told_elimination,
    told_elimination_standing,
)
from vna.errors import NotFound
from vna.events import StepDecision
from vna.model import InstanceUID, Scope
from vna.web.problem import Problem

_OVER = (EliminationState.CERTIFIED, EliminationState.REFUSED, EliminationState.CANCELLED)


def routes(archive: Archive) -> list[Route]:
    """Return the routes."""
    eliminations = archive.eliminations

    def listed(request: Request) -> Response:
        with_all, found = is_asked(request, "all"), eliminations.all(_now())
        return json_answer([told_elimination_standing(each) for each in found if with_all or each.state not in _OVER])

    def show(request: Request) -> Response:
        return json_answer(told_elimination(eliminations.show(path_number(request), _now())))

    def decide(request: Request, body: Body) -> Response:
        body.only("role", "decision", "reference", "reference_date", "document", "comment")
        said = Statement(actor_of(request, body), body.text("comment", ""))
        number = path_number(request)
        eliminations.decide(number, body.text("role"), _decision(body), said, _visa(body))
        return json_answer(told_elimination_standing(eliminations.standing(number, _now())), 201)

    def keep(request: Request, body: Body) -> Response:
        body.only("items", "cause", "comment")
        number, said = path_number(request), Statement(actor_of(request, body), body.text("comment", ""))
        eliminations.keep(number, _scopes(archive, number, body.texts("items")), body.text("cause"), said)
        return json_answer(told_elimination_standing(eliminations.standing(number, _now())), 201)

    def cancel(request: Request, body: Body) -> Response:
        body.only("comment")
        number = path_number(request)
        eliminations.cancel(number, Statement(actor_of(request, body), body.text("comment", "")))
        return json_answer(told_elimination_standing(eliminations.standing(number, _now())))

    return [
        Route("/eliminations", listed, methods=["GET"]),
        Route("/eliminations/{number:int}", show, methods=["GET"]),
        Route("/eliminations/{number:int}/decisions", with_body(decide), methods=["POST"]),
        Route("/eliminations/{number:int}/kept", with_body(keep), methods=["POST"]),
        Route("/eliminations/{number:int}/cancel", with_body(cancel), methods=["POST"]),
    ]


def _now() -> datetime:
    return datetime.now(UTC)


def _decision(body: Body) -> StepDecision:
    try:
        return StepDecision(body.text("decision"))
    except ValueError as exc:
        raise Problem(400, f"decision is one of {', '.join(StepDecision)}") from exc


def _visa(body: Body) -> Visa:
    document = body.text("document", "")
    return Visa(body.text("reference", ""), body.day("reference_date"), InstanceUID(document) if document else None)


def _scopes(archive: Archive, number: int, studies: tuple[str, ...]) -> list[Scope]:
    """Return the items of these studies, which are named by UID."""
    items = archive.eliminations.show(number, _now()).items
    scopes = [item.scope for item in items if item.scope.study in studies and item.stands]
    missing = set(studies) - {scope.study for scope in scopes}
    if missing:
        raise NotFound(f"elimination {number} lists nothing that stands of {', '.join(sorted(missing))}")
    return scopes
