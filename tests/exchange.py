"""Instances sent to a node and fetched back, with what names them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from pydicom import data as pydicom_data

from conformance.corpus import Instance
from conformance.requests import Answer, get, get_proposals, in_batches, store, store_proposals
from conformance.sources import read_part10
from conformance.upper_layer import Address, Association
from shared_samples import SAMPLES
from vna.dicom.describe import key_of
from vna.dicom.scan import scan
from vna.errors import CannotUnderstand


@dataclass(frozen=True, slots=True)
class RoundTrip:
    """What became of an instance: the answer to C-STORE, and what C-GET then gave, which is None after a refusal.

    `answer` is None where the presentation context was not accepted.
    """

    answer: Answer | None
    got: Instance | None


def unique_keys(instance: Instance) -> dict[str, str]:
    """Return the unique keys of the IMAGE level (PS3.4 C.6.2.1) of a data set that names itself."""
    _, key = key_of(scan(instance.data, instance.transfer_syntax))
    return {"StudyInstanceUID": key.study, "SeriesInstanceUID": key.series, "SOPInstanceUID": key.instance}


def round_trips(address: Address, instances: Mapping[str, Instance]) -> Iterator[tuple[str, Instance, RoundTrip]]:
    """Send each instance in its own transfer syntax and fetch it back at once, before the next is sent."""
    names = {id(instance): name for name, instance in instances.items()}
    for batch in in_batches(list(instances.values())):
        with (
            Association.open(address, store_proposals(batch)) as storing,
            Association.open(address, get_proposals(batch)) as getting,
        ):
            for instance in batch:
                yield names[id(instance)], instance, _round_trip(storing, getting, instance)


def store_all(address: Address, instances: Sequence[Instance]) -> list[Answer]:
    """Send instances in order, each in its own transfer syntax; return their answers."""
    answers = []
    for batch in in_batches(instances):
        with Association.open(address, store_proposals(batch)) as association:
            answers += [store(association, instance) for instance in batch]
    return answers


def packaged_instances() -> dict[str, Instance]:
    """Return the Part 10 files that come with pydicom, by their path."""
    return _instances(Path(pydicom_data.__file__).parent / "test_files")


def sample_instances() -> dict[str, Instance]:
    """Return the Part 10 files of ../shared/samples but the malformed ones, by their path; none without samples."""
    return {name: instance for name, instance in _instances(SAMPLES).items() if "malformed" not in name}


def named_by_data_set(instance: Instance) -> Instance:
    """Return the instance under the SOP Class and Instance UID of its data set, where it has them.

    Files exist whose File Meta Information says otherwise; what is sent is the data set.
    """
    try:
        sop_class, key = key_of(scan(instance.data, instance.transfer_syntax))
    except CannotUnderstand:
        return instance
    return replace(instance, sop_class_uid=sop_class, sop_instance_uid=key.instance)


def _round_trip(storing: Association, getting: Association, instance: Instance) -> RoundTrip:
    if storing.context(instance.sop_class_uid, instance.transfer_syntax) is None:
        return RoundTrip(None, None)
    answer = store(storing, instance)
    if answer.status != 0:
        return RoundTrip(answer, None)
    got = get(getting, unique_keys(instance), level="IMAGE").instances
    return RoundTrip(answer, got[0] if got else None)


def _instances(folder: Path) -> dict[str, Instance]:
    found = {}
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        try:
            found[str(path.relative_to(folder))] = named_by_data_set(read_part10(path.read_bytes()))
        except ValueError:
            continue
    return found
