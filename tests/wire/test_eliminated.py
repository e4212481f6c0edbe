"""Eliminating beside a running node: what its peers are told, and that no older backup brings anything back."""

import json
import shutil
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian

from conformance import phantoms
from conformance.corpus import Instance
from conformance.requests import find, query_proposals
from conformance.upper_layer import Association
from destroying import destroy_beside
from exchange import store_all
from running_node import RunningNode, running_node
from vna.model import Scope, StudyUID
from vna.settings import Settings

pytestmark = [pytest.mark.long, pytest.mark.timeout(120)]


def slices(study: int) -> list[Dataset]:
    return [phantoms.ct_slice(study=study, number=number, size=16) for number in (1, 2)]


def as_sent(data_sets: list[Dataset]) -> list[Instance]:
    syntax = ExplicitVRLittleEndian
    return [Instance(ds.SOPClassUID, ds.SOPInstanceUID, syntax, phantoms.data_set_bytes(ds)) for ds in data_sets]


def found(node: RunningNode, study: str) -> int:
    with Association.open(node.address, query_proposals()) as association:
        return len(find(association, {"StudyInstanceUID": study}).matches)


def over_the_web(node: RunningNode, study: str) -> int:
    where = json.loads((node.node.data_dir / "node.json").read_bytes())["http"]
    address = f"http://{where['host']}:{where['port']}/dicom-web/studies/{study}"
    try:
        with urllib.request.urlopen(address, timeout=30) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as refused:
        with refused:
            return refused.code


def test_peers_are_told_and_a_backup_brings_nothing_back(tmp_path: Path) -> None:
    first, second = slices(1), slices(2)
    gone, stays = str(first[0].StudyInstanceUID), str(second[0].StudyInstanceUID)
    copies = tmp_path / "ledger"
    settings = {"VNA_ARCHIVE__LEDGER_COPIES": copies.as_uri()}
    with running_node(tmp_path, settings=settings) as node:
        data_dir = node.node.data_dir
        assert {answer.status for answer in store_all(node.address, as_sent(first + second))} == {0}
    backup = tmp_path / "backup"
    shutil.copytree(data_dir, backup)

    with running_node(tmp_path, settings=settings) as node:
        assert (found(node, gone), over_the_web(node, gone)) == (1, 200)
        beside = Settings(data_dir=data_dir, archive={"ledger_copies": (copies.as_uri(),)})
        number = destroy_beside(beside, Scope(StudyUID(gone)))

        again = store_all(node.address, as_sent(first))

        assert (found(node, gone), found(node, stays), over_the_web(node, gone)) == (0, 1, 410)
        comment = f"destroyed by elimination {number}, and not taken again"
        assert {(each.status, each.comment) for each in again} == {(0xC072, comment)}
    shutil.rmtree(data_dir)
    backup.rename(data_dir)
    with running_node(tmp_path, settings=settings) as node:
        assert (found(node, gone), found(node, stays), over_the_web(node, gone)) == (0, 1, 410)
        assert "eliminated again" in node.log()
    with running_node(tmp_path, settings=settings) as node:
        assert (found(node, gone), found(node, stays)) == (0, 1)


def test_a_broken_ledger_stops_the_start_unless_somebody_says_so(tmp_path: Path) -> None:
    copies = tmp_path / "ledger"
    copies.mkdir()
    (copies / f"{7:012}-{'0' * 16}.json").write_text("{}")
    settings = {"VNA_ARCHIVE__LEDGER_COPIES": copies.as_uri()}

    with pytest.raises(Exception, match=r"(?s)no page of a ledger of tombstones.*archive.broken_ledger"):  # noqa: SIM117
        with running_node(tmp_path, settings=settings):
            pass

    with running_node(tmp_path, settings={**settings, "VNA_ARCHIVE__BROKEN_LEDGER": "ignore"}) as node:
        assert "is ignored, as the settings say" in node.log()
