"""The description of the REST interface (OpenAPI 3.1), for clients and tests made by machines."""

import re
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Any, Final

from vna.api.exchange import BY, LONGEST_TEXT
from vna.api.operations import Field, Kind, Operation
from vna.api.schemas import schema_of
from vna.web.openapi import PROBLEM_SCHEMA, framed
from vna.web.problem import MEDIA_TYPE as PROBLEM

_NUMBER: Final = re.compile(r"\{(\w+):int\}")
_TEXT: Final = {"type": "string", "maxLength": LONGEST_TEXT}
_SCHEMAS: Final[Mapping[Kind, Mapping[str, Any]]] = {
    Kind.TEXT: _TEXT,
    Kind.DAY: {"type": "string", "format": "date"},
    Kind.TEXTS: {"type": "array", "items": _TEXT},
    Kind.MAPPING: {"type": "object", "additionalProperties": _TEXT},
    Kind.TRUTH: {"type": "boolean"},
}
_BY: Final = Field(BY, "who does this; with tokens the token says who, and this may only say the same")
_REFUSALS: Final[Mapping[int, str]] = {
    400: "something is missing, unknown or of another kind",
    401: "a token is needed",
    403: "not allowed: another person has to do it, or it is not its turn",
    404: "there is none of this number, or nothing of it is held",
    408: "the request came too slowly",
    421: "the Host header names another machine",
    429: "too many requests from this address",
    431: "the head of the request is too long",
    500: "a fault of the node, which its log tells",
    503: "not now: see Retry-After",
}
"""What any request may be refused with, before or after anything was looked at."""
_REFUSALS_OF_BODIES: Final[Mapping[int, str]] = {
    409: "what is held, or a hold, stands against it",
    413: "the body is larger than 1 MiB",
    415: "the body is no application/json",
    422: "understood, and it cannot be so: dates that contradict each other, say",
}


def openapi_document(base: str, operations: Iterable[Operation]) -> dict[str, Any]:
    """Return the description of some operations; `base` is the address of the interface."""
    paths: dict[str, dict[str, Any]] = {}
    for operation in operations:
        path = paths.setdefault(_NUMBER.sub(r"{\1}", operation.path), {})
        names = _NUMBER.findall(operation.path)
        if names:
            path["parameters"] = [_parameter(name) for name in names]
        path[operation.method.lower()] = _operation(operation)
    return framed("Administration of vna-node", base, paths, {"schemas": {"Problem": PROBLEM_SCHEMA}})


def _operation(operation: Operation) -> dict[str, Any]:
    refusals = {**_REFUSALS, **(_REFUSALS_OF_BODIES if operation.method == "POST" else {})}
    answers = {str(status): _answer(status, operation) for status in operation.success}
    answers |= {str(status): _refusal(text) for status, text in refusals.items()}
    told: dict[str, Any] = {
        "operationId": operation.name,
        "summary": operation.summary,
        "parameters": [_query(each) for each in operation.query],
        "responses": dict(sorted(answers.items())),
    }
    if operation.method == "POST":
        required = any(field.required for field in operation.fields)
        content = {"application/json": {"schema": _body((*operation.fields, _BY))}}
        told["requestBody"] = {"required": required, "content": content}
    return told


def _answer(status: int, operation: Operation) -> dict[str, Any]:
    schema = {} if operation.answer is None else {"schema": schema_of(operation.answer)}
    return {"description": HTTPStatus(status).phrase, "content": {operation.media_type: schema}}


def _refusal(text: str) -> dict[str, Any]:
    return {"description": text, "content": {PROBLEM: {"schema": {"$ref": "#/components/schemas/Problem"}}}}


def _parameter(name: str) -> dict[str, Any]:
    return {"name": name, "in": "path", "required": True, "schema": {"type": "integer", "minimum": 0}}


def _query(field: Field) -> dict[str, Any]:
    about = {"name": field.name, "in": "query", "required": field.required, "description": field.description}
    return about | {"schema": _schema(field)}


def _body(fields: Iterable[Field]) -> dict[str, Any]:
    told = tuple(fields)
    return {
        "type": "object",
        "properties": {field.name: {**_schema(field), "description": field.description} for field in told},
        "required": [field.name for field in told if field.required],
        "additionalProperties": False,
    }


def _schema(field: Field) -> dict[str, Any]:
    return {**_SCHEMAS[field.kind], **({"enum": list(field.values)} if field.values else {})}
