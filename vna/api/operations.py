"""What a resource of the REST interface takes and gives, said once: its routes and their description follow from it."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from vna.api.exchange import Body, Handler, with_body


class Kind(StrEnum):
    """What a value is."""

    TEXT = "text"
    DAY = "day"
    TEXTS = "texts"
    MAPPING = "mapping"
    TRUTH = "truth"


@dataclass(frozen=True, slots=True)
class Field:
    """A member of a body, or a query parameter; `values` are all that it may be, empty where it is free."""

    name: str
    description: str
    kind: Kind = Kind.TEXT
    values: tuple[str, ...] = ()
    required: bool = False


@dataclass(frozen=True, slots=True)
class Operation:
    """One thing that can be done.

    Args:
        path: below the root of the interface, as its route has it.
        summary: one sentence.
        answer: the type of an answer that is no problem, which its schema is made from; None for what is no JSON.
        fields: members of its body but for `by`, which every body may have; any other one is refused.
        success: statuses of an answer that is no problem.
        media_type: what that answer is.
    """

    name: str
    method: str
    path: str
    summary: str
    answer: Any
    fields: tuple[Field, ...] = ()
    query: tuple[Field, ...] = ()
    success: tuple[int, ...] = (200,)
    media_type: str = "application/json"


ALL: Final = Field("all", "whether those are told, too, that are over", Kind.TRUTH)
"""The query parameter of lists that tell what stands."""


class Resource(Route):
    """The route of an operation, which knows it."""

    def __init__(self, operation: Operation, endpoint: Callable[[Request], object]) -> None:
        """Answer an operation without a body."""
        super().__init__(operation.path, endpoint, methods=[operation.method])
        self.operation = operation

    @classmethod
    def with_body(cls, operation: Operation, handle: Handler) -> "Resource":
        """Answer an operation with a body, in which there is nothing but its fields."""
        names = [field.name for field in operation.fields]

        def checked(request: Request, body: Body) -> Response:
            body.only(*names)
            return handle(request, body)

        return cls(operation, with_body(checked))
