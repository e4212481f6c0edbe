"""An archive with studies that are long due, a profile in force, and persons who propose and decide."""

import copy
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from conformance import phantoms
from sending import Sending
from storage_backends import BlobStore, Documents, Memory
from vna.archive import Archive, Means, Notary, Room, Sealer, Spool, Statement, Visa, Wanted
from vna.archive.certificates import digest_of
from vna.archive.ledger import Ledger
from vna.events import FactKind, PatientFact, StepDecision
from vna.index import Index, open_index
from vna.journal import SealedJournal, SigningKey
from vna.model import Scope, SeriesUID, StudyUID
from vna.retention import Blocker

ROLES = ("records_manager", "director", "archives")
PERSONS = {"records_manager": "R. Manager", "director": "D. Rector", "archives": "A. Archivist"}
PROPOSER = "P. Roposer"
VISA = Visa("AD-2026/0417", date(2026, 1, 31))

PROFILE = """
profile: short
version: "{version}"
title: For tests
jurisdiction: ""
verified: {{by: "{verified_by}", on: "{verified_on}"}}
calendar: anniversary
combine: max
clock_scope: patient
suspend_while: {{claim: open, hold: [liability-claim], cite: "test"}}
rules:
  - {{id: BASE, when: {{record_class: medical_record}}, start: last_visit, keep: {{years: {years}}}, cite: five}}
{more}
elimination:
  action: propose_elimination
  approvals:
    - {{role: records_manager, kind: opinion}}
    - {{role: director, kind: approval}}
    - {{role: archives, kind: visa, reference: true}}
  wait_days: {wait_days}
  max_per_day: {max_per_day}
  sample_every: {sample_every}
  late_arrival: refuse
"""

SECOND_SERIES = """
  - id: SECOND
    level: series
    when: {series_description: ["SERIES 2"]}
    start: study_date
    keep: {years: 3}
    cite: "three years"
"""


def now() -> datetime:
    """Return the time it is, in UTC."""
    return datetime.now(UTC)


def equip(archive: Archive, index: Index, documents: Documents) -> Notary:
    """Give an archive what destroying and certifying need; the sealed journal and certificates are in `documents`."""
    journal, key = SealedJournal(documents), SigningKey(Ed25519PrivateKey.generate())
    notary = Notary(Sealer(index, journal), lambda: key, documents)
    archive.destruction.equip(Means(journal, notary.sealer, Ledger(index, {"here": documents}, lambda: key)))
    archive.executor.certify_with(notary)
    return notary


def bring_into_force(archive: Archive, *, version: str = "1", verified: bool = True, **values: object) -> int:
    """Propose and activate a profile that keeps everything five years from the last visit."""
    by, on = ("A. Reader", "2025-01-15") if verified else ("", "")
    terms = {"years": 5, "wait_days": 0, "max_per_day": 0, "sample_every": 0, "more": ""} | values
    text = PROFILE.format(version=version, verified_by=by, verified_on=on, **terms)
    number = archive.retention.profiles.propose(text, "one")
    archive.retention.profiles.activate(number, "another")
    return number


def store_study(archive: Archive, study: int, *, instances: int = 2, series: int = 1) -> StudyUID:
    """Store a small CT study of a patient of its own, of 2010."""
    sending = Sending(archive)
    uid = ""
    for number in range(1, instances + 1):
        ds = phantoms.ct_slice(study=study, series=series, number=number, size=16)
        ds.StudyDate, ds.PatientID, ds.PatientBirthDate = "20100131", f"P{study}", "19500101"
        ds.InstitutionName = "CHU"
        sending.store(ds)
        uid = ds.StudyInstanceUID
    return StudyUID(uid)


def visit(archive: Archive, study: int, day: str) -> None:
    """Say that the patient of a study came on a day."""
    issuer = archive.patients.named(f"P{study}", "")
    archive.patients.add(PatientFact(issuer, f"P{study}", FactKind.VISIT, day, feed="test"), "admissions")


def store_due(archive: Archive, *studies: int) -> list[StudyUID]:
    """Store studies that are long due, of patients who did come."""
    uids = [store_study(archive, study) for study in studies]
    for study in studies:
        visit(archive, study, "2011-05-01")
    return uids


def propose(archive: Archive, *, accepted: frozenset[Blocker] = frozenset(), **wanted: object) -> int:
    """Propose all that is due."""
    return archive.eliminations.propose(Wanted(accepted=accepted, **wanted), Statement(PROPOSER), now())  # type: ignore[arg-type]


def approve(archive: Archive, number: int, roles: Sequence[str] = ROLES) -> None:
    """Have each of these roles agree, in order."""
    for role in roles:
        visa = VISA if role == "archives" else None
        archive.eliminations.decide(number, role, StepDecision.FAVOURABLE, Statement(PERSONS[role]), visa)


def approved(archive: Archive) -> int:
    """Propose all that is due, and have all agree."""
    number = propose(archive)
    approve(archive, number)
    return number


def studies_of(archive: Archive, number: int, *, standing: bool = True) -> list[str]:
    """Return the studies on the list of an elimination."""
    return [item.scope.study for item in archive.eliminations.show(number, now()).items if item.stands or not standing]


def series_of(study: int, number: int) -> Scope:
    """Return the scope of a series of a study that `store_study` stores."""
    return Scope(StudyUID(phantoms.uid("study", study)), SeriesUID(phantoms.uid("series", "CT", study, number)))


@dataclass(frozen=True)
class Prepared:
    """An archive that was filled once: each test goes on with a copy of it."""

    folder: Path
    memory: Memory
    due: list[str]

    def copied(self, folder: Path) -> tuple[Archive, Index]:
        """Return a copy of the archive in a folder, opened, and its index."""
        shutil.copy(self.folder / "index.sqlite", folder / "index.sqlite")
        memory = Memory()
        for name in self.memory.names():
            staged = memory.stage()
            staged.write(self.memory.read(name))
            staged.commit(name)
        return opened(folder, memory)


def opened(folder: Path, memory: Memory) -> tuple[Archive, Index]:
    """Return the archive of a folder and of blobs in memory, and its index."""
    index, blobs = open_index(f"sqlite:///{folder / 'index.sqlite'}"), BlobStore(memory)
    room = Room(blobs, min_free_percent=0, min_free_bytes=0)
    return Archive(index, blobs, Spool(folder / "spool"), room), index


def prepare(folder: Path, studies: Sequence[int] = (1, 2, 3)) -> Prepared:
    """Fill an archive with studies that are due by the profile in force."""
    memory = Memory()
    archive, _ = opened(folder, memory)
    bring_into_force(archive)
    due = store_due(archive, *studies)
    archive.close()
    return Prepared(folder, memory, [str(uid) for uid in due])


_ROLES = ("dim_physician", "director", "archives")
_LIST = [["1.2.3", None, None, ["BASE"], "2020-01-31", 2, 30], ["1.2.4", "1.2.4.1", None, ["THIN"], "2021-01-31", 1, 5]]
_OBJECTS = [{"series": "1.2.3.1", "instance": f"1.2.3.1.{n}", "sha256": "ab" * 32, "size": 15} for n in (1, 2)]


def _step(role: str, by: str, day: str) -> dict[str, Any]:
    reference = ("AD-1", "2026-01-03") if role == "archives" else ("", "")
    said = {"decision": "favourable", "reference": reference[0], "reference_date": reference[1], "document": ""}
    return {"role": role, "by": by, "time": f"2026-01-0{day}T10:00:00+00:00", "position": 10 + int(day), **said}


def certificate_sections() -> dict[str, Any]:
    """Return what a certificate of one item destroyed and one kept says."""
    destroyed = {"item": 1, "position": 40, "time": "2026-01-11T10:00:00+00:00", "objects": _OBJECTS}
    return copy.deepcopy(
        {
            "issued": "2026-01-12T10:00:00+00:00",
            "elimination": {
                "number": 10,
                "action": "propose_elimination",
                "by": "Proposer",
                "time": "2025-12-31T10:00:00+00:00",
                "roles": list(_ROLES),
                "visas": ["archives"],
                "wait_days": 7,
                "accepted": [],
                "list_digest": digest_of(_LIST),
            },
            "bordereau": {"patients": 2, "typology": {"CT": 2}},
            "approvals": [_step(role, f"Person {n}", str(n)) for n, role in enumerate(_ROLES, 1)],
            "list": _LIST,
            "kept": [{"item": 2, "cause": "hold", "holds": [9], "by": "x", "time": "2026-01-11T10:00:00+00:00"}],
            "destroyed": [{**destroyed, "manifest": digest_of(_OBJECTS)}],
            "places": [{"place": "journal", "method": "deleted", "files": 1, "size": 9, "time": "", "position": 41}],
            "totals": {"items": 1, "objects": 2, "size": 30},
            "journal": {"position": 41, "hash": "cd" * 32},
        }
    )
