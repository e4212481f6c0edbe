"""`make demo-lifecycle`: the life of studies from arrival to destruction, and a backup that brings nothing back.

One hospital's files are aged by forty years and sent with the others' to a node of its own. What follows are commands
an administrator could type, each shown with what it answers. Every claim is checked, and the demonstration ends with
exit status 1 at the first that is not true. Below its folder lie `collection/`, `data/`, `cold/` (a tier), `ledgers/`
(where no backup is put back), `backup/` and `papers/` (bordereau and certificate).
"""

import argparse
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

from conformance.corpus import Instance
from conformance.sources import read_part10
from sample_data.ageing import age, dates_of
from sample_data.demo import make_once, stopped_by_signals
from sample_data.lifecycle_stage import NotAsClaimed, Stage, check, say
from sample_data.loading import SENDERS, send
from sample_data.people import CHU, INFIRMARY, KLINIKUM

_YEARS = 40
_LATER = "2050-01-01"
_ISSUER = "KLINIKUM-SEEBERG"
_HELD_PATIENT = "200417"
_ROLES: Mapping[str, tuple[str, ...]] = {
    "dim_physician": ("--by", "Dr Anne Lefort"),
    "director": ("--by", "Marc Oliveira"),
    "archives_departementales": (
        "--by", "Irène Castel", "--reference", "AD 2026/117", "--reference-date", "2026-01-15",
    ),
}  # fmt: skip
_EDITS = {
    'verified: {by: "", on: ""}': 'verified: {by: "Dr Anne Lefort", on: 2026-01-10}',
    "version: 2025-01-15.2": "version: demonstration.1",
    "wait_days: 15": "wait_days: 0",
    "id: FR-TIER-3Y\n      enabled: false": "id: FR-TIER-3Y",
    "after: {study_date: {years: 3}, last_access: {months: 6}}": "after: {study_date: {years: 3}}",
}
"""What a site changes in the shipped profile for this demonstration."""


class Story:
    """The demonstration, act by act."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._studies: dict[str, str] = {}
        self._files: dict[str, list[Instance]] = {}

    def store(self) -> None:
        """Age one hospital, and send all."""
        stage = self._stage
        say(f"\n== Store: what {KLINIKUM.folder} has is aged by {_YEARS} years, and all is sent\n")
        if not stage.loaded.is_dir():
            unfinished = stage.loaded.with_name("loaded.unfinished")
            for other in (CHU.folder, INFIRMARY.folder):
                shutil.copytree(stage.collection / other, unfinished / other)
            aged = sum(1 for _ in age(stage.collection / KLINIKUM.folder, unfinished / KLINIKUM.folder, years=_YEARS))
            say(f"  {aged} files aged\n")
            unfinished.rename(stage.loaded)
        sent = sum(1 for _ in send(stage.start().address, stage.loaded))
        old = list(dates_of(stage.loaded / KLINIKUM.folder))
        self._studies = {str(head.StudyInstanceUID): str(head.PatientID) for head, _ in old}
        for path in sorted((stage.loaded / KLINIKUM.folder).rglob("*.dcm")):
            self._files.setdefault(path.parents[1].name, []).append(read_part10(path.read_bytes()))
        say(f"  {sent} files stored, {len(stage.found())} studies found\n")
        lines = ["patient_id;issuer;kind;date"]
        lines += [f"{head.PatientID};{_ISSUER};visit;{day}" for head, day in old]
        (stage.folder / "visits.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")

    def rules(self) -> None:
        """Bring a profile into force, and say what is known of the patients."""
        stage = self._stage
        say("\n== Rules: a copy of the shipped profile, verified; one person proposes it, another one activates it\n")
        text = stage.node.vna("retention", "profiles", "export", "fr-csp-public").stdout
        for old, new in _EDITS.items():
            check(old in text, f"the shipped profile does not say {old!r}")
            text = text.replace(old, new)
        profile = stage.folder / "profile.yaml"
        profile.write_text(text, encoding="utf-8")
        stage.vna("retention", "profiles", "check", str(profile))
        stage.vna("retention", "profiles", "propose", str(profile), "--by", "Anne Lefort")
        number = str(stage.json("retention", "profiles", "list")["proposed"][-1]["number"])
        stage.vna("retention", "profiles", "activate", number, "--by", "Anne Lefort", fails=True)
        stage.vna("retention", "profiles", "activate", number, "--by", "Marc Oliveira")
        stage.vna("patient", "import", str(stage.folder / "visits.csv"), "--by", "Anne Lefort")
        stage.vna("retention", "explain", next(iter(self._studies)))

    def hold_and_simulate(self) -> None:
        """Hold a patient, and look at a day to come."""
        stage = self._stage
        say("\n== Hold: a claim is open, so everything of one patient stays\n")
        stage.vna(
            "hold", "place", "--patient", _HELD_PATIENT, "--issuer", _ISSUER, "--kind", "liability-claim",
            "--reason", "claim before the court", "--case", "2026/88", "--by", "Anne Lefort",
        )  # fmt: skip
        say(f"\n== Simulate: what would be over on {_LATER}\n")
        stage.vna("retention", "simulate", "--date", _LATER)
        stage.vna("retention", "recompute")
        stage.vna("retention", "report")

    def tier(self) -> None:
        """Move what is old to the cold tier, as the profile says."""
        stage = self._stage
        say("\n== Tiers: the plan, then just that\n")
        stage.vna("lifecycle", "plan")
        stage.vna("lifecycle", "run", "--by", "Anne Lefort")
        stage.vna("tier", "list")
        where = stage.found()
        moved = [study for study in self._studies if where[study] == "NEARLINE"]
        check(bool(moved), f"nothing was moved: {where}")
        for name, instances in self._files.items():
            self._compare(name, instances)
        say(f"  {len(moved)} old studies answer NEARLINE in C-FIND, and come back byte for byte\n")

    def eliminate(self) -> None:
        """Make a backup, then propose, decide, and eliminate."""
        stage = self._stage
        say("\n== Backup, with the node stopped\n")
        check(stage.node.stop() == 0, "the node did not stop in order")
        for name in ("data", "cold"):
            shutil.copytree(stage.folder / name, stage.backup / name)
        stage.start()
        say("\n== Eliminate: proposed, decided on by three persons, carried out, certified\n")
        stage.papers.mkdir(exist_ok=True)
        stage.vna("elimination", "propose", "--by", "Paul Renard")
        number = str(stage.json("elimination", "list")[-1]["number"])
        stage.vna("elimination", "show", number, "--pdf", str(stage.papers / "bordereau.pdf"))
        stage.vna("elimination", "run", number, "--by", "Paul Renard", fails=True)
        for role, arguments in _ROLES.items():
            stage.vna("elimination", "decide", number, "--role", role, "--favourable", *arguments)
        stage.vna("elimination", "run", number, "--by", "Paul Renard")
        stage.vna("elimination", "certificate", number, "--out", str(stage.papers))
        for certificate in sorted(stage.papers.glob("*.json")):
            stage.vna("elimination", "verify-certificate", str(certificate))
        self._see_that_they_are_gone()

    def restore(self) -> None:
        """Put the backup back, and see that it brings nothing back."""
        stage = self._stage
        say("\n== Restore: the backup from before the elimination is put back in place of everything\n")
        check(stage.node.stop() == 0, "the node did not stop in order")
        for name in ("data", "cold"):
            shutil.rmtree(stage.folder / name)
            shutil.copytree(stage.backup / name, stage.folder / name)
        stage.start()
        self._see_that_they_are_gone()
        stage.vna("fsck")
        stage.vna("journal", "verify")
        check(stage.node.stop() == 0, "the node did not stop in order")

    def _see_that_they_are_gone(self) -> None:
        stage, found = self._stage, self._stage.found()
        gone = {study for study, patient in self._studies.items() if patient != _HELD_PATIENT}
        check(not gone & found.keys(), f"still found: {gone & found.keys()}")
        check(self._studies.keys() - gone <= found.keys(), "what is held has gone")
        for name, instances in self._files.items():
            study = self._study_of(instances)
            if study in gone:
                check(not stage.retrieved(study, instances), f"{name} is still given out")
                statuses = stage.sent(instances, SENDERS[KLINIKUM.folder])
                check(0 not in statuses, f"{name} was taken in again: {statuses}")
            else:
                self._compare(name, instances)
        say(f"  {len(gone)} studies are gone, and refused when they are sent again; what is held is there, the same\n")

    def _compare(self, name: str, instances: list[Instance]) -> None:
        given = self._stage.retrieved(self._study_of(instances), instances)
        check(given == {bytes(each.data) for each in instances}, f"{name} does not come back byte for byte")

    def _study_of(self, instances: list[Instance]) -> str:
        wanted = instances[0].data
        return next(study for study in self._studies if study.encode() in wanted)


def run(folder: Path) -> None:
    """Show everything in a folder.

    Raises:
        NotAsClaimed: something is not as it should be.
    """
    for name in ("data", "cold", "ledgers", "backup", "papers"):
        shutil.rmtree(folder / name, ignore_errors=True)
    stage = Stage(folder)
    make_once(stage.collection, size="small")
    with stage.node:
        story = Story(stage)
        for act in (story.store, story.rules, story.hold_and_simulate, story.tier, story.eliminate, story.restore):
            act()
    say(f"\nAll of it is true. The bordereau and the certificate: {stage.papers}\n")


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m sample_data.lifecycle_demo", description=__doc__.partition("\n")[0]
    )
    parser.add_argument("--folder", type=Path, default=Path("var/demo-lifecycle"), help="where everything lies")
    args = parser.parse_args()
    try:
        with stopped_by_signals():
            run(args.folder.resolve())
    except NotAsClaimed as exc:
        sys.exit(f"Not as claimed: {exc}")
    except KeyboardInterrupt:
        say("\nStopped.\n")


if __name__ == "__main__":
    main()
