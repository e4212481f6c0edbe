"""Limitations over REST: `/limitations`, each at `/limitations/{number}`, its `/lift`, and `/open`: broken glass."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any, Final, TypedDict

from starlette.requests import Request
from starlette.responses import Response

from vna.api.exchange import Body, actor_of, json_answer, path_number
from vna.api.operations import Field, Operation, Resource
from vna.archive import Archive, HeldInstance, Limitation, Statement
from vna.errors import VnaError
from vna.media import ZipStream
from vna.model import InstanceUID, Scope, SeriesUID, StudyUID
from vna.web.problem import Problem
from vna.web.streaming import Chunk, Streamed

_ZIP: Final = "application/zip"
_REASON: Final = Field("reason", "why; kept apart from the journal", required=True)


class _ScopeTold(TypedDict):
    """A study, one of its series, or one of that one's instances."""

    study: str
    series: str | None
    instance: str | None


class _LimitationTold(TypedDict):
    """A limitation; `time` is UTC in ISO 8601, `instances` how many it hides now."""

    number: int
    time: str
    actor: str
    scope: _ScopeTold
    instances: int
    reason: str


_LIST: Final = Operation(
    "ListLimitations", "GET", "/limitations", "List the limitations that stand.", list[_LimitationTold]
)
_PLACE: Final = Operation(
    "PlaceLimitation",
    "POST",
    "/limitations",
    "Hide a study, series or instance everywhere, with what arrives in it.",
    _LimitationTold,
    fields=(
        Field("study", "Study Instance UID"),
        Field("series", "Series Instance UID"),
        Field("instance", "SOP Instance UID"),
        _REASON,
    ),
    success=(201,),
)
_SHOW: Final = Operation(
    "ShowLimitation", "GET", "/limitations/{number:int}", "Show a limitation that stands.", _LimitationTold
)
_LIFT: Final = Operation(
    "LiftLimitation",
    "POST",
    "/limitations/{number:int}/lift",
    "Let a limitation stand no longer.",
    _LimitationTold,
    fields=(_REASON,),
)
_OPEN: Final = Operation(
    "OpenLimitation",
    "POST",
    "/limitations/{number:int}/open",
    "Break the glass: what is limited, as a ZIP of DICOM files; who asked and why is recorded first.",
    None,
    fields=(_REASON,),
    media_type=_ZIP,
)


def routes(archive: Archive) -> list[Resource]:
    """Return the routes."""
    limitations = archive.limitations

    def listed(_request: Request) -> Response:
        return json_answer([_told(archive, each) for each in limitations.standing()])

    def place(request: Request, body: Body) -> Response:
        number = limitations.place(_scope(archive, body), _statement(request, body))
        return json_answer(_told(archive, limitations.find(number)), 201)

    def show(request: Request) -> Response:
        return json_answer(_told(archive, limitations.find(path_number(request))))

    def lift(request: Request, body: Body) -> Response:
        return json_answer(_told(archive, limitations.lift(path_number(request), _statement(request, body))))

    def open_it(request: Request, body: Body) -> Response:
        number = path_number(request)
        opened = limitations.open(limitations.find(number).scope, _statement(request, body))
        headers = {"Content-Disposition": f'attachment; filename="limitation-{number}.zip"'}
        return Streamed(_zip(archive, opened.instances), headers=headers, media_type=_ZIP)

    return [
        Resource(_LIST, listed),
        Resource.with_body(_PLACE, place),
        Resource(_SHOW, show),
        Resource.with_body(_LIFT, lift),
        Resource.with_body(_OPEN, open_it),
    ]


def _scope(archive: Archive, body: Body) -> Scope:
    study, series, instance = (body.text(name, "") for name in ("study", "series", "instance"))
    if not (study or series or instance):
        raise Problem(400, "say what: study, series or instance")
    return archive.rejections.named(
        StudyUID(study) if study else None,
        SeriesUID(series) if series else None,
        InstanceUID(instance) if instance else None,
    )


def _statement(request: Request, body: Body) -> Statement:
    return Statement(actor_of(request, body), body.text("reason"))


def _told(archive: Archive, limitation: Limitation) -> dict[str, Any]:
    return {**asdict(limitation), "reason": archive.limitations.reason(limitation.number)}


def _zip(archive: Archive, instances: Sequence[HeldInstance]) -> Iterator[Chunk]:
    """Give the files of instances; one that cannot be read ends the answer, which is then cut off."""
    zipped = ZipStream()
    for held, data_set in archive.retrieve(instances, lambda held: held.transfer_syntax):
        if isinstance(data_set, VnaError):
            raise data_set
        path = f"{held.key.study}/{held.key.series}/{held.key.instance}.dcm"
        yield from zipped.member(path, data_set.file_chunks(), data_set.file_size)
    yield from zipped.end()
