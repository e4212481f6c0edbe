"""The URI service (WADO-URI, PS3.18 chapter 9)."""

from collections.abc import Mapping

from conformance.checks.comparing import compare
from conformance.checks.registry import Check, check
from conformance.checks.session import Session
from conformance.checks.verdicts import NotSupported, Skipped, expect, expect_equal
from conformance.checks.web import client, ready, subject
from conformance.checks.web_client import WebAnswer
from conformance.sources import read_part10

_JPEG, _PICTURE, _DICOM = "image/jpeg", "image/", "application/dicom"


def _asks(id_: str, title: str, section: str, more: Mapping[str, str], wanted: str) -> Check:
    """Return the check that a request of the MR phantom is answered in a media type."""

    def run(session: Session) -> None:
        answer = _offered(session)
        answer = _ask(session, more)
        if answer.status in (400, 406, 501):
            raise NotSupported(f"answered with {answer.status}")
        expect_equal(answer.status, 200, "the status")
        expect(answer.media_type.startswith(wanted), f"the media type: {answer.media_type!r} instead of {wanted!r}")

    return Check(f"web.uri.{id_}", title, section, run)


OFFERED = (
    _asks("jpeg", "A picture comes as JPEG", "PS3.18 9.5.2", {"contentType": _JPEG}, _JPEG),
    _asks("default", "Without contentType a picture comes as JPEG", "PS3.18 9.3", {}, _JPEG),
    _asks("png", "A picture comes as PNG", "PS3.18 9.5.2", {"contentType": "image/png"}, "image/png"),
    _asks(
        "size",
        "A size may be asked for",
        "PS3.18 9.5.1.2",
        {"contentType": _JPEG, "rows": "64", "columns": "64"},
        _PICTURE,
    ),
    _asks(
        "window",
        "A window may be asked for",
        "PS3.18 9.5.1.2",
        {"contentType": _JPEG, "windowCenter": "1000", "windowWidth": "500"},
        _PICTURE,
    ),
    _asks("frame", "A frame may be asked for", "PS3.18 9.5.1.2", {"contentType": _JPEG, "frameNumber": "1"}, _PICTURE),
)


def _refused(id_: str, title: str, section: str, more: Mapping[str, str], *statuses: int) -> Check:
    """Return the check that a request is refused with one of some statuses."""

    def run(session: Session) -> str:
        _offered(session)
        status = _ask(session, more).status
        if status == 200:
            raise NotSupported("it is passed over, with 200")
        if status not in statuses:
            expect_equal(status, statuses[0], "the status")
        return str(status)

    return Check(f"web.uri.{id_}", title, section, run)


REFUSED = (
    _refused(
        "request-type", "Another requestType is answered with 400", "PS3.18 9.1.2.1.1", {"requestType": "NADO"}, 400
    ),
    _refused(
        "no-object",
        "A request without objectUID is answered with 400 or 404",
        "PS3.18 9.1.2",
        {"objectUID": ""},
        400,
        404,
    ),
    _refused(
        "unknown",
        "An instance that does not exist is answered with 404",
        "PS3.18 9.4.3",
        {"objectUID": "2.25.1", "contentType": _DICOM},
        404,
    ),
    _refused(
        "frame-beyond",
        "A frame beyond the last is answered with 400 or 404",
        "PS3.18 9.5.2",
        {"contentType": _JPEG, "frameNumber": "999"},
        400,
        404,
    ),
    _refused(
        "not-acceptable",
        "A media type that nobody has is answered with 406",
        "PS3.18 9.4.3",
        {"contentType": "text/csv"},
        406,
    ),
)


@check("web.uri.object", "An instance comes as a Part 10 file", "PS3.18 9.4.2")
def whole_object(session: Session) -> str:
    """Retrieve the MR phantom."""
    _offered(session)
    sent = ready(session, "mr")
    answer = _ask(session, {"contentType": _DICOM})
    expect_equal((answer.status, answer.media_type), (200, _DICOM), "status and media type")
    return compare(sent, read_part10(answer.body))


@check("web.uri.transfer-syntax", "An instance comes in a transfer syntax that was asked for", "PS3.18 9.4.1.2")
def transfer_syntax(session: Session) -> str:
    """Retrieve an image stored in RLE, uncompressed."""
    _offered(session)
    sent = ready(session, "syntax-rle")
    answer = _ask(session, {"contentType": _DICOM, "transferSyntax": "1.2.840.10008.1.2.1"}, about="syntax-rle")
    if answer.status in (400, 406, 501):
        raise NotSupported(f"answered with {answer.status}")
    came = read_part10(answer.body)
    if came.transfer_syntax == sent.transfer_syntax:
        raise NotSupported("it comes as it is stored")
    expect_equal(came.transfer_syntax, "1.2.840.10008.1.2.1", "the transfer syntax")
    return compare(sent, came)


def _offered(session: Session) -> WebAnswer:
    """Return what a plain request is answered with.

    Raises:
        NotSupported: there is no URI service at the address.
    """
    if not session.target.uri:
        raise Skipped("give --web URL")
    answer = _ask(session, {"contentType": _DICOM})
    if answer.status in (404, 405, 501):
        raise NotSupported(f"answered with {answer.status}")
    return answer


def _ask(session: Session, more: Mapping[str, str], *, about: str = "mr") -> WebAnswer:
    of = subject(session, about)
    keys = {"requestType": "WADO", "studyUID": of.study, "seriesUID": of.series, "objectUID": of.instance, **more}
    return client(session).get(
        session.target.uri, accept="*/*", query={key: text for key, text in keys.items() if text}
    )
