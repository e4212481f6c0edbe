"""What became of the instances of a Store transaction: the Store Instances Response Module (PS3.18 Annex I)."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from dicomweb.resources import path_of, path_of_instance
from vna.dicom.json_model import JsonObject
from vna.errors import OutOfResources
from vna.model import InstanceKey, Scope

COERCED: Final = 0xB000
"""Warning Reason of PS3.18 table I.2-1 that comes nearest to: it is kept, but is not what is shown."""

_CANNOT_UNDERSTAND: Final = range(0xC000, 0xD000)
_RETRIEVE_URL, _SOP_CLASS, _SOP_INSTANCE = "00081190", "00081150", "00081155"
_WARNING_REASON, _FAILURE_REASON = "00081196", "00081197"
_FAILED, _REFERENCED, _OTHER_FAILURES = "00081198", "00081199", "0008119A"


@dataclass(frozen=True, slots=True)
class Kept:
    """An instance that is on disk, indexed and findable; `warning` is a Warning Reason, 0 for none."""

    sop_class_uid: str
    key: InstanceKey
    warning: int = 0


@dataclass(frozen=True, slots=True)
class Failed:
    """An instance that is not kept, and why: Failure Reason and words; without its UIDs where they cannot be read."""

    reason: int
    detail: str
    sop_class_uid: str = ""
    sop_instance_uid: str = ""

    @property
    def is_named(self) -> bool:
        """Whether it is known which instance it would be."""
        return bool(self.sop_class_uid and self.sop_instance_uid)


Outcome = Kept | Failed


class Report:
    """The outcomes of one request, in the order its instances came."""

    def __init__(self, outcomes: Iterable[Outcome]) -> None:
        every = tuple(outcomes)
        self.kept = [each for each in every if isinstance(each, Kept)]
        self.failed = [each for each in every if isinstance(each, Failed)]

    @property
    def status(self) -> int:
        """The HTTP status (PS3.18 table 10.5.3-1).

        200 all kept; 202 some not, or with warnings. If nothing is kept 503 where only room is missing, 400 where
        nothing is DICOM, else 409.
        """
        if self.kept:
            return 202 if self.failed or any(each.warning for each in self.kept) else 200
        if all(each.reason == OutOfResources.status for each in self.failed):
            return 503
        unreadable = all(each.reason in _CANNOT_UNDERSTAND and not each.is_named for each in self.failed)
        return 400 if unreadable else 409

    def module(self, service: str) -> JsonObject:
        """Return the module as a DICOM JSON object; `service` is the address of the DICOMweb services."""
        studies = {each.key.study for each in self.kept}
        url = _element("UR", *(service + path_of(Scope(study)) for study in studies if len(studies) == 1))
        found: JsonObject = {_RETRIEVE_URL: url}
        named = [each for each in self.failed if each.is_named]
        others = [each for each in self.failed if not each.is_named]
        if named:
            found[_FAILED] = _sequence(
                {**_reference(each.sop_class_uid, each.sop_instance_uid), _FAILURE_REASON: _element("US", each.reason)}
                for each in named
            )
        if self.kept:
            found[_REFERENCED] = _sequence(_kept(each, service) for each in self.kept)
        if others:
            found[_OTHER_FAILURES] = _sequence({_FAILURE_REASON: _element("US", each.reason)} for each in others)
        return found


def _kept(kept: Kept, service: str) -> JsonObject:
    key = kept.key
    url = service + path_of_instance(key)
    item = {**_reference(kept.sop_class_uid, key.instance), _RETRIEVE_URL: _element("UR", url)}
    if kept.warning:
        item[_WARNING_REASON] = _element("US", kept.warning)
    return dict(sorted(item.items()))


def _reference(sop_class: str, instance: str) -> JsonObject:
    return {_SOP_CLASS: _element("UI", sop_class), _SOP_INSTANCE: _element("UI", instance)}


def _sequence(items: Iterable[JsonObject]) -> JsonObject:
    return {"vr": "SQ", "Value": list(items)}


def _element(vr: str, *values: Any) -> JsonObject:
    return {"vr": vr, "Value": list(values)} if values else {"vr": vr}
