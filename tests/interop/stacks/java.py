"""Drivers in Java: compiled once into the cache folder, run with options that make a short run fast."""

from pathlib import Path

from interop.install import cache
from interop.stacks.driven import DRIVERS, Driver
from interop.stacks.programs import program, run

FAST = ["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xshare:auto", "-Dfile.encoding=UTF-8"]


class JavaDriver(Driver):
    """A driver that is one class, beside a library that is one archive."""

    def __init__(self, ae_title: str, *, name: str, library: Path) -> None:
        super().__init__(ae_title)
        self._name, self._library = name, library

    def is_there(self) -> bool:
        """Return whether the library and a JDK are installed."""
        return self._library.exists() and program("java") is not None and program("javac") is not None

    def command(self) -> list[str]:
        """Compile the driver where that has not been done since it was changed, and return how to start it."""
        source, classes = DRIVERS / f"{self._name}.java", cache() / "classes"
        compiled = classes / f"{self._name}.class"
        if not compiled.exists() or compiled.stat().st_mtime < source.stat().st_mtime:
            classes.mkdir(parents=True, exist_ok=True)
            run([str(program("javac")), "-nowarn", "-d", str(classes), "-cp", str(self._library), str(source)])
        return [str(program("java")), *FAST, "-cp", f"{classes}:{self._library}", self._name]
