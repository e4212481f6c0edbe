"""Eliminations over REST: `/eliminations`, each at `/eliminations/{number}`, with `/decisions`, `/kept` and `/cancel`.

Nothing is proposed or carried out here: these decide only.
"""

from datetime import UTC, datetime

from starlette.requests import Request
from starlette.responses import Response

from vna.api.elimination_answers import EliminationTold, StandingTold
from vna.api.exchange import Body, actor_of, is_asked, json_answer, path_number
from vna.api.operations import ALL, Field, Kind, Operation, Resource
from vna.archive import (
    KEEPING_CAUSES,
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

_OVER = (EliminationState.CERTIFIED, EliminationState.REFUSED, EliminationState.CANCELLED)
_COMMENT = Field("comment", "in your own words; kept apart from the journal")
_LIST = Operation(
    "ListEliminations",
    "GET",
    "/eliminations",
    "List the eliminations that are not over.",
    list[StandingTold],
    query=(ALL,),
)
_SHOW = Operation(
    "ShowElimination",
    "GET",
    "/eliminations/{number:int}",
    "Show an elimination: its list, and who has decided.",
    EliminationTold,
)
_DECIDE = Operation(
    "DecideOnElimination",
    "POST",
    "/eliminations/{number:int}/decisions",
    "Decide in a role: each role in its turn, each by another person, none by who proposed.",
    StandingTold,
    fields=(
        Field("role", "the role, as the profile names it", required=True),
        Field("decision", "for it, or against", values=tuple(StepDecision), required=True),
        Field("reference", "number of the visa"),
        Field("reference_date", "date of the visa", Kind.DAY),
        Field("document", "SOP Instance UID of the signed paper"),
        _COMMENT,
    ),
    success=(201,),
)
_KEEP = Operation(
    "KeepItems",
    "POST",
    "/eliminations/{number:int}/kept",
    "Take studies from the list, which are kept.",
    StandingTold,
    fields=(
        Field("items", "their Study Instance UIDs", Kind.TEXTS, required=True),
        Field("cause", "why they are kept", values=tuple(KEEPING_CAUSES), required=True),
        _COMMENT,
    ),
    success=(201,),
)
_CANCEL = Operation(
    "CancelElimination",
    "POST",
    "/eliminations/{number:int}/cancel",
    "End an elimination of which nothing has gone.",
    StandingTold,
    fields=(_COMMENT,),
)


def routes(archive: Archive) -> list[Resource]:
    """Return the routes."""
    eliminations = archive.eliminations

    def listed(request: Request) -> Response:
        with_all, found = is_asked(request, "all"), eliminations.all(_now())
        return json_answer([told_elimination_standing(each) for each in found if with_all or each.state not in _OVER])

    def show(request: Request) -> Response:
        return json_answer(told_elimination(eliminations.show(path_number(request), _now())))

    def decide(request: Request, body: Body) -> Response:
        said = Statement(actor_of(request, body), body.text("comment", ""))
        number = path_number(request)
        eliminations.decide(number, body.text("role"), body.choice("decision", StepDecision), said, _visa(body))
        return json_answer(told_elimination_standing(eliminations.standing(number, _now())), 201)

    def keep(request: Request, body: Body) -> Response:
        number, said = path_number(request), Statement(actor_of(request, body), body.text("comment", ""))
        eliminations.keep(number, _scopes(archive, number, body.texts("items")), body.text("cause"), said)
        return json_answer(told_elimination_standing(eliminations.standing(number, _now())), 201)

    def cancel(request: Request, body: Body) -> Response:
        number = path_number(request)
        eliminations.cancel(number, Statement(actor_of(request, body), body.text("comment", "")))
        return json_answer(told_elimination_standing(eliminations.standing(number, _now())))

    return [
        Resource(_LIST, listed),
        Resource(_SHOW, show),
        Resource.with_body(_DECIDE, decide),
        Resource.with_body(_KEEP, keep),
        Resource.with_body(_CANCEL, cancel),
    ]


def _now() -> datetime:
    return datetime.now(UTC)


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
