"""The description of the REST interface: every route, and requests made from it by schemathesis."""

from collections.abc import Iterator

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.schemas import BaseSchema
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from starlette.routing import Route
from starlette.testclient import TestClient

from vna.api import api_routes
from vna.archive import Archive

CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
DOCUMENT = "/api/v1/openapi.json"


@pytest.fixture
def document(web: TestClient) -> Iterator[BaseSchema]:
    config = schemathesis.Config.from_dict({"generation": {"mode": "all"}})
    return schemathesis.openapi.from_dict(web.get(DOCUMENT).json(), config=config)


def test_the_document_names_every_route_its_fields_and_what_it_refuses(archive: Archive, web: TestClient) -> None:
    document = web.get(DOCUMENT).json()
    mounted = {
        (route.path.replace(":int", ""), method.lower())
        for route in api_routes(archive).routes
        if isinstance(route, Route) and route.path not in ("/", "/openapi.json")
        for method in (route.methods or set()) - {"HEAD"}
    }

    told = {(path, method) for path, about in document["paths"].items() for method in about if method != "parameters"}
    place = document["paths"]["/holds"]["post"]
    body = place["requestBody"]["content"]["application/json"]["schema"]

    assert told == mounted
    assert document["servers"] == [{"url": "http://127.0.0.1/api/v1"}]
    assert web.get("/api/v1/").json() == document
    assert (body["required"], body["properties"]["by"]["type"]) == (["kind", "reason"], "string")
    described = {
        operation["operationId"]: set(answer["content"]["application/json"])
        for about in document["paths"].values()
        for method, operation in about.items()
        if method != "parameters"
        for status, answer in operation["responses"].items()
        if status < "300" and "application/json" in answer["content"]
    }
    assert len(described) == len(told) - 1
    assert set(map(frozenset, described.values())) == {frozenset({"schema"})}
    listed = document["paths"]["/holds"]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
    assert listed["items"]["properties"]["kind"]["enum"] == body["properties"]["kind"]["enum"]
    assert "seizure" in body["properties"]["kind"]["enum"]
    assert {"201", "400", "401", "403", "409", "413", "415", "422"} <= place["responses"].keys()


def _check(web: TestClient, document: BaseSchema, name: str, examples: int) -> None:
    operation = document.find_operation_by_id(name)

    @given(data=st.data())
    @settings(
        max_examples=examples,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    def every_answer_is_documented(data: st.DataObject) -> None:
        mode = data.draw(st.sampled_from([GenerationMode.POSITIVE, GenerationMode.NEGATIVE]))
        case = data.draw(operation.as_strategy(generation_mode=mode))
        case.validate_response(case.call(app=web.app, base_url="http://127.0.0.1/api/v1"), checks=CHECKS)

    every_answer_is_documented()


@pytest.mark.long
def test_answers_to_many_requests_are_documented(web: TestClient, document: BaseSchema) -> None:
    for operation in document.get_all_operations():
        _check(web, document, operation.ok().definition.raw["operationId"], examples=200)
