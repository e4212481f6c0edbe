"""What a client may keep, and parts of what it asks for (RFC 9110, RFC 9111; PS3.18 8.4)."""

from conformance.checks.registry import Check, check
from conformance.checks.session import Session
from conformance.checks.verdicts import NotSupported, expect, expect_equal
from conformance.checks.web import AS_STORED, OCTETS, Subject, client, expect_offered, subject
from conformance.checks.web_client import JSON, WebAnswer

_RESOURCES = {
    "study": ("{study}", AS_STORED),
    "series": ("{series}", AS_STORED),
    "instance": ("{instance}", AS_STORED),
    "file": ("{instance}", "application/dicom"),
    "metadata": ("{series}/metadata", JSON),
    "frame": ("{instance}/frames/1", OCTETS),
    "frame without multipart": ("{instance}/frames/1", "application/octet-stream"),
    "rendered": ("{instance}/rendered", "image/jpeg"),
    "thumbnail": ("{instance}/thumbnail", "image/jpeg"),
}


def _validated(name: str) -> Check:
    """Return the check that an ETag of a resource is honoured."""

    def run(session: Session) -> str:
        first = _first(session, name)
        tag = first.headers.get("etag")
        if not tag:
            raise NotSupported("the answer has no ETag")
        again = _ask(session, name, {"If-None-Match": f'"other", {tag}'})
        expect_equal((again.status, again.body), (304, b""), "status and body when nothing has changed")
        expect_equal(again.headers.get("etag"), tag, "the ETag of 304 (RFC 9110 15.4.5)")
        other = _ask(session, name, {"If-None-Match": '"other"'})
        expect_equal(other.status, 200, "the status for an ETag that is not its own")
        return "weak" if tag.startswith("W/") else "strong"

    return Check(
        f"web.cache.{_id(name)}", f"304 answers who holds the {name} already", "PS3.18 8.4 (RFC 9110 13.1.2)", run
    )


def _ranged(name: str) -> Check:
    """Return the check that a range of a resource comes."""

    def run(session: Session) -> None:
        first = _first(session, name)
        part = _ask(session, name, {"Range": "bytes=1-4"})
        if part.status == 200:
            raise NotSupported("the whole comes instead")
        expect_equal(part.status, 206, "the status")
        expect_equal(part.body, first.body[1:5], "the bytes")
        expect_equal(part.headers.get("content-range"), f"bytes 1-4/{len(first.body)}", "Content-Range")

    return Check(f"web.range.{_id(name)}", f"A range of the {name} comes with 206", "PS3.18 8.4 (RFC 9110 14.2)", run)


def _id(name: str) -> str:
    return name.replace(" ", "-")


VALIDATED = tuple(_validated(name) for name in _RESOURCES)
RANGED = tuple(_ranged(name) for name in ("instance", "file", "frame", "frame without multipart", "rendered"))


@check("web.range.beyond", "A range beyond the end is answered with 416", "PS3.18 8.4 (RFC 9110 15.5.17)")
def range_beyond(session: Session) -> None:
    """Ask for bytes that are not there."""
    _first(session, "file")
    answer = _ask(session, "file", {"Range": "bytes=99999999-"})
    if answer.status == 200:
        raise NotSupported("ranges are passed over")
    expect_equal(answer.status, 416, "the status")


@check(
    "web.range.condition", "A range of what has changed since is answered with the whole", "PS3.18 8.4 (RFC 9110 14.2)"
)
def range_condition(session: Session) -> None:
    """Ask for a range if an ETag still holds that never did."""
    first = _first(session, "file")
    answer = _ask(session, "file", {"Range": "bytes=1-4", "If-Range": '"other"'})
    expect_equal((answer.status, len(answer.body)), (200, len(first.body)), "status and length")


@check(
    "web.cache.not-acceptable",
    "A condition does not hide that nothing fits the Accept header",
    "PS3.18 8.4 (RFC 9110 13.2.1)",
)
def not_acceptable_first(session: Session) -> None:
    """Ask for metadata as a spreadsheet if they have changed."""
    expect_offered(session)
    headers = {"Accept": "text/csv", "If-None-Match": "*"}
    answer = client(session).request("GET", _path(subject(session), "metadata"), headers=headers)
    expect_equal(answer.status, 406, "the status")


@check("web.cache.private", "Images are not left to shared caches", "PS3.18 8.4 (RFC 9111 5.2.2)")
def private(session: Session) -> str:
    """See Cache-Control of an instance."""
    control = _first(session, "instance").headers.get("cache-control", "")
    if not control:
        raise NotSupported("there is no Cache-Control")
    expect("public" not in control, f"Cache-Control is {control!r}")
    return control


@check("web.cache.head", "HEAD answers as GET does, without a body", "PS3.18 8.4 (RFC 9110 9.3.2)")
def head(session: Session) -> None:
    """Ask for the head of an instance."""
    of = subject(session)
    answer = client(session).request("HEAD", _path(of, "instance"), headers={"Accept": AS_STORED})
    if answer.status in (400, 404, 405, 501):
        raise NotSupported(f"answered with {answer.status}")
    expect_equal((answer.status, answer.body), (200, b""), "status and body")
    expect_equal(answer.media_type, "multipart/related", "the media type")


@check(
    "web.cache.compressed", "Metadata come compressed to who takes it so, and say it", "PS3.18 8.4 (RFC 9110 12.5.3)"
)
def compressed(session: Session) -> str:
    """Offer gzip."""
    _first(session, "metadata")
    answer = _ask(session, "metadata", {"Accept-Encoding": "gzip"})
    coding = answer.headers.get("content-encoding", "")
    if not coding:
        raise NotSupported("they come as they are")
    expect_equal(coding, "gzip", "Content-Encoding")
    return (
        coding if "accept-encoding" in answer.headers.get("vary", "").lower() else f"{coding}, and Vary does not say so"
    )


def _first(session: Session, name: str) -> WebAnswer:
    """Return a resource whole.

    Raises:
        NotSupported: the node does not have it.
    """
    expect_offered(session)
    answer = _ask(session, name, {})
    if answer.status != 200:
        raise NotSupported(f"answered with {answer.status}")
    return answer


def _ask(session: Session, name: str, headers: dict[str, str]) -> WebAnswer:
    accept = _RESOURCES[name][1]
    return client(session).request("GET", _path(subject(session), name), headers={"Accept": accept, **headers})


def _path(of: Subject, name: str) -> str:
    return of.path(_RESOURCES[name][0])
