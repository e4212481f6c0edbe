"""Pictures of instances: rendered and thumbnail resources, and what may be asked of them (PS3.18 8.3.5, 10.4.1.1.3)."""

import struct
from collections.abc import Callable

from conformance.checks.registry import Check, check
from conformance.checks.session import Session
from conformance.checks.verdicts import NotSupported, expect, expect_equal
from conformance.checks.web import NOT_OFFERED, client, expect_offered, get, offered, ready, subject
from conformance.checks.web_client import WebAnswer
from conformance.checks.web_rows import Row, checks

_RENDERED, _THUMBNAIL, _PARAMETERS = "PS3.18 10.4.1.1.3", "PS3.18 10.4.1.1.4", "PS3.18 8.3.5.1"
_JPEG, _PNG = "image/jpeg", "image/png"


def _rendered(id_: str, title: str, path: str, accept: str = _JPEG, **more: object) -> Row:
    wanted = more.pop("media_type", accept)
    return Row(f"web.rendered.{id_}", title, _RENDERED, path, accept, media_type=wanted, optional=True, **more)  # type: ignore[arg-type]


PICTURES = checks(
    (
        _rendered("jpeg", "An instance is rendered as JPEG", "{instance}/rendered"),
        _rendered("png", "An instance is rendered as PNG", "{instance}/rendered", _PNG),
        _rendered("default", "For */* a picture comes as JPEG", "{instance}/rendered", "*/*", media_type=_JPEG),
        _rendered("frame", "A frame is rendered", "{instance}/frames/1/rendered"),
        _rendered("us", "A colour loop is rendered", "{instance}/frames/2/rendered", about="us-multiframe"),
        _rendered("jpeg-2000", "JPEG 2000 is rendered", "{instance}/rendered", about="syntax-jpeg-2000"),
        _rendered("pdf", "An encapsulated PDF comes as PDF", "{instance}/rendered", "application/pdf", about="pdf"),
        _rendered("sr", "A report is rendered as text", "{instance}/rendered", "text/html", about="sr"),
        _rendered(
            "series",
            "A series is rendered, a part for each instance",
            "{series}/rendered",
            'multipart/related; type="image/jpeg"',
            media_type="parts image/jpeg",
        ),
        _rendered(
            "study",
            "A study is rendered, a part for each instance",
            "{study}/rendered",
            'multipart/related; type="image/jpeg"',
            media_type="parts image/jpeg",
        ),
        *(
            Row(
                f"web.rendered.thumbnail.{level}",
                f"A thumbnail of one {level} comes",
                _THUMBNAIL,
                f"{path}/thumbnail",
                _JPEG,
                media_type=_JPEG,
                optional=True,
            )
            for level, path in (
                ("study", "{study}"),
                ("series", "{series}"),
                ("instance", "{instance}"),
                ("frame", "{instance}/frames/1"),
            )
        ),
    )
)


def _takes(id_: str, title: str, query: str) -> Row:
    return Row(
        f"web.rendered.{id_}", title, _PARAMETERS, "{instance}/rendered", _JPEG, query, media_type=_JPEG, optional=True
    )


PARAMETERS = checks(
    (
        _takes("quality", "A quality may be asked for", "quality=20"),
        _takes("window", "A window may be asked for", "window=1000,2000,linear"),
        _takes("window.exact", "A window may be linear-exact", "window=1000,2000,linear-exact"),
        _takes("window.sigmoid", "A window may be sigmoid", "window=1000,2000,sigmoid"),
        _takes("annotation", "Annotation may be asked for", "annotation=patient,technique"),
        _takes("icc", "An ICC profile may be asked for", "iccprofile=srgb"),
    )
)


def _refused(id_: str, title: str, query: str) -> Check:
    """Return the check that a parameter that cannot be is refused with 400."""

    def run(session: Session) -> None:
        _picture(session, "")
        path = subject(session).path("{instance}/rendered")
        answer = client(session).request("GET", path, headers={"Accept": _JPEG}, query=query)
        if answer.status == 200:
            raise NotSupported("it is passed over, with 200")
        expect_equal(answer.status, 400, "the status")

    return Check(f"web.rendered.refused.{id_}", title, _PARAMETERS, run)


REFUSED = (
    _refused("quality", "A quality above 100 is answered with 400", "quality=500"),
    _refused("quality-text", "A quality that is no number is answered with 400", "quality=best"),
    _refused("viewport", "A viewport of one number is answered with 400", "viewport=100"),
    _refused("viewport-zero", "A viewport without area is answered with 400", "viewport=0,0"),
    _refused("window", "A window of one number is answered with 400", "window=100"),
    _refused("window-width", "A window of width 0 is answered with 400", "window=100,0,linear"),
    _refused("window-function", "A window of no known function is answered with 400", "window=100,20,cubic"),
    _refused("annotation", "An annotation of no known kind is answered with 400", "annotation=weather"),
)


def _sized(id_: str, title: str, query: str, fits: Callable[[int, int], bool]) -> Check:
    """Return the check that a picture has a size."""

    def run(session: Session) -> str:
        width, height = _size(_picture(session, query))
        expect(fits(width, height), f"the picture is {width} x {height}")
        return f"{width} x {height}"

    return Check(f"web.rendered.{id_}", title, "PS3.18 8.3.5.1.3", run)


SIZES = (
    _sized("whole", "Without a viewport the picture has the size of the image", "", lambda w, h: (w, h) == (192, 256)),
    _sized(
        "viewport",
        "A picture fits into the viewport, and keeps its shape",
        "viewport=96,96",
        lambda w, h: (w, h) in ((72, 96), (96, 96)),
    ),
    _sized(
        "viewport.region",
        "A region of the image fills the viewport",
        "viewport=64,64,10,10,64,64",
        lambda w, h: (w, h) == (64, 64),
    ),
)


@check("web.rendered.differs", "Another window gives another picture", "PS3.18 8.3.5.1.4")
def window_counts(session: Session) -> None:
    """Compare two windows far apart."""
    one, other = _picture(session, "window=200,10,linear"), _picture(session, "window=3000,4000,linear")
    expect(one.body != other.body, "both pictures are the same")


@check(
    "web.rendered.not-acceptable", "A picture in a media type that nobody has is answered with 406", "PS3.18 8.7.8.1"
)
def not_acceptable(session: Session) -> None:
    """Ask for a picture as a spreadsheet."""
    _picture(session, "")
    answer = get(session, subject(session).path("{instance}/rendered"), accept="text/csv")
    expect_equal(answer.status, 406, "the status")


@check("web.rendered.nothing-to-see", "What has no pixels is refused, and does no harm", _RENDERED)
def nothing_to_see(session: Session) -> str:
    """Ask for the picture of an electrocardiogram."""
    ready(session, "ecg")
    answer = get(session, subject(session, "ecg").path("{instance}/rendered"), accept=_JPEG)
    expect(answer.status < 500 or answer.status == 501, f"the status is {answer.status}")
    if answer.status == 200:
        expect_equal(answer.media_type, _JPEG, "the media type")
    return str(answer.status)


def _picture(session: Session, query: str) -> WebAnswer:
    """Return the MR phantom rendered as JPEG.

    Raises:
        NotSupported: that is not offered.
    """
    expect_offered(session)
    path = subject(session).path("{instance}/rendered")
    answer = offered(
        client(session).request("GET", path, headers={"Accept": _JPEG}, query=query), unless=(400, *NOT_OFFERED)
    )
    expect_equal((answer.status, answer.media_type), (200, _JPEG), "status and media type")
    return answer


def _size(answer: WebAnswer) -> tuple[int, int]:
    """Return columns and rows of a JPEG picture: of its frame header (ITU-T T.81 B.2.2)."""
    position = 2
    while position + 9 < len(answer.body):
        marker, length = struct.unpack_from(">HH", answer.body, position)
        if 0xFFC0 <= marker <= 0xFFCF and marker not in (0xFFC4, 0xFFC8, 0xFFCC):
            rows, columns = struct.unpack_from(">HH", answer.body, position + 5)
            return columns, rows
        position += 2 + length
    raise ValueError("the picture has no frame header")
