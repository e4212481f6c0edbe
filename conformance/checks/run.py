"""Makes checks one after the other; whatever a node answers, the run goes on to its end."""

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from http.client import HTTPException

from conformance.checks.registry import Check
from conformance.checks.session import IMPLICIT, Session
from conformance.checks.verdicts import Failed, NotSupported, Skipped, Verdict
from conformance.requests import VERIFICATION
from conformance.upper_layer import Aborted, PeerClosed, Proposal, Refused

_UNAUTHORIZED = (401, 403)


@dataclass(frozen=True, slots=True)
class Result:
    """What a check found; `detail` says why, or what else was seen, without what is of this run alone."""

    check: Check
    verdict: Verdict
    detail: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Identity:
    """What a node says of itself; empty where it says nothing."""

    implementation_uid: str
    implementation_version: str


class Unreachable(Exception):
    """There is nobody to check, or nobody who lets us in; the message says what to do."""


def meet(session: Session) -> Identity:
    """Return what the node says of itself: over DIMSE where it has an address there, else over DICOMweb.

    Raises:
        Unreachable: it does not accept an association for Verification, or does not answer a search.
    """
    if session.target.address is None:
        return _meet_over_web(session)
    address = session.target.address
    try:
        with session.open(Proposal(VERIFICATION, (IMPLICIT,))) as association:
            said = association.acceptance
            return Identity(said.implementation_uid, said.implementation_version)
    except Refused as exc:
        text = f"{address.ae_title} at {address.host}:{address.port}: {exc}; register {session.target.calling} there"
        raise Unreachable(text) from exc
    except (Aborted, PeerClosed, OSError, ValueError) as exc:
        raise Unreachable(f"{address.ae_title} at {address.host}:{address.port} does not answer: {exc}") from exc


def _meet_over_web(session: Session) -> Identity:
    client = session.target.web
    if client is None:
        raise Unreachable("there is neither an address nor a DICOMweb root")
    try:
        answer = client.get("/studies", query={"limit": "1"})
    except (OSError, HTTPException) as exc:
        raise Unreachable(f"{client.root} does not answer: {exc}") from exc
    if answer.status in _UNAUTHORIZED:
        raise Unreachable(f"{client.root} answers with {answer.status}; give --header 'Authorization: Bearer ...'")
    return Identity("", answer.headers.get("server", ""))


def run_checks(session: Session, checks: Iterable[Check]) -> Iterator[Result]:
    """Make checks in order, and yield what each found."""
    for check in checks:
        begin = time.perf_counter()
        verdict, detail = _outcome(session, check)
        yield Result(check, verdict, session.objects.anonymous(detail), time.perf_counter() - begin)


def _outcome(session: Session, check: Check) -> tuple[Verdict, str]:
    try:
        return Verdict.PASSED, check.run(session) or ""
    except NotSupported as exc:
        return Verdict.NOT_SUPPORTED, str(exc)
    except Skipped as exc:
        return Verdict.SKIPPED, str(exc)
    except Failed as exc:
        return Verdict.FAILED, str(exc)
    except Refused as exc:
        return Verdict.FAILED, str(exc)
    except Aborted as exc:
        return Verdict.FAILED, f"the association is {exc}"
    except PeerClosed:
        return Verdict.FAILED, "the connection is closed instead of an answer"
    except HTTPException as exc:
        return Verdict.FAILED, f"the answer is no HTTP: {type(exc).__name__}"
    except TimeoutError:
        return Verdict.FAILED, f"no answer within {session.target.timeout_s:g} s"
    except OSError as exc:
        return Verdict.FAILED, f"the connection broke: {exc.strerror or exc}"
    except Exception as exc:  # noqa: BLE001 - a node may answer anything, and what reads it may raise anything
        return Verdict.FAILED, f"the answer cannot be read: {type(exc).__name__}: {exc}"
