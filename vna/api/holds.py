"""Holds over REST: `/holds`, each at `/holds/{number}`, and its `/release`."""

from typing import Any, TypedDict

from starlette.requests import Request
from starlette.responses import Response

from vna.api.exchange import Body, actor_of, is_asked, json_answer, path_number
from vna.api.operations import ALL, Field, Kind, Operation, Resource
from vna.archive import Archive, Hold, HoldTarget, HoldTerms, told_covered, told_hold
from vna.events import HoldKind, HoldLevel


class _CoveredTold(TypedDict):
    """A study that is covered, or one of its series."""

    study: str
    series: str | None


class _HoldTold(TypedDict):
    """A hold; dates and times are ISO 8601, empty where there is none, and so is who released it."""

    number: int
    kind: HoldKind
    level: HoldLevel
    issuer: str
    patient_id: str
    study: str
    series: str
    query: dict[str, str]
    reason: str
    case_number: str
    from_date: str
    until_date: str
    time: str
    actor: str
    released_at: int | None
    released_time: str
    released_by: str
    stands: bool


class _HoldShown(_HoldTold):
    """A hold with what it covers now."""

    covers: list[_CoveredTold]


_LIST = Operation("ListHolds", "GET", "/holds", "List the holds that stand.", list[_HoldTold], query=(ALL,))
_PLACE = Operation(
    "PlaceHold",
    "POST",
    "/holds",
    "Place a hold on one thing: a patient, a study, a series or what a query asks for.",
    _HoldShown,
    fields=(
        Field("kind", "why it is held", values=tuple(HoldKind), required=True),
        Field("reason", "why, in words; kept apart from the journal", required=True),
        Field("study", "Study Instance UID"),
        Field("series", "Series Instance UID"),
        Field("patient_id", "Patient ID"),
        Field("issuer", "issuer of the patient's ID, where it is known of several"),
        Field("query", "keywords and values as in C-FIND; what comes later is held too", Kind.MAPPING),
        Field("case_number", "number of the case"),
        Field("from_date", "first day; today without it", Kind.DAY),
        Field("until_date", "last day; until it is released without it", Kind.DAY),
    ),
    success=(201,),
)
_SHOW = Operation("ShowHold", "GET", "/holds/{number:int}", "Show a hold, and what it covers now.", _HoldShown)
_RELEASE = Operation(
    "ReleaseHold",
    "POST",
    "/holds/{number:int}/release",
    "Let go of a hold: another person than who placed it.",
    _HoldTold,
    fields=(Field("reason", "why it may go; kept apart from the journal", required=True),),
)


def routes(archive: Archive) -> list[Resource]:
    """Return the routes."""

    def listed(request: Request) -> Response:
        holds = archive.holds.all() if is_asked(request, "all") else archive.holds.standing()
        return json_answer([told_hold(hold) for hold in holds])

    def place(request: Request, body: Body) -> Response:
        hold = archive.holds.place(_target(archive, body), _terms(body), actor_of(request, body))
        return json_answer(_with_covered(archive, hold), 201)

    def show(request: Request) -> Response:
        return json_answer(_with_covered(archive, archive.holds.get(path_number(request))))

    def release(request: Request, body: Body) -> Response:
        hold = archive.holds.release(path_number(request), actor_of(request, body), body.text("reason"))
        return json_answer(told_hold(hold))

    return [
        Resource(_LIST, listed),
        Resource.with_body(_PLACE, place),
        Resource(_SHOW, show),
        Resource.with_body(_RELEASE, release),
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
    return HoldTerms(
        body.choice("kind", HoldKind),
        body.text("reason"),
        body.text("case_number", ""),
        body.day("from_date"),
        body.day("until_date"),
    )


def _with_covered(archive: Archive, hold: Hold) -> dict[str, Any]:
    return {**told_hold(hold), "covers": told_covered(archive.holds.covered(hold))}
