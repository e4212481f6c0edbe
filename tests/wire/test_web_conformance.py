"""The checks over DICOMweb find nothing wrong with our node, and a lot with a server that is wrong."""

import argparse
import json
import uuid
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from conformance.checks import command
from conformance.checks.catalogue import CHECKS, chosen
from conformance.checks.objects import TestObjects
from conformance.checks.run import Unreachable, meet, run_checks
from conformance.checks.session import Session, Target
from conformance.checks.verdicts import Verdict
from conformance.checks.web_client import WebClient
from conformance.server import free_port
from running_node import RunningNode
from web_node import http_address
from wrong_web_server import wrong_web_server

A_FEW = [
    "web.store.instance",
    "web.store.other-study",
    "web.search.*",
    "web.retrieve.*",
    "web.missing.*",
    "web.service.*",
]


def _session(root: str, **more: str) -> Session:
    target = Target(None, web=WebClient(root, 30), uri=f"{root}/wado", timeout_s=30, **more)
    return Session(target, TestObjects(uuid.UUID(int=2)))


def _found(session: Session, patterns: Iterable[str]) -> dict[str, tuple[Verdict, str]]:
    return {one.check.id: (one.verdict, one.detail) for one in run_checks(session, chosen(patterns))}


def _wrong(found: dict[str, tuple[Verdict, str]]) -> dict[str, str]:
    return {id_: f"{verdict}: {detail}" for id_, (verdict, detail) in found.items() if verdict is not Verdict.PASSED}


def test_our_node_passes_over_the_web_alone(node: RunningNode) -> None:
    found = _found(_session(f"{http_address(node)}/dicom-web"), A_FEW)

    assert _wrong(found) == {}
    assert len(found) > 30


@pytest.mark.long
def test_our_node_passes_every_check_over_the_web(node: RunningNode) -> None:
    found = _found(_session(f"{http_address(node)}/dicom-web"), ["web.*"])

    assert _wrong(found) == {}
    assert len(found) == len([check for check in CHECKS if check.id.startswith("web.")])


@pytest.mark.parametrize(
    ("id_", "because"),
    [
        ("web.search.by-uid", "what it finds: [] instead of ['RUN.1']"),
        ("web.search.not-acceptable", "the status: 200 instead of 406"),
        ("web.query.additional", "the number of matches: 0 instead of 1"),
        ("web.retrieve.unknown", "the status: 200 instead of 404"),
        ("web.store.instance", "the instance named in the answer: '1.2' instead of 'RUN.13.1.1'"),
        ("web.store.media-type", "the status: 200 instead of 415"),
        ("web.store.other-study", "the status: 200 instead of 409"),
        ("web.store.garbage", "the status is 200"),
        ("web.accept.dicom.study", "the media type is 'application/dicom+json'"),
        ("web.missing.bad-uid", "the statuses: [200, 200, 200, 200, 200]"),
        ("web.cache.metadata", "status and body when nothing has changed: (200, b'[]') instead of (304, b'')"),
        ("web.rendered.jpeg", "the media type: 'application/dicom+json' instead of 'image/jpeg'"),
        ("web.service.cors", "every origin may read: '*'"),
        ("web.service.capabilities", "the media type: 'application/dicom+json' instead of"),
    ],
)
def test_a_wrong_server_fails(id_: str, because: str) -> None:
    with wrong_web_server() as root:
        verdict, detail = _found(_session(root), [id_])[id_]

    assert because in detail
    assert verdict is Verdict.FAILED


def test_what_is_wrong_is_no_pass() -> None:
    with wrong_web_server() as root:
        found = _found(_session(root), ["web.accept.*", "web.content.*", "web.rendered.*", "web.query.refused.*"])

    assert [id_ for id_, (verdict, _) in found.items() if verdict is Verdict.PASSED] == []


def _run(*options: str) -> int:
    parser = argparse.ArgumentParser()
    command.add_options(parser)
    args = parser.parse_args(options)
    with pytest.raises(SystemExit) as ended:
        args.run(args)
    return int(ended.value.code or 0)


def test_the_command_checks_a_server_that_has_dicomweb_alone(
    node: RunningNode, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root, report = f"{http_address(node)}/dicom-web/", tmp_path / "report.json"

    status = _run(
        "--web", root, "--only", "*retrieve.i*", "--only", "find.*", "--format", "json", "--output", str(report)
    )

    document = json.loads(report.read_text())
    assert (status, [one["id"] for one in document["checks"]]) == (0, ["web.retrieve.instance"])
    assert "; 1 study left behind" in capsys.readouterr().err


def test_a_named_study_is_checked_without_storing_anything(node: RunningNode) -> None:
    root = f"{http_address(node)}/dicom-web"
    stored = _session(root)
    _found(stored, ["web.retrieve.frame"])
    (study,) = stored.left_behind()

    session = _session(root, study=study)
    found = _found(
        session, ["web.accept.frame.octets", "web.accept.json.study", "web.query.date", "web.store.instance"]
    )

    assert session.left_behind() == []
    assert {id_: verdict for id_, (verdict, _) in found.items()} == {
        "web.accept.frame.octets": Verdict.PASSED,
        "web.accept.json.study": Verdict.PASSED,
        "web.query.date": Verdict.SKIPPED,
        "web.store.instance": Verdict.SKIPPED,
    }


def test_a_server_that_is_not_there_is_told_in_a_sentence() -> None:
    with pytest.raises(Unreachable, match="does not answer"):
        meet(_session(f"http://127.0.0.1:{free_port()}/dicom-web"))


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ([], "give the node to check: --dimse AET@HOST:PORT, --web URL, or both"),
        (["--web", "http://127.0.0.1:1/x", "--header", "token"], "--header needs NAME: VALUE"),
    ],
    ids=["nothing", "header"],
)
def test_the_command_says_what_it_lacks(options: list[str], reason: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert _run(*options) == 2
    assert reason in capsys.readouterr().err


def test_an_address_that_is_no_url_is_refused() -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="is no URL"):
        command.web_root(urlsplit("http://host/x").path)
