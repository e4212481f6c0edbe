"""Extra attributes over real sockets: asked for and answered by C-FIND, and added to a node that holds something."""

import json
from io import BytesIO
from pathlib import Path

import pytest
from pydicom import Dataset
from pydicom.filereader import read_dataset

from conformance import oddities, phantoms
from conformance.corpus import Instance
from conformance.requests import find, query_proposals, store, store_proposals
from conformance.server import wait_until
from conformance.upper_layer import Association
from data_sets import encoded
from fake_node import fake_node
from raw_peer import EXPLICIT, STUDY_FIND, command_set, message
from running_node import RunningNode, running_node
from vna.dicom.extra import ExtraAttributes
from vna.dicom.matching import SingleValue

SETTING = "VNA_INDEX__EXTRA_ATTRIBUTES"


def test_a_private_attribute_is_asked_for_and_answered_with_its_creator() -> None:
    asked = Dataset()
    asked.QueryRetrieveLevel, asked.StudyInstanceUID, asked.ExposureTime = "STUDY", "", ""
    asked.private_block(0x0019, "SIEMENS MR HEADER", create=True).add_new(0x0C, "IS", "1000")
    with fake_node() as node, node.peer() as peer:
        node.archive.extra_attributes = extra = ExtraAttributes(["0019xx0C:SIEMENS MR HEADER@study", "ExposureTime"])
        node.archive.answers = [{"StudyInstanceUID": "1.2", "0019100C": "1000"}]
        peer.associate((STUDY_FIND, [EXPLICIT]))
        peer.send(message(1, command_set(STUDY_FIND, 0x20), encoded(asked, EXPLICIT)))
        pending, final = peer.read_message(), peer.read_message()
        peer.release()

    assert node.archive.queries[0].extra == {extra[0]: SingleValue("1000")}
    assert node.archive.queries[0].unsupported == ("ExposureTime",)
    assert (pending.command.status, final.command.status) == (0xFF01, 0)
    answer = read_dataset(BytesIO(pending.data), is_implicit_VR=False, is_little_endian=True)
    assert answer.private_block(0x0019, "SIEMENS MR HEADER")[0x0C].value == 1000


def _slices() -> list[Instance]:
    data_sets = phantoms.ct_series(3, size=16)
    for number, ds in enumerate(data_sets):
        ds.ExposureTime = str(100 * number)
    return [oddities.encoded(ds) for ds in data_sets]


def _found(node: RunningNode, **keys: str) -> list[str]:
    first = phantoms.ct_slice(size=16)
    asked = {"StudyInstanceUID": first.StudyInstanceUID, "SeriesInstanceUID": first.SeriesInstanceUID, **keys}
    with Association.open(node.address, query_proposals()) as association:
        found = find(association, {**asked, "SOPInstanceUID": ""}, level="IMAGE")
    assert found.answer.status == 0
    return [str(match.get("ExposureTime")) for match in found.matches]


def _is_read(node: RunningNode) -> bool:
    (told,) = json.loads(node.node.vna("status", "--json").stdout)["extra_attributes"]
    return bool(told["setting"] == "ExposureTime@instance" and told["read_upto"] >= 3)


@pytest.mark.long
def test_an_attribute_is_added_to_what_a_node_holds(tmp_path: Path) -> None:
    slices = _slices()
    with running_node(tmp_path) as node, Association.open(node.address, store_proposals(slices)) as association:
        assert [store(association, each).status for each in slices] == [0, 0, 0]

    with running_node(tmp_path, settings={SETTING: "ExposureTime"}) as node:
        at_once = _found(node, ExposureTime="200")
        wait_until(lambda: _is_read(node), node.node.process, log=node.node.log, timeout_s=60)
        later, nothing = _found(node, ExposureTime="200"), _found(node, ExposureTime="7")

    assert (at_once, later, nothing) == (["200"], ["200"], [])
