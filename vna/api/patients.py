"""Patient events over REST: `/patient-events`, and the `/withdraw` of each.

The patient stands in the body or in the query parameters `patient_id` and `issuer`: an issuer may hold slashes.
"""

from typing import TypedDict

from starlette.requests import Request
from starlette.responses import Response

from vna.api.exchange import Body, actor_of, json_answer, path_number
from vna.api.operations import Field, Kind, Operation, Resource
from vna.archive import Archive, told_fact
from vna.events import FactKind, PatientFact
from vna.web.problem import Problem

_PATIENT = Field("patient_id", "Patient ID", required=True)
_ISSUER = Field("issuer", "issuer of the patient's ID, where it is known of several or of none")


class _AddedTold(TypedDict):
    """What became of an event that was told; it has no new number where it was known before."""

    number: int | None
    known_before: bool
    has_images: bool


class _FactTold(TypedDict):
    """An event of a patient; `time` says when it was recorded, UTC in ISO 8601, and `feed` where it came from."""

    number: int
    issuer: str
    patient_id: str
    kind: FactKind
    date: str
    establishment: str
    code: str
    system: str
    feed: str
    time: str
    actor: str
    withdrawn: bool


class _WithdrawnTold(TypedDict):
    """What became of an event that is not true."""

    number: int
    withdrawn: bool


_ADD = Operation(
    "AddPatientEvent",
    "POST",
    "/patient-events",
    "Record an event of a patient, who need not have images yet; 200 where it is known already.",
    _AddedTold,
    fields=(
        _PATIENT,
        _ISSUER,
        Field("kind", "what happened", values=tuple(FactKind), required=True),
        Field("date", "when", Kind.DAY, required=True),
        Field("establishment", "where, such as a FINESS number"),
        Field("code", "the claim's number, the flag's name, the diagnosis, or confirmed, doubtful or conflict"),
        Field("system", "the coding system of a diagnosis, such as ICD-10"),
    ),
    success=(200, 201),
)
_LIST = Operation(
    "ListPatientEvents",
    "GET",
    "/patient-events",
    "List what is known of a patient.",
    list[_FactTold],
    query=(_PATIENT, _ISSUER),
)
_WITHDRAW = Operation(
    "WithdrawPatientEvent",
    "POST",
    "/patient-events/{number:int}/withdraw",
    "Say that an event is not true: it is kept, and counts no longer.",
    _WithdrawnTold,
    fields=(Field("reason", "why it is not true; kept apart from the journal", required=True),),
)


def routes(archive: Archive) -> list[Resource]:
    """Return the routes."""

    def add(request: Request, body: Body) -> Response:
        told = archive.patients.add(_fact(archive, body), actor_of(request, body))
        status = 200 if told.number is None else 201
        return json_answer(
            {"number": told.number, "known_before": told.number is None, "has_images": told.has_images}, status
        )

    def listed(request: Request) -> Response:
        patient_id = request.query_params.get("patient_id", "")
        if not patient_id:
            raise Problem(400, "patient_id is missing")
        issuer = archive.patients.named(patient_id, request.query_params.get("issuer", ""))
        return json_answer([told_fact(each) for each in archive.patients.events(issuer, patient_id)])

    def withdraw(request: Request, body: Body) -> Response:
        fact = archive.patients.withdraw(path_number(request), actor_of(request, body), body.text("reason"))
        return json_answer({"number": fact.number, "withdrawn": True})

    return [
        Resource(_LIST, listed),
        Resource.with_body(_ADD, add),
        Resource.with_body(_WITHDRAW, withdraw),
    ]


def _fact(archive: Archive, body: Body) -> PatientFact:
    kind = body.choice("kind", FactKind)
    patient_id = body.text("patient_id")
    return PatientFact(
        issuer=archive.patients.named(patient_id, body.text("issuer", "")),
        patient_id=patient_id,
        kind=kind,
        date=body.text("date"),
        establishment=body.text("establishment", ""),
        code=body.text("code", ""),
        system=body.text("system", ""),
        feed="rest",
    )
