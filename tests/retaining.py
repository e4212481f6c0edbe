"""An archive with studies of patients, facts and holds, for tests of retention: said in a line each."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event

import cbor2
from sqlalchemy import create_engine, select

from conformance import phantoms
from sending import MODALITY, Sending
from storage_backends import BlobStore, Memory
from vna.archive import Archive, HoldTarget, HoldTerms, Room, Spool
from vna.events import FactKind, HoldKind, PatientFact
from vna.index import Computed, open_index, tables
from vna.index.retention_tables import retention
from vna.model import RejectedAgain, StudyUID
from vna.retention import shipped_profiles

TODAY = date(2026, 11, 22)
BORN = "19500101"
LONG_AGO = date(2020, 1, 1)


def verified(name: str = "fr-csp-public", version: str = "", **values: str) -> str:
    """Return a shipped profile that somebody has verified, with some of its texts replaced."""
    text = shipped_profiles()[name].replace('verified: {by: "", on: ""}', "verified: {by: DIM, on: 2026-01-01}")
    assert "by: DIM" in text
    for old, new in values.items():
        text = text.replace(old, new)
    if version:
        lines = [f"version: {version}" if line.startswith("version:") else line for line in text.splitlines()]
        text = "\n".join(lines) + "\n"
    return text


class Retaining:
    """An archive, what is put into it, and what was computed of it."""

    def __init__(self, archive: Archive, url: str) -> None:
        self.archive, self.url = archive, url
        self._sending = Sending(archive)

    def study(
        self, patient: str, day: str, *, modality: str = "CT", born: str = BORN, of: str = "", number: int = 1
    ) -> StudyUID:
        """Store an instance of a new study, or of the study `of`; `day` as DICOM has it. Return the study's UID."""
        ds = phantoms.ct_slice(number=number, size=16)
        name = of or f"2.25.{abs(hash((patient, day, modality))) % 10**15}"
        ds.StudyInstanceUID, ds.SeriesInstanceUID = name, f"{name}.{modality and len(modality)}"
        ds.SOPInstanceUID = ds.file_meta.MediaStorageSOPInstanceUID = f"{name}.1.{number}"
        ds.PatientID, ds.PatientBirthDate, ds.StudyDate, ds.Modality = patient, born, day, modality
        return self._sending.store(ds).key.study

    def fact(self, patient: str, kind: FactKind, day: str, code: str = "", system: str = "") -> int:
        """Record a fact of a patient; return its number."""
        fact = PatientFact(MODALITY.name, patient, kind, day, code=code, system=system, feed="test")
        self.archive.patients.add(fact, "anne")
        (number,) = [
            each.number
            for each in self.archive.patients.events(MODALITY.name, patient)
            if (each.fact.kind, each.fact.date, each.fact.code) == (kind, day, code)
        ]
        return number

    def hold(self, study: str = "", *, patient: str = "", begin: date = LONG_AGO, end: date | None = None) -> int:
        """Place a hold on a study or a patient; return its number."""
        target = HoldTarget(study, "", MODALITY.name if patient else "", patient, ())
        terms = HoldTerms(HoldKind.INQUIRY, "an inquiry", "7", begin, end)
        return self.archive.holds.place(target, terms, "anne").number

    def activate(self, text: str) -> int:
        """Bring a profile into force."""
        number = self.archive.retention.profiles.propose(text, "anne")
        self.archive.retention.profiles.activate(number, "bob")
        return number

    def follow(self, today: date = TODAY) -> int:
        """Compute what has changed; return how many studies that were."""
        return self.archive.retention.follow(Event(), today)

    def rows(self) -> dict[str, Computed]:
        """Return what was computed, by study."""
        found = {}
        engine = create_engine(self.url)
        with engine.connect() as connection:
            wanted = select(tables.study.c.study_uid, retention).join(
                retention, retention.c.study_id == tables.study.c.id
            )
            for uid, *row in connection.execute(wanted):
                found[uid] = Computed(*row)
        engine.dispose()
        return found

    def told(self) -> dict[str, tuple[str, str]]:
        """Return the end and the state that were computed, by study."""
        return {uid: (row.retain_until, row.state) for uid, row in self.rows().items()}

    def shortened(self) -> list[dict[str, str]]:
        """Return the bodies of all events that say a study may go earlier."""
        engine = create_engine(self.url)
        with engine.connect() as connection:
            wanted = select(tables.event.c.body).where(tables.event.c.kind == "retention-shortened")
            found = [
                cbor2.loads(body) for body in connection.execute(wanted.order_by(tables.event.c.position)).scalars()
            ]
        engine.dispose()
        return found


@lru_cache(maxsize=1)
def _empty_index() -> bytes:
    """Make the file of an empty index once: its schema takes longer than most of these tests."""
    with TemporaryDirectory() as folder:
        open_index(f"sqlite:///{folder}/index.sqlite").close()
        return Path(folder, "index.sqlite").read_bytes()


@contextmanager
def retaining(
    folder: Path, url: str = "", *, rejected_again: RejectedAgain = RejectedAgain.REFUSE
) -> Iterator[Retaining]:
    """Open an archive in a folder, or on a database."""
    blobs = BlobStore(Memory())
    if not url:
        (folder / "index.sqlite").write_bytes(_empty_index())
        url = f"sqlite:///{folder / 'index.sqlite'}"
    room = Room(blobs, min_free_percent=0, min_free_bytes=0)
    archive = Archive(open_index(url, rejected_again=rejected_again), blobs, Spool(folder / "spool"), room)
    try:
        yield Retaining(archive, url)
    finally:
        archive.close()
