"""What an export came to, counted while it goes on, and told at its end."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from vna.cli.progress import TransferBar
from vna.console.wording import number
from vna.transfer import Exported, ExportedFile, Exporter, printable

_TITLES = {
    Exported.WRITTEN: "written and verified",
    Exported.KEPT: "there already, verified",
    Exported.FAILED: "failed",
}


@dataclass(slots=True)
class ExportSummary:
    """Counts by fate, and every file that was not exported with the reason; times in seconds."""

    counts: Counter[Exported] = field(default_factory=Counter)
    failed: list[dict[str, str]] = field(default_factory=list)
    stopped: bool = False
    refusal: str | None = None
    seconds: float = 0
    bytes: int = 0
    rate: str = ""

    @property
    def found(self) -> bool:
        """Whether there was anything to export."""
        return bool(self.counts)

    @property
    def is_problem(self) -> bool:
        """Whether something that should have been written was not."""
        return bool(self.failed) or self.stopped

    def add(self, file: ExportedFile) -> str:
        """Count a file; return the line a person is told of it at once, empty for most."""
        self.counts[file.fate] += 1
        if file.fate is not Exported.FAILED:
            return ""
        path, reason = printable(file.path), printable(file.reason)
        self.failed.append({"path": path, "reason": reason})
        return f"vna: failed: {path}: {reason}"

    def end(self, exporter: Exporter, bar: TransferBar) -> None:
        """Note how it ended."""
        self.stopped, self.refusal = exporter.was_stopped, exporter.refusal
        self.seconds, self.bytes, self.rate = bar.seconds, bar.bytes, bar.rate

    def as_json(self) -> dict[str, Any]:
        """Return it for scripts."""
        return {
            "counts": {fate.value: self.counts[fate] for fate in Exported},
            "failed": self.failed,
            "stopped": self.stopped,
            "refusal": self.refusal,
            "seconds": round(self.seconds, 3),
            "bytes": self.bytes,
        }

    def lines(self) -> list[str]:
        """Return it for people."""
        lines = [f"{number(self.counts.total(), 'file')} in {self.seconds:.1f} s ({self.rate})"]
        lines += [f"{self.counts[fate]:>10,} {_TITLES[fate]}" for fate in Exported if self.counts[fate]]
        if self.refusal:
            lines.append(f"Nothing more can be written: {self.refusal}")
        if self.stopped:
            lines.append("Not finished: into a folder, the same command goes on where this one has stopped.")
        return lines
