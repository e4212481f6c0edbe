"""A progress bar for commands that go through many files: share done, rate, time left; quiet where nobody looks."""

import threading
import time
from collections.abc import Iterable
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn


class TransferBar:
    """A bar on standard error, of bytes done out of a total that may become known later; a context manager."""

    def __init__(self, doing: str) -> None:
        console = Console(stderr=True)
        columns = (TextColumn(doing), BarColumn(), TaskProgressColumn(), TextColumn("{task.fields[rate]}"))
        self._progress = Progress(
            *columns, TimeRemainingColumn(), console=console, transient=True, disable=not console.is_terminal
        )
        self._task = self._progress.add_task(doing, total=None, rate="")
        self._started = time.monotonic()
        self._over = threading.Event()
        self._counting: threading.Thread | None = None
        self.files = self.bytes = 0

    @property
    def is_shown(self) -> bool:
        """Whether anybody can see it."""
        return not self._progress.disable

    @property
    def seconds(self) -> float:
        """How long it has been going on."""
        return time.monotonic() - self._started

    @property
    def rate(self) -> str:
        """How fast it goes, over the whole time."""
        seconds = max(self.seconds, 1e-3)
        return f"{self.files / seconds:.0f} files/s, {self.bytes / seconds / 1e6:.1f} MB/s"

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, _kind: type[BaseException] | None, _exc: object, _traceback: TracebackType | None) -> None:
        self._over.set()
        if self._counting is not None:
            self._counting.join()
        self._progress.stop()

    def expect(self, sizes: Iterable[int]) -> None:
        """Add up beside the work how many bytes there are in all, if anybody looks; the sum tells the time left."""
        if self.is_shown:
            self._counting = threading.Thread(target=self._count, args=(sizes,), name="count")
            self._counting.start()

    def _count(self, sizes: Iterable[int]) -> None:
        total = 0
        for size in sizes:
            if self._over.is_set():
                return
            total += size
        self._progress.update(self._task, total=total)

    def advance(self, size: int) -> None:
        """Count one file of so many bytes as done."""
        self.files += 1
        self.bytes += size
        if self.is_shown:
            self._progress.update(self._task, completed=self.bytes, rate=self.rate)

    def tell(self, line: str) -> None:
        """Print a line above the bar."""
        self._progress.console.print(escape(line), highlight=False, soft_wrap=True)
