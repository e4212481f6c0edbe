"""Patient events over REST: `/patient-events`, and the `/withdraw` of each.

The patient stands in the body or in the query parameters `patient_id` and `issuer`: an issuer may hold slashes.
"""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from vna.api.exchange import Body, actor_of, json_answer, path_number, with_body
from vna.archive import Archive, told_fact
from vna.events import FactKind, PatientFact
from vna.web.problem import Problem

_FIELDS = ("patient_id", "issuer", "kind", "date", "establishment", "code", "system")


def routes(archive: Archive) -> list[Route]:
    """Return the routes."""

    def add(request: Request, body: Body) -> Response:
        body.only(*_FIELDS)
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
        body.only("reason")
        fact = archive.patients.withdraw(path_number(request), actor_of(request, body), body.text("reason"))
        return json_answer({"number": fact.number, "withdrawn": True})

    return [
        Route("/patient-events", listed, methods=["GET"]),
        Route("/patient-events", with_body(add), methods=["POST"]),
        Route("/patient-events/{number:int}/withdraw", with_body(withdraw), methods=["POST"]),
    ]


def _fact(archive: Archive, body: Body) -> PatientFact:
    try:
        kind = FactKind(body.text("kind"))
    except ValueError as exc:
        raise Problem(400, f"kind is one of {', '.join(FactKind)}") from exc
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
