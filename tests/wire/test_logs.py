"""The log of a real node at its most talkative: one id through an association, and nothing about a patient."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import cbor2
import pytest
from pydicom.dataset import Dataset

from conformance import phantoms
from conformance.corpus import Instance
from conformance.oddities import encoded
from conformance.requests import find, get, get_proposals, move, query_proposals, store, store_proposals
from conformance.upper_layer import Aborted, Association, PeerClosed, Proposal
from destinations import Destination, Visit
from running_node import RunningNode, running_node
from vna.dicom.encoding import EXPLICIT_LE_UID, IMPLICIT_LE_UID

STUDY_MOVE = "1.2.840.10008.5.1.4.1.2.2.2"
SECRETS = {
    "PatientName": "ZWERGENBERG^ADELHEID",
    "PatientID": "GEHEIM-4711",
    "PatientBirthDate": "19310413",
    "PatientAddress": "FUCHSBAUGASSE 7",
    "StudyDescription": "SELTENELEIDEN",
    "PatientComments": "WEINTVIEL",
    "ReferringPhysicianName": "QUACKSALBER^KUNO",
    "AccessionNumber": "ACC998877",
    "StudyID": "SID112233",
}
HIDDEN = sorted({part for value in SECRETS.values() for part in value.replace("^", " ").split() if len(part) > 1})
"""No part of these may stand in a log."""


def _slice(number: int) -> Dataset:
    ds = phantoms.ct_slice(number=number, size=64)
    for keyword, value in SECRETS.items():
        setattr(ds, keyword, value)
    return ds


INSTANCES = [encoded(_slice(number)) for number in (1, 2, 3)]
STUDY = {"StudyInstanceUID": str(_slice(1).StudyInstanceUID)}


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningNode]:
    """A node that logs all there is to log, as JSON."""
    settings = {"VNA_LOG__LEVEL": "debug", "VNA_LOG__FORMAT": "json", "VNA_SERVE__WORKERS": "2"}
    with running_node(tmp_path_factory.mktemp("node"), settings=settings) as running:
        yield running


def _lines(node: RunningNode, *, after: int = 0) -> list[dict[str, Any]]:
    lines = [json.loads(line) for line in node.log().splitlines() if line.startswith("{")]
    return lines[after:]


def _send(node: RunningNode, instances: list[Instance]) -> list[int]:
    with Association.open(node.address, store_proposals(instances)) as association:
        return [store(association, instance).status for instance in instances]


def _damaged() -> list[Instance]:
    """What a node refuses: cut short, named otherwise, not in the syntax agreed on, with a broken date."""
    first = INSTANCES[0]
    return [
        replace(first, data=first.data[: len(first.data) // 2 + 1]),
        replace(first, sop_instance_uid="1.2.3"),
        replace(first, data=bytes(reversed(first.data))),
        replace(first, data=first.data.replace(b"DA\x08\x00", b"ZZ\x08\x00")),
        replace(first, data=first.data.replace(b"19310413", b"GEHEIM-4")),
    ]


def test_nothing_about_a_patient_is_logged(node: RunningNode) -> None:
    assert _send(node, INSTANCES) == [0, 0, 0]
    for bad in _damaged():
        with suppress(Aborted, PeerClosed):
            _send(node, [bad])
    questions = [
        SECRETS,
        {"PatientName": "ZWERGENBERG*", "PatientBirthDate": "GEHEIM-4711"},
        {"StudyDate": "ZWERGENBERG", "StudyTime": "FUCHSBAUGASSE"},
        {"StudyInstanceUID": "GEHEIM-4711", "PatientID": "GEHEIM\\4711"},
    ]
    with Association.open(node.address, [*query_proposals(), *get_proposals(INSTANCES)]) as asking:
        for keys in questions:
            for level in ("PATIENT", "STUDY", "SERIES", "IMAGE", "ZWERGENBERG"):
                find(asking, keys, level=level)
        assert len(get(asking, STUDY).instances) == 3
        get(asking, {"StudyInstanceUID": "GEHEIM-4711"})
    Association.open(node.address, query_proposals()).abort()
    status = node.node.vna("status")

    log = node.log() + status.stdout

    events = {line["event"] for line in _lines(node)}
    assert {"c-store stored", "c-find answered", "retrieve finished", "request refused"} <= events
    assert [secret for secret in HIDDEN if secret.lower() in log.lower()] == []


def test_one_id_goes_through_an_association_and_stands_in_the_journal(node: RunningNode) -> None:
    _send(node, INSTANCES)
    before = len(_lines(node))

    _send(node, INSTANCES)
    _send(node, [replace(INSTANCES[0], sop_instance_uid="1.2.3")])
    lines = _lines(node, after=before)

    again, refused = (line["association"] for line in lines if line["event"] == "association accepted")
    assert again != refused
    assert [line["event"] for line in lines if line["association"] == again] == [
        "association accepted",
        *["c-store stored"] * 3,
        "association ended",
    ]
    assert [line["event"] for line in lines if line["association"] == refused] == [
        "association accepted",
        "request refused",
        "association ended",
    ]
    assert _association_of_last_receipt(node.node.data_dir) == again


def _association_of_last_receipt(data_dir: Path) -> str:
    with closing(sqlite3.connect(data_dir / "index.sqlite")) as index:
        wanted = "SELECT body FROM event WHERE kind = 'received-again' ORDER BY position DESC"
        (body,) = index.execute(wanted).fetchone()
    return str(cbor2.loads(body)["association"])


@pytest.mark.long
def test_lines_of_other_threads_carry_the_id_too(node: RunningNode) -> None:
    """A C-MOVE sends from threads of its own; what its destination answers is logged there."""

    def refuse_all(visit: Visit) -> None:
        visit.accept()
        visit.serve(lambda _uid: 0xC000)

    _send(node, INSTANCES)
    before = len(_lines(node))
    with Destination(refuse_all) as destination:
        node.add_peer(destination.peer.ae_title, destination.peer.port)
        proposals = [Proposal(STUDY_MOVE, (IMPLICIT_LE_UID, EXPLICIT_LE_UID))]
        with Association.open(node.address, proposals) as asking:
            answer = move(asking, STUDY, destination=destination.peer.ae_title)
    lines = _lines(node, after=before)

    assert answer.status == 0xA702
    (accepted,) = (line["association"] for line in lines if line["event"] == "association accepted")
    answered = [line for line in lines if line["event"] == "sub-operation answered"]
    assert len(answered) == 3
    assert {line["association"] for line in answered} == {accepted}
    assert {line["fields"]["status"] for line in answered} == {"C000"}


pytestmark = pytest.mark.timeout(90)
