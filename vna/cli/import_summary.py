"""What an import came to, counted while it goes on, and told at its end."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from vna.cli.progress import TransferBar
from vna.console.wording import number
from vna.transfer import Fate, Importer, Verdict, printable

_NAMED = (Fate.NOT_DICOM, Fate.REJECTED)
"""Fates that are no problem, but told file by file."""

_TITLES = {
    Fate.STORED: "stored",
    Fate.ALREADY_STORED: "already there",
    Fate.NEW_VERSION: "new version",
    Fate.RENDITION: "kept aside as a rendition",
    Fate.ASIDE: "kept aside, other content from another source",
    Fate.RESTORED: "shown again after a rejection",
    Fate.DIFFERS: "held with other content or in another encoding",
    Fate.FINISHED_BEFORE: "done by an earlier import",
    Fate.DIRECTORY: "DICOMDIR",
    Fate.NOT_DICOM: "not DICOM",
    Fate.REJECTED: "rejected before",
    Fate.DAMAGED: "damaged",
    Fate.FAILED: "failed",
    Fate.REFUSED: "refused",
}


@dataclass(slots=True)
class ImportSummary:
    """Counts by fate, and every file that is not in the archive with the reason; times in seconds."""

    source: str
    dry_run: bool
    counts: Counter[Fate] = field(default_factory=Counter)
    named: list[dict[str, str]] = field(default_factory=list)
    stopped: bool = False
    refusal: str | None = None
    seconds: float = 0
    bytes: int = 0
    rate: str = ""

    @property
    def problems(self) -> int:
        """How many files should be in the archive and are not."""
        return sum(count for fate, count in self.counts.items() if fate.is_problem)

    def add(self, verdict: Verdict) -> str:
        """Count a verdict; return the line a person is told of it at once, empty for most."""
        self.counts[verdict.fate] += 1
        if not verdict.fate.is_problem and verdict.fate not in _NAMED:
            return ""
        path, reason = printable(verdict.label), printable(verdict.reason)
        self.named.append({"path": path, "fate": verdict.fate.value, "reason": reason})
        return f"vna: {_TITLES[verdict.fate]}: {path}: {reason}"

    def end(self, importer: Importer, bar: TransferBar) -> None:
        """Note how it ended."""
        self.stopped, self.refusal = importer.was_stopped, importer.refusal
        self.seconds, self.bytes, self.rate = bar.seconds, bar.bytes, bar.rate

    def as_json(self) -> dict[str, Any]:
        """Return it for scripts."""
        return {
            "source": self.source,
            "dry_run": self.dry_run,
            "counts": {fate.value: self.counts[fate] for fate in Fate},
            "problems": self.problems,
            "named": self.named,
            "stopped": self.stopped,
            "refusal": self.refusal,
            "seconds": round(self.seconds, 3),
            "bytes": self.bytes,
        }

    def lines(self) -> Iterator[str]:
        """Yield it for people."""
        done = "checked" if self.dry_run else "seen"
        yield f"{number(self.counts.total(), 'file')} {done} in {self.seconds:.1f} s ({self.rate})"
        for fate in Fate:
            if self.counts[fate]:
                title = "would be stored" if self.dry_run and fate is Fate.STORED else _TITLES[fate]
                yield f"{self.counts[fate]:>10,} {title}"
        if self.refusal:
            yield f"The archive takes nothing in at present: {self.refusal}"
        if self.stopped:
            yield "Not finished: the same command goes on where this one has stopped."
