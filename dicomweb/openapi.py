"""Transactions as an OpenAPI document (OpenAPI 3.1), for clients and tests made by machines."""

from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Any, Final

from dicomweb.negotiation import MULTIPART
from dicomweb.transactions import DICOM_JSON, PATHS, PLAIN_JSON, REFUSALS, Parameter, Transaction
from vna.web.openapi import PROBLEM_SCHEMA, framed
from vna.web.problem import MEDIA_TYPE as PROBLEM

_DATA_SET: Final = {
    "type": "object",
    "propertyNames": {"pattern": "^[0-9A-F]{8}$"},
    "additionalProperties": {"type": "object", "required": ["vr"]},
}
_SCHEMAS: Final = {"Problem": PROBLEM_SCHEMA, "DataSet": _DATA_SET}


def openapi_document(base: str, transactions: Iterable[Transaction]) -> dict[str, Any]:
    """Return the description of some transactions; `base` is the address of the services."""
    paths: dict[str, dict[str, Any]] = {}
    for transaction in transactions:
        resource = paths.setdefault(transaction.path, {})
        names = [name for name in PATHS if f"{{{name}}}" in transaction.path]
        if names:
            resource["parameters"] = [_parameter(PATHS[name], "path") for name in names]
        resource[transaction.method.lower()] = _operation(transaction)
    refusal = {"description": "what is wrong", "content": {PROBLEM: _reference("Problem")}}
    components = {"schemas": _SCHEMAS, "responses": {"Refusal": refusal}}
    return framed("DICOMweb services of vna-node (PS3.18)", base, paths, components)


def _operation(transaction: Transaction) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": transaction.name,
        "summary": f"PS3.18 {transaction.section}",
        "parameters": [_parameter(each, "query") for each in transaction.parameters],
        "responses": _responses(transaction),
    }
    if transaction.request:
        content: dict[str, Any] = {media_type.partition(";")[0]: {} for media_type in transaction.request}
        operation["requestBody"] = {"required": True, "content": content}
    return operation


def _responses(transaction: Transaction) -> dict[str, Any]:
    several = transaction.section == "10.6" or transaction.path.endswith("/metadata")
    answers: dict[str, Any] = {
        str(status): {"$ref": "#/components/responses/Refusal"} for status in (*REFUSALS, *transaction.refusals)
    }
    for status, media_types in transaction.answers.items():
        answer: dict[str, Any] = {"description": HTTPStatus(status).phrase}
        if media_types:
            answer["content"] = {_name(each): _schema(each, several=several) for each in media_types}
        if status >= 400:
            answer["content"][PROBLEM] = _reference("Problem")
        answers[str(status)] = answer
    return dict(sorted(answers.items()))


def _schema(media_type: str, *, several: bool) -> Mapping[str, Any]:
    if media_type not in (DICOM_JSON, PLAIN_JSON):
        return {}
    data_set = _reference("DataSet")["schema"]
    return {"schema": {"type": "array", "items": data_set} if several else data_set}


def _name(media_type: str) -> str:
    """Return a media type as OpenAPI wants it: without parameters."""
    return MULTIPART if media_type.startswith(MULTIPART) else media_type


def _parameter(parameter: Parameter, place: str) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": parameter.kind}
    if parameter.kind == "integer":
        schema["minimum"] = 0
    if parameter.pattern:
        schema["pattern"] = parameter.pattern
    return {
        "name": parameter.name,
        "in": place,
        "required": parameter.required,
        "description": parameter.description,
        "schema": schema,
    }


def _reference(name: str) -> dict[str, Any]:
    return {"schema": {"$ref": f"#/components/schemas/{name}"}}
