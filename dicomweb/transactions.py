"""The table of transactions the services offer: what a machine-readable description of them is made of (PS3.18 8.9).

A test compares it with the routes that are mounted, and another one sends requests made from it and compares the
answers. What a resource is given in by default stands first among its media types.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from dicomweb.negotiation import DICOM, MULTIPART, OCTETS, ZIP
from dicomweb.renditions import PICTURES, TEXTS
from dicomweb.resources import INSTANCE, SERIES, STUDY
from vna.dicom.attributes import ATTRIBUTES, Level
from vna.dicom.media_types import IMAGE_SYNTAXES

DICOM_JSON: Final = "application/dicom+json"
DICOM_XML: Final = "application/dicom+xml"
PLAIN_JSON: Final = "application/json"
_DOCUMENTS: Final = ("application/pdf", *TEXTS)

REFUSALS: Final = (400, 401, 403, 404, 406, 408, 413, 414, 421, 429, 431, 500, 503)
"""What any request may be refused with (PS3.18 8.5), before or after its transaction was looked at."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """A query parameter: what kind of value it has, and what for. `pattern` is a regular expression of its values."""

    name: str
    description: str
    kind: str = "string"
    pattern: str = ""
    required: bool = False


@dataclass(frozen=True, slots=True)
class Transaction:
    """One transaction of one resource.

    Args:
        path: of the resource below the root, as its route has it; PATHS says what is in braces.
        request: media types of its payload.
        answers: media types of a success by status; a status without a body has none.
        refusals: statuses of its own beside REFUSALS.
    """

    name: str
    method: str
    path: str
    section: str
    parameters: tuple[Parameter, ...] = ()
    request: tuple[str, ...] = ()
    answers: Mapping[int, tuple[str, ...]] = field(default_factory=dict)
    refusals: tuple[int, ...] = ()


_UID: Final = r"^(0|[1-9][0-9]*)(\.(0|[1-9][0-9]*))*$"
PATHS: Final[Mapping[str, Parameter]] = MappingProxyType(
    {
        "study": Parameter("study", "Study Instance UID", pattern=_UID, required=True),
        "series": Parameter("series", "Series Instance UID", pattern=_UID, required=True),
        "instance": Parameter("instance", "SOP Instance UID", pattern=_UID, required=True),
        "frames": Parameter(
            "frames", "frame numbers from 1 on", pattern=r"^[1-9][0-9]*(,[1-9][0-9]*)*$", required=True
        ),
        "path": Parameter("path", "where the value stands in the data set", required=True),
        "transaction": Parameter("transaction", "Transaction UID", pattern=_UID, required=True),
    }
)
"""What stands in braces in paths."""

ACCEPT: Final = Parameter("accept", "media types, before those of the Accept header (PS3.18 8.3.3.1)")
_SEARCH: Final = (
    Parameter("limit", "the most matches to return", "integer"),
    Parameter("offset", "how many matches to skip", "integer"),
    Parameter("includefield", "further attributes to return, by keyword, tag or dotted path, or all"),
    Parameter("fuzzymatching", "match names by sound, without accents, in any order", "boolean"),
    Parameter("emptyvaluematching", 'match attributes without a value by ""', "boolean"),
    Parameter("multiplevaluematching", "of several values each has to be there", "boolean"),
)
_RENDERING: Final = (
    Parameter("annotation", "what to write into the picture: patient, technique"),
    Parameter("quality", "of a lossy picture, from 1 to 100", "integer"),
    Parameter("viewport", "width and height, and which region of the image fills them"),
    Parameter("window", "centre, width, and function: linear, linear-exact or sigmoid"),
    Parameter("iccprofile", "whether a colour profile goes into the picture: no, yes, or srgb to be converted to that"),
    Parameter("overlays", "burn the overlays of the image into the picture", "boolean"),
    Parameter("charset", "character set of texts: utf-8, iso-8859-1 or us-ascii"),
)
_SMALL: Final = (Parameter("viewport", "width and height", pattern=r"^[0-9]+,[0-9]+$"),)
_LEVELS: Final = {"Study": STUDY, "Series": SERIES, "Instance": INSTANCE}
_ORDER: Final = {Level.STUDY: 0, Level.SERIES: 1, Level.IMAGE: 2}


def multipart(media_type: str) -> str:
    """Return the media type of several parts of one (PS3.18 8.6.1.2)."""
    return f'{MULTIPART}; type="{media_type}"'


def transactions() -> tuple[Transaction, ...]:
    """Return all of them, resource by resource."""
    return (*_searches(), *_retrievals(), *_pictures(), *_stores(), *_others())


def _searches() -> Iterator[Transaction]:
    for name, path, level in (
        ("Studies", "/studies", Level.STUDY),
        ("Series", "/series", Level.SERIES),
        ("Instances", "/instances", Level.IMAGE),
        ("StudySeries", f"{STUDY}/series", Level.SERIES),
        ("StudyInstances", f"{STUDY}/instances", Level.IMAGE),
        ("StudySeriesInstances", f"{SERIES}/instances", Level.IMAGE),
    ):
        yield Transaction(
            f"SearchFor{name}",
            "GET",
            path,
            "10.6",
            (*_SEARCH, *_keys(level), ACCEPT),
            answers={200: (DICOM_JSON, PLAIN_JSON, multipart(DICOM_XML)), 204: ()},
        )


def _keys(level: Level) -> Iterator[Parameter]:
    """Yield the attributes that a search at a level matches."""
    for attribute in ATTRIBUTES:
        if _ORDER.get(attribute.level, 0) <= _ORDER[level]:
            yield Parameter(attribute.keyword, f"matching key ({attribute.tag:08X}), {attribute.vr}")


def _retrievals() -> Iterator[Transaction]:
    for level, path in _LEVELS.items():
        files = (multipart(DICOM), multipart(OCTETS), *((DICOM,) if path == INSTANCE else ()), ZIP)
        yield _retrieval(f"Retrieve{level}", path, files)
        metadata = (DICOM_JSON, PLAIN_JSON, multipart(DICOM_XML))
        yield _retrieval(f"Retrieve{level}Metadata", f"{path}/metadata", metadata)
        for name in ("Bulkdata", "PixelData"):
            single = (OCTETS, "*/*") if path == INSTANCE else ()
            yield _retrieval(f"Retrieve{level}{name}", f"{path}/{name.lower()}", (multipart(OCTETS), *single))
    images = tuple(IMAGE_SYNTAXES)
    frames = (multipart(OCTETS), *map(multipart, images), OCTETS, *images)
    yield _retrieval("RetrieveFrames", f"{INSTANCE}/frames/{{frames}}", frames)
    yield _retrieval("RetrieveBulkValue", f"{INSTANCE}/bulkdata/{{path}}", (OCTETS, multipart(OCTETS), "*/*"))


def _pictures() -> Iterator[Transaction]:
    levels = {**_LEVELS, "Frames": f"{INSTANCE}/frames/{{frames}}"}
    for level, path in levels.items():
        several = tuple(map(multipart, PICTURES))
        single = (*PICTURES, *_DOCUMENTS) if path.startswith(INSTANCE) else ()
        yield _retrieval(f"RetrieveRendered{level}", f"{path}/rendered", (*single, *several), _RENDERING)
        yield _retrieval(f"Retrieve{level}Thumbnail", f"{path}/thumbnail", PICTURES, _SMALL)


def _retrieval(name: str, path: str, media_types: tuple[str, ...], more: tuple[Parameter, ...] = ()) -> Transaction:
    answers = {200: media_types, 206: media_types, 304: ()}
    return Transaction(name, "GET", path, "10.4", (*more, ACCEPT), answers=answers, refusals=(410, 416))


def _stores() -> Iterator[Transaction]:
    payload = (*map(multipart, (DICOM, DICOM_JSON, DICOM_XML)), DICOM, DICOM_JSON, DICOM_XML)
    answers = dict.fromkeys((200, 202, 409), (DICOM_JSON, PLAIN_JSON, DICOM_XML))
    for name, path in (("StoreInstances", "/studies"), ("StoreStudyInstances", STUDY)):
        yield Transaction(name, "POST", path, "10.5", (ACCEPT,), payload, answers, (415,))


def _others() -> Iterator[Transaction]:
    named = "requestType studyUID seriesUID objectUID"
    required = tuple(Parameter(name, "PS3.18 9.1.2", required=True) for name in named.split())
    named = "contentType transferSyntax charset frameNumber rows columns region windowCenter windowWidth imageQuality"
    optional = tuple(Parameter(name, "PS3.18 9.4.1, 9.5.1") for name in (*named.split(), "annotation"))
    pictures = (*PICTURES, DICOM, *_DOCUMENTS)
    answers = {200: pictures, 206: pictures, 304: ()}
    yield Transaction("RetrieveByURI", "GET", "/wado", "9", required + optional, answers=answers, refusals=(410, 416))
    path, results = "/commitment-requests/{transaction}", {200: (DICOM_JSON, PLAIN_JSON, DICOM_XML), 202: ()}
    payload = (DICOM_JSON, DICOM_XML)
    yield Transaction("RequestCommitment", "POST", path, "13.4", (ACCEPT,), payload, results, (409, 415))
    yield Transaction("CheckCommitmentResult", "GET", path, "13.5", (ACCEPT,), answers=results, refusals=(410,))
