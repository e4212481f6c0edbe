"""Resources that are not there, or are named wrongly (PS3.18 8.5, 10.4.3, 10.6.3)."""

from conformance.checks.registry import check
from conformance.checks.session import Session
from conformance.checks.verdicts import NotSupported, expect, expect_equal
from conformance.checks.web import AS_STORED, OCTETS, expect_offered, get, offered, subject
from conformance.checks.web_client import JSON
from conformance.checks.web_rows import Row, checks

_RETRIEVE = "PS3.18 10.4.3"
_JPEG = "image/jpeg"
_PROBLEM = ("application/problem+json", "application/json", JSON)

BELOW_AN_INSTANCE = checks(
    Row(f"web.missing.{id_}", title, _RETRIEVE, f"{{instance}}/{path}", accept, status=status, optional=optional)
    for id_, title, path, accept, status, optional in (
        ("frame-beyond", "A frame beyond the last is answered with 404", "frames/99999", OCTETS, (404, 400), False),
        ("frame-zero", "Frame 0 does not exist: 400 or 404", "frames/0", OCTETS, (400, 404), False),
        ("frame-text", "A frame number that is none is answered with 400", "frames/one", OCTETS, (400, 404), False),
        ("frame-list", "A frame list with a hole is answered with 400", "frames/1,,2", OCTETS, (400, 404), False),
        (
            "bulk-data",
            "A bulk value that does not exist is answered with 404",
            "bulkdata/x/y",
            OCTETS,
            (404, 400),
            True,
        ),
        ("rendered-frame", "A rendered frame beyond the last: 404", "frames/99999/rendered", _JPEG, (404, 400), True),
        ("resource", "A resource of no known name is answered with 404", "nothing", JSON, (404,), False),
    )
)


@check("web.missing.study", "What does not exist is answered with 404, at every level and resource", _RETRIEVE)
def study(session: Session) -> None:
    """Ask for a study that was never stored, and for its metadata, frames and pictures."""
    of = subject(session)
    unknown = session.objects.uid(999)
    paths = {
        f"/studies/{unknown}": AS_STORED,
        f"/studies/{unknown}/metadata": JSON,
        f"/studies/{of.study}/series/{unknown}": AS_STORED,
        f"/studies/{of.study}/series/{unknown}/metadata": JSON,
        f"/studies/{of.study}/series/{of.series}/instances/{unknown}": AS_STORED,
        f"/studies/{of.study}/series/{of.series}/instances/{unknown}/metadata": JSON,
        f"/studies/{of.study}/series/{of.series}/instances/{unknown}/frames/1": OCTETS,
    }
    statuses = {
        path.replace(unknown, "UNKNOWN"): get(session, path, accept=each).status for path, each in paths.items()
    }
    wrong = sorted(set(statuses.values()) - {404, 410})
    expect(not wrong, f"the statuses that came: {sorted(set(statuses.values()))}")


@check("web.missing.wrong-parent", "An instance is not found below a study it is not of", _RETRIEVE)
def wrong_parent(session: Session) -> None:
    """Ask for an instance of one study below another."""
    session.store_queried()
    path = f"/studies/{session.objects.uid(2)}/series/{session.objects.uid(1, 1)}"
    answer = get(session, f"{path}/instances/{session.objects.uid(1, 1, 1)}", accept=AS_STORED)
    expect_equal(answer.status, 404, "the status")


@check("web.missing.bad-uid", "A UID that is none is answered with 400 or 404", "PS3.18 8.5")
def bad_uid(session: Session) -> str:
    """Ask for studies with letters, dots at the end, and 65 digits in the place of a UID."""
    expect_offered(session)
    uids = ("abc", "1.2.", "1" * 65, "..%2F..%2Fetc%2Fpasswd", "1.2%00.3")
    statuses = [get(session, f"/studies/{uid}/metadata").status for uid in uids]
    expect(set(statuses) <= {400, 404, 414}, f"the statuses: {statuses}")
    return ", ".join(map(str, statuses))


@check(
    "web.missing.method",
    "A method that a resource does not have is answered with 405, and Allow names those it has",
    "PS3.18 8.5",
)
def method(session: Session) -> str:
    """Put a study: there is no such transaction in PS3.18 10."""
    of = subject(session)
    client = session.target.web
    assert client is not None
    answer = client.request("PUT", f"/studies/{of.study}/metadata", body=b"x")
    expect(400 <= answer.status < 502, f"the status is {answer.status}")
    if answer.status != 405:
        raise NotSupported(f"answered with {answer.status}")
    expect("GET" in answer.headers.get("allow", ""), "405 came without the methods there are (RFC 9110 15.5.6)")
    return answer.headers["allow"]


@check("web.missing.methods", "Allow names the methods of all transactions of a resource", "PS3.18 8.5, 10.5, 10.6")
def methods(session: Session) -> str:
    """Put the studies, which are searched with GET, and may be stored with POST (RFC 9110 15.5.6)."""
    expect_offered(session)
    client = session.target.web
    assert client is not None
    stored = client.request("POST", "/studies", body=b"x", headers={"Content-Type": "text/plain"}).status
    answer = client.request("PUT", "/studies", body=b"x")
    if answer.status != 405:
        raise NotSupported(f"answered with {answer.status}")
    named = {each.strip() for each in answer.headers.get("allow", "").split(",")}
    wanted = {"GET"} if stored in (405, 501) else {"GET", "POST"}
    expect(
        wanted <= named, f"{', '.join(sorted(wanted - named))} is missing in {answer.headers.get('allow', 'nothing')!r}"
    )
    return answer.headers["allow"]


@check("web.missing.explained", "A refusal says why, in a body that programs can read", "PS3.18 8.5")
def explained(session: Session) -> str:
    """Ask for what does not exist; RFC 9457 has the form of the explanation."""
    expect_offered(session)
    answer = offered(get(session, f"/studies/{session.objects.uid(999)}/metadata"))
    if not answer.body:
        raise NotSupported("there is no body")
    if answer.media_type not in _PROBLEM:
        raise NotSupported(f"it is of media type {answer.media_type!r}")
    expect(b"Traceback" not in answer.body, "it shows the inside of the program")
    return answer.media_type
