"""What checks of DICOMweb share: requests of a session, and what an answer to something optional means."""

from collections.abc import Mapping
from dataclasses import dataclass

from conformance.checks.multipart import Part, body_of, related
from conformance.checks.session import Session
from conformance.checks.verdicts import NotSupported, Skipped, expect
from conformance.checks.web_client import JSON, WebAnswer, WebClient, value
from conformance.corpus import Instance

AS_STORED = 'multipart/related; type="application/dicom"; transfer-syntax=*'
OCTETS = 'multipart/related; type="application/octet-stream"'
XML = 'multipart/related; type="application/dicom+xml"'
NOT_OFFERED = (404, 405, 406, 415, 501)
"""What a server answers that does not have a resource or a media type."""


@dataclass(frozen=True, slots=True)
class Subject:
    """An image that the node holds, by its UIDs: what the rows of the tables ask for."""

    study: str
    series: str
    instance: str

    def path(self, template: str) -> str:
        """Return a path in which {study}, {series} and {instance} are the addresses of these levels."""
        study = f"/studies/{self.study}"
        series = f"{study}/series/{self.series}"
        return template.format(study=study, series=series, instance=f"{series}/instances/{self.instance}")


def client(session: Session) -> WebClient:
    """Return what speaks to the DICOMweb root.

    Raises:
        Skipped: no root was given.
    """
    if session.target.web is None:
        raise Skipped("give --web URL")
    return session.target.web


def get(session: Session, path: str, *, accept: str = JSON, query: Mapping[str, str] | None = None) -> WebAnswer:
    """Get a resource below the DICOMweb root."""
    return client(session).get(path, accept=accept, query=query)


def post(session: Session, path: str, body: bytes, *, media_type: str, accept: str = JSON) -> WebAnswer:
    """Post a body to a resource below the DICOMweb root."""
    return client(session).request("POST", path, headers={"Accept": accept, "Content-Type": media_type}, body=body)


def post_instances(session: Session, *instances: bytes, path: str = "/studies", accept: str = JSON) -> WebAnswer:
    """Store Part 10 files (PS3.18 10.5)."""
    body = body_of(Part({"Content-Type": "application/dicom"}, instance) for instance in instances)
    return post(session, path, body, media_type=related("application/dicom"), accept=accept)


def expect_offered(session: Session) -> None:
    """See that the DICOMweb root is one.

    Raises:
        NotSupported: searching for studies is not offered there.
    """
    answer = get(session, "/studies", query={"limit": "1"})
    if answer.status in NOT_OFFERED:
        raise NotSupported(f"GET /studies is answered with {answer.status}")


def offered(answer: WebAnswer, *, unless: tuple[int, ...] = (405, 501)) -> WebAnswer:
    """Return an answer.

    Raises:
        NotSupported: its status says that what was asked for is not offered.
    """
    if answer.status in unless:
        raise NotSupported(f"answered with {answer.status}")
    return answer


def ready(session: Session, name: str) -> Instance:
    """Return an object that the node has taken, over DICOMweb or DIMSE."""
    expect_offered(session)
    return session.stored(name)


def subject(session: Session, name: str = "mr") -> Subject:
    """Return the image that rows are about: an object of ours, or the first one of the study that was named.

    Raises:
        Skipped: the node does not hold it.
    """
    if not session.target.study:
        ready(session, name)
        uid, (study, series, number) = session.objects.uid, session.objects.numbers(name)
        return Subject(uid(study), uid(study, series), uid(study, series, number))
    found = get(session, f"/studies/{session.target.study}/instances").items()
    images = [one for one in found if value(one, "00280010")] or found
    if not images:
        raise Skipped("the study that was named is not found")
    first = images[0]
    return Subject(session.target.study, str(value(first, "0020000E")), str(value(first, "00080018")))


def expect_problem(answer: WebAnswer, status: int) -> str:
    """See that a request is refused with a status, and return the media type of what explains it."""
    expect(answer.status == status, f"the status is {answer.status} instead of {status}")
    return answer.media_type or "without a body"
