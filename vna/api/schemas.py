"""JSON schemas of answers (JSON Schema 2020-12), made from the types that declare them."""

from collections.abc import Mapping
from enum import StrEnum
from types import NoneType, UnionType
from typing import Any, Final, get_args, get_origin, get_type_hints, is_typeddict

_PLAIN: Final[Mapping[Any, str]] = {str: "string", int: "integer", bool: "boolean", NoneType: "null"}


def schema_of(kind: Any) -> dict[str, Any]:
    """Return the schema of a type: a plain one, an enumeration, list, dict, union, or a TypedDict of such.

    A TypedDict has all of its members and no other ones, unless it is declared with `total=False`.

    >>> schema_of(list[int | None])
    {'type': 'array', 'items': {'anyOf': [{'type': 'integer'}, {'type': 'null'}]}}

    Raises:
        TypeError: it is another type.
    """
    if kind in _PLAIN:
        return {"type": _PLAIN[kind]}
    if is_typeddict(kind):
        return {
            "type": "object",
            "properties": {name: schema_of(each) for name, each in get_type_hints(kind).items()},
            "required": sorted(kind.__required_keys__),
            "additionalProperties": False,
        }
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        return {"type": "string", "enum": list(kind)}
    of = get_args(kind)
    match get_origin(kind):
        case origin if origin is list:
            return {"type": "array", "items": schema_of(of[0])}
        case origin if origin is dict:
            return {"type": "object", "additionalProperties": schema_of(of[1])}
        case origin if origin is UnionType:
            return {"anyOf": [schema_of(each) for each in of]}
    raise TypeError(f"no schema is known of {kind}")
