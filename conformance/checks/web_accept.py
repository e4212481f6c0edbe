"""Which media types each resource comes in, by Accept header and accept parameter (PS3.18 8.7, Table 10.4.4-1)."""

from conformance.checks.web import AS_STORED, OCTETS, XML
from conformance.checks.web_client import JSON
from conformance.checks.web_rows import Row, checks

_TABLE, _SELECTED = "PS3.18 10.4.4", "PS3.18 8.7.8.1"
_OCTETS = "parts application/octet-stream"
_DICOM = 'multipart/related; type="application/dicom"'
_EXPLICIT = f"{_DICOM}; transfer-syntax=1.2.840.10008.1.2.1"
_NAMES = {"study": "a study", "series": "a series", "instance": "an instance"}
_LEVELS = {"study": "{study}", "series": "{series}", "instance": "{instance}"}


def _levels(id_: str, title: str, path: str, **more: object) -> tuple[Row, ...]:
    """Return the same row at the levels of study, series and instance."""
    return tuple(
        Row(f"web.accept.{id_}.{level}", f"{title} of {_NAMES[level]}", _TABLE, start + path, **more)  # type: ignore[arg-type]
        for level, start in _LEVELS.items()
    )


INSTANCES = checks(
    (
        *_levels("dicom", "Part 10 files come", "", accept=_DICOM, media_type="parts application/dicom"),
        *_levels("as-stored", "What is stored comes", "", accept=AS_STORED, media_type="parts application/dicom"),
        *_levels("anything", "For */* Part 10 files come", "", accept="*/*", media_type="parts application/dicom"),
        *_levels("bulk", "Bulk data come as octets", "", accept=OCTETS, media_type=_OCTETS),
        *_levels("zip", "A ZIP comes", "", accept="application/zip", media_type="application/zip", optional=True),
        Row(
            "web.accept.single",
            "One instance comes as one file",
            _TABLE,
            "{instance}",
            "application/dicom",
            media_type="application/dicom",
            optional=True,
        ),
        Row(
            "web.accept.single.study",
            "A study does not come as one file: 406",
            _TABLE,
            "{study}",
            "application/dicom",
            status=(406,),
        ),
        Row(
            "web.accept.unquoted-type",
            "The type parameter may stand without quotes",
            "PS3.18 8.6.1.2.1",
            "{instance}",
            "multipart/related; type=application/dicom; transfer-syntax=*",
            media_type="parts application/dicom",
        ),
        Row(
            "web.accept.explicit",
            "Explicit VR Little Endian may be named",
            "PS3.18 8.7.3.5.2",
            "{instance}",
            _EXPLICIT,
            media_type="parts application/dicom",
        ),
        Row(
            "web.accept.unknown-syntax",
            "A transfer syntax that nobody knows is answered with 406",
            _SELECTED,
            "{instance}",
            f"{_DICOM}; transfer-syntax=1.2.3.4",
            status=(406,),
        ),
    )
)
METADATA = checks(
    (
        *_levels("json", "Metadata come in JSON", "/metadata", accept=JSON, media_type=JSON),
        *_levels("xml", "Metadata come in XML", "/metadata", accept=XML, media_type="parts application/dicom+xml"),
        *_levels("default", "For */* metadata come in JSON", "/metadata", accept="*/*", media_type=JSON),
        *_levels("none", "Without Accept metadata come in JSON", "/metadata", media_type=JSON),
        Row(
            "web.accept.metadata.image",
            "Metadata as a picture are answered with 406",
            _SELECTED,
            "{instance}/metadata",
            "image/jpeg",
            status=(406,),
        ),
    )
)
BULK_DATA = checks(
    (
        *_levels("bulkdata", "All bulk data come", "/bulkdata", accept=OCTETS, media_type=_OCTETS, optional=True),
        *_levels("pixeldata", "All pixel data come", "/pixeldata", accept=OCTETS, media_type=_OCTETS, optional=True),
    )
)
FRAMES = checks(
    (
        Row(
            "web.accept.frame.octets",
            "A frame comes as octets",
            _TABLE,
            "{instance}/frames/1",
            OCTETS,
            media_type=_OCTETS,
        ),
        Row(
            "web.accept.frame.as-stored",
            "A frame comes as it is stored",
            "PS3.18 8.7.3.5.2",
            "{instance}/frames/1",
            "multipart/related; type=application/octet-stream; transfer-syntax=*",
            media_type=_OCTETS,
        ),
        Row(
            "web.accept.frame.anything",
            "For */* a frame comes as octets",
            _SELECTED,
            "{instance}/frames/1",
            "*/*",
            media_type=_OCTETS,
        ),
        Row(
            "web.accept.frame.single",
            "A frame comes without multipart",
            _TABLE,
            "{instance}/frames/1",
            "application/octet-stream",
            media_type="application/octet-stream",
            optional=True,
        ),
        *(
            Row(
                f"web.accept.frame.{name}",
                f"A frame is converted to {media_type}",
                _TABLE,
                "{instance}/frames/1",
                f'multipart/related; type="{media_type}"',
                media_type=f"parts {media_type}",
                optional=True,
            )
            for name, media_type in {
                "jls": "image/jls",
                "jp2": "image/jp2",
                "jphc": "image/jphc",
                "rle": "image/dicom-rle",
                "jpeg-lossless": "image/jpeg",
            }.items()
        ),
        Row(
            "web.accept.frame.unknown",
            "A frame as text is answered with 406",
            _SELECTED,
            "{instance}/frames/1",
            "text/plain",
            status=(406,),
        ),
    )
)
NEGOTIATION = checks(
    (
        Row(
            "web.accept.quality",
            "Of several media types that with the greater q comes",
            "PS3.18 8.7.8.1",
            "{instance}/metadata",
            f"{JSON}; q=0.1, {XML}; q=0.9",
            media_type="parts application/dicom+xml",
        ),
        Row(
            "web.accept.first-supported",
            "A media type that is unknown gives way to one that is known",
            _SELECTED,
            "{instance}/metadata",
            f"text/csv, {JSON}; q=0.2",
            media_type=JSON,
        ),
        Row(
            "web.accept.zero",
            "A media type of q=0 is not wanted: 406",
            "PS3.18 8.7.5",
            "{instance}/metadata",
            f"{JSON}; q=0, application/json; q=0, text/csv",
            status=(406,),
        ),
        Row(
            "web.accept.type-range",
            "A range of media types stands for the default in it",
            _SELECTED,
            "{instance}/metadata",
            "application/*",
            media_type=JSON,
        ),
        Row(
            "web.accept.parameter",
            "The accept parameter goes before the Accept header",
            "PS3.18 8.3.3.1",
            "{instance}/metadata",
            "text/csv",
            query="accept=application/dicom%2Bjson",
            media_type=JSON,
        ),
        Row(
            "web.accept.parameter.fallback",
            "Where the accept parameter has nothing, the header counts",
            _SELECTED,
            "{instance}/metadata",
            JSON,
            query="accept=text/csv",
            media_type=JSON,
        ),
        Row(
            "web.accept.list",
            "A list of several media types of frames is understood",
            _SELECTED,
            "{instance}/frames/1",
            'multipart/related; type="image/x-nothing", multipart/related; type="application/octet-stream"',
            media_type=_OCTETS,
        ),
    )
)
