"""Sending the collection to a node, each institution under an AE title of its own, as its PACS would."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pydicom.uid import ImplicitVRLittleEndian

from conformance.requests import STUDY_ROOT_FIND, find, in_batches, store, store_proposals
from conformance.sources import read_part10
from conformance.upper_layer import Address, Association, Proposal, Requestor
from sample_data.people import CHU, INFIRMARY, KLINIKUM

SENDERS = {CHU.folder: "CHU", INFIRMARY.folder: "INFIRMARY", KLINIKUM.folder: "KLINIKUM"}
"""The AE title that each institution's files are sent under, by the name of its folder."""


class NotStored(Exception):
    """The node answered a C-STORE with something other than success."""


@dataclass(frozen=True, slots=True)
class Held:
    """What a node holds, as it answers a query: its studies, and the instances in them."""

    studies: int
    instances: int


def send(address: Address, collection: Path) -> Iterator[Path]:
    """Send every file of a collection and yield each once it is stored.

    Raises:
        NotStored: the node refused one; the message names it.
    """
    for folder, ae_title in SENDERS.items():
        paths = sorted((collection / folder).rglob("*.dcm"))
        instances = [read_part10(path.read_bytes()) for path in paths]
        remaining = iter(paths)
        for batch in in_batches(instances):
            requestor = Requestor(ae_title=ae_title)
            with Association.open(address, store_proposals(batch), requestor=requestor) as association:
                for instance in batch:
                    answer = store(association, instance)
                    if answer.status != 0:
                        raise NotStored(f"{instance.sop_instance_uid}: {answer.status:04X} {answer.comment}")
                    yield next(remaining)


def held(address: Address) -> Held:
    """Ask a node how much it holds."""
    with Association.open(address, [Proposal(STUDY_ROOT_FIND, (ImplicitVRLittleEndian,))]) as association:
        found = find(association, {"StudyInstanceUID": "", "NumberOfStudyRelatedInstances": ""})
    counts = [int(match.NumberOfStudyRelatedInstances) for match in found.matches]
    return Held(len(counts), sum(counts))
