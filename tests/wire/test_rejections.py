"""Rejecting in a running node: what its peers are told, with our own requestor and with DCMTK's programs."""

import re
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian

import dcmtk
from conformance import phantoms
from conformance.corpus import Instance
from conformance.requests import Answer, find, get, get_proposals, query_proposals
from conformance.upper_layer import Association
from exchange import store_all
from running_node import RunningNode, running_node
from vna.archive import Rejections, Statement
from vna.model import RejectionReason, Scope
from vna.node import open_archive
from vna.settings import Settings

COUNT = "NumberOfStudyRelatedInstances"


def slices(study: int) -> list[Dataset]:
    """Return a study of three slices, in the order of their UIDs."""
    made = [phantoms.ct_slice(study=study, number=number, size=16) for number in (1, 2, 3)]
    return sorted(made, key=lambda ds: str(ds.SOPInstanceUID))


def as_sent(data_sets: list[Dataset]) -> list[Instance]:
    """Return data sets as they are sent."""
    syntax = ExplicitVRLittleEndian
    return [Instance(ds.SOPClassUID, ds.SOPInstanceUID, syntax, phantoms.data_set_bytes(ds)) for ds in data_sets]


def vna(node: RunningNode, *arguments: str) -> str:
    """Run a command beside the running node, which must succeed; return what it prints."""
    answer = node.node.vna(*arguments)
    assert answer.returncode == 0, answer.stderr
    return answer.stdout


@contextmanager
def beside(node: RunningNode) -> Iterator[Rejections]:
    """Open the archive of a running node, as its commands do."""
    with closing(open_archive(Settings(data_dir=node.node.data_dir))) as archive:
        yield archive.rejections


def found(node: RunningNode, study: str) -> list[str]:
    """Return how many instances the study has that C-FIND finds, nothing if it finds no study."""
    with Association.open(node.address, query_proposals()) as association:
        matches = find(association, {"StudyInstanceUID": study, COUNT: ""}).matches
        return [str(match[COUNT].value) for match in matches]


def got(node: RunningNode, sent: list[Instance], study: str) -> tuple[list[Instance], Answer]:
    """Return what C-GET gives of the study, in the order of UIDs, and its final answer."""
    with Association.open(node.address, get_proposals(sent)) as association:
        retrieved = get(association, {"StudyInstanceUID": study})
    return sorted(retrieved.instances, key=lambda one: str(one.sop_instance_uid)), retrieved.answer


@pytest.mark.long
def test_a_rejected_study_is_gone_for_peers_at_once_and_comes_back_as_it_was(node: RunningNode) -> None:
    sent, study = as_sent(slices(7)), str(slices(7)[0].StudyInstanceUID)
    assert {answer.status for answer in store_all(node.address, sent)} == {0}
    before = got(node, sent, study)[0]

    told = vna(node, "reject", "--study", study, "--reason", "worklist", "--comment", "of MARTIN", "--yes")
    (number,) = re.findall(r"Rejected, as number (\d+)", told)
    instances, answer = got(node, sent, study)
    again, hidden = store_all(node.address, sent), found(node, study)
    vna(node, "restore-rejected", number)

    assert (before, instances, answer.status, hidden) == (sent, [], 0, [])
    comment = f"rejected before, and not taken again: rejection {number} stands"
    assert {(each.status, each.comment) for each in again} == {(0xC071, comment)}
    assert (got(node, sent, study)[0], found(node, study)) == (sent, ["3"])
    assert "MARTIN" not in node.log()


def test_what_is_kept_hidden_is_answered_with_a_warning(tmp_path: Path) -> None:
    sent, study = as_sent(slices(8)), slices(8)[0].StudyInstanceUID
    with running_node(tmp_path, settings={"VNA_ARCHIVE__REJECTED_AGAIN": "keep-hidden"}) as node:
        store_all(node.address, sent[:2])
        with beside(node) as rejections:
            number = rejections.reject(Scope(study), RejectionReason.SAFETY, Statement("test"))

            answers = store_all(node.address, sent[1:])

            comment = f"kept but not shown: rejection {number} stands"
            assert [(each.status, each.comment) for each in answers] == [(0xB000, comment)] * 2
            assert found(node, study) == []
            rejections.restore(number, Statement("test"))
        assert got(node, sent, study)[0] == sent


@dcmtk.needs_dcmtk
def test_dcmtk_sees_no_more_of_a_rejected_instance(node: RunningNode, tmp_path: Path) -> None:
    first, *others = slices(9)
    uids = [str(ds.SOPInstanceUID) for ds in others]
    assert {answer.status for answer in store_all(node.address, as_sent([first, *others]))} == {0}
    (tmp_path / "first.dcm").write_bytes(phantoms.part10(first))
    (tmp_path / "got").mkdir()

    with beside(node) as rejections:
        rejected = rejections.named(instance=first.SOPInstanceUID)
        rejections.reject(rejected, RejectionReason.QUALITY, Statement("test"))
    fetched = run(node, "getscu", "-S", "-od", str(tmp_path / "got"), *level("STUDY", rejected))
    listed = run(node, "findscu", "-S", *level("IMAGE", rejected), "-k", "SOPInstanceUID")
    refused = run(node, "storescu", "-d", files=tmp_path / "first.dcm")

    assert fetched.returncode == 0, fetched.stderr
    assert sorted(path.name.partition(".")[2] for path in (tmp_path / "got").iterdir()) == uids
    assert [uid for uid in (str(first.SOPInstanceUID), *uids) if uid in listed.stderr + listed.stdout] == uids
    assert "0xc071" in refused.stderr + refused.stdout
    assert "not taken again: rejection" in refused.stderr + refused.stdout


def level(name: str, scope: Scope) -> list[str]:
    """Return a query of a study, or of its series, as options."""
    asked = {"QueryRetrieveLevel": name, "StudyInstanceUID": scope.study}
    if name == "IMAGE":
        asked["SeriesInstanceUID"] = str(scope.series)
    return [part for keyword, value in asked.items() for part in ("-k", f"{keyword}={value}")]


def run(node: RunningNode, name: str, *options: str, files: Path | None = None) -> "subprocess.CompletedProcess[str]":
    """Run one of DCMTK's programs against the node."""
    address = [node.address.host, str(node.address.port)]
    command = [str(dcmtk.program(name)), "-aec", "VNA", *options, *address, *([str(files)] if files else [])]
    return subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)
