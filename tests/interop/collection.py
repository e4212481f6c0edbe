"""What is sent through other stacks: studies of several SOP Classes, transfer syntaxes and character sets.

Every study is in one transfer syntax. A label sets the UIDs of one collection apart from those of another.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from pydicom.dataset import Dataset
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRBigEndian, ImplicitVRLittleEndian

from conformance import oddities, phantoms
from conformance.corpus import Instance
from interop.stacks.roles import Wanted

CT_SLICES = 3
MANY = 240
"""How many instances the study for cancelling has: too many to be sent before a C-CANCEL is read."""


@dataclass(frozen=True, slots=True)
class Study:
    """A study: a name for it, its UID and its instances."""

    name: str
    uid: str
    instances: tuple[Instance, ...]

    @property
    def wanted(self) -> Wanted:
        """What a retriever has to know of it."""
        classes = {one.sop_class_uid for one in self.instances}
        syntaxes = {one.transfer_syntax for one in self.instances}
        return Wanted(self.uid, tuple(sorted(classes)), tuple(sorted(syntaxes)))

    def write(self, folder: Path) -> list[Path]:
        """Write its instances as Part 10 files and return them in order."""
        files = []
        for n, one in enumerate(self.instances):
            head = phantoms.part10_head(one.sop_class_uid, one.sop_instance_uid, one.transfer_syntax)
            files.append(folder / f"{self.name}-{n:02d}.dcm")
            files[-1].write_bytes(head + one.data)
        return files


@dataclass(frozen=True, slots=True)
class Person:
    """Whose study it is, when, and the Specific Character Set it is written in."""

    name: str
    patient_id: str
    study_date: str
    charset: str = ""


PEOPLE: Mapping[str, Person] = {
    "images": Person("MARTIN^ANNE", "INTEROP1", "20240115"),
    "implicit": Person("MARTINEZ^JOSE", "INTEROP2", "20240220"),
    "documents": Person("DUPONT^CLAIRE", "INTEROP3", "20240310"),
    "latin-1": Person("Müller^Jürgen", "NAMES1", "20230101", "ISO_IR 100"),
    "utf-8": Person("Wang^XiaoDong=王^小東", "NAMES2", "20230102", "ISO_IR 192"),
    "iso-2022": Person("Yamada^Tarou=山田^太郎=やまだ^たろう", "NAMES3", "20230103", "\\ISO 2022 IR 87"),
    "big-endian": Person("OLD^TIMER", "OTHER1", "20220101"),
    "deflated": Person("FLAT^TYRE", "OTHER2", "20220102"),
    "rle": Person("RUN^LENGTH", "OTHER3", "20220103"),
    "jpeg": Person("BASE^LINE", "OTHER4", "20220104"),
    "many": Person("MANY^SLICES", "OTHER5", "20220105"),
}
"""The patient of each study, by the study's name."""

GROUPS: Mapping[str, tuple[str, ...]] = {
    "uncompressed": ("images", "implicit", "documents"),
    "names": ("latin-1", "utf-8"),
    "code-extensions": ("iso-2022",),
    "big-endian": ("big-endian",),
    "deflated": ("deflated",),
    "rle": ("rle",),
    "jpeg": ("jpeg",),
}
"""The studies that are sent and retrieved together, by the name of the group."""


def study(name: str, *, label: str) -> Study:
    """Return one study of the collection of this label."""
    data_sets = _CONTENT[name]() if name in _CONTENT else [_capture(1)]
    person, uid = PEOPLE[name], _study_uid(name, label)
    for number, ds in enumerate(data_sets):
        ds.StudyInstanceUID = uid
        ds.SeriesInstanceUID = series_keys(name, ds.Modality, label=label)["SeriesInstanceUID"]
        ds.SOPInstanceUID = phantoms.uid("interop", label, name, number)
        if person.charset:
            ds.SpecificCharacterSet = person.charset.split("\\")
        ds.PatientName, ds.PatientID, ds.StudyDate = person.name, person.patient_id, person.study_date
    return Study(name, uid, tuple(map(oddities.encoded, data_sets)))


def series_keys(name: str, modality: str, *, label: str) -> dict[str, str]:
    """Return the unique keys of the series of a study that has this modality."""
    series = str(phantoms.uid("interop", label, name, modality))
    return {"StudyInstanceUID": _study_uid(name, label), "SeriesInstanceUID": series}


def group(name: str, *, label: str) -> list[Study]:
    """Return the studies of a group."""
    return [study(one, label=label) for one in GROUPS[name]]


def instances(studies: Iterable[Study]) -> list[Instance]:
    """Return the instances of studies, in order."""
    return [one for each in studies for one in each.instances]


def _study_uid(name: str, label: str) -> str:
    return str(phantoms.uid("interop", label, name))


def _capture(number: int) -> Dataset:
    return oddities.secondary_capture(study=1, number=number)


def _images() -> list[Dataset]:
    return [*phantoms.ct_series(CT_SLICES, size=64), phantoms.mr_slice(), phantoms.us_multiframe(frames=1)]


def _implicit() -> list[Dataset]:
    made = [phantoms.mr_slice(), phantoms.ct_slice(size=64)]
    return [phantoms.in_syntax(ds, ImplicitVRLittleEndian) for ds in made]


_CONTENT: Mapping[str, Callable[[], list[Dataset]]] = {
    "images": _images,
    "implicit": _implicit,
    "documents": lambda: [oddities.structured_report(), oddities.encapsulated_pdf()],
    "big-endian": lambda: [phantoms.in_syntax(phantoms.ct_slice(size=64), ExplicitVRBigEndian)],
    "deflated": lambda: [phantoms.in_syntax(phantoms.ct_slice(size=64), DeflatedExplicitVRLittleEndian)],
    "rle": lambda: [phantoms.rle_multiframe(frames=2)],
    "jpeg": lambda: [phantoms.jpeg_multiframe(frames=2)],
    "many": lambda: [_capture(n) for n in range(MANY)],
}
"""What makes the data sets of a study; a study that is not here is one secondary capture."""
