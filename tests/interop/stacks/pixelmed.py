"""PixelMed's Java toolkit."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path

from conformance.upper_layer import Address
from interop.stacks.driven import ask, fetch, paths
from interop.stacks.java import JavaDriver
from interop.stacks.programs import run
from interop.stacks.roles import About, Question, Wanted

_LIBRARY = Path("/usr/share/java/pixelmed.jar")


class PixelMed:
    """The classes of com.pixelmed.network, through our driver: their own main programs ask for fixed things only."""

    about = About("PixelMed", "python3 tests/interop/install.py pixelmed", long=True)

    def __init__(self) -> None:
        self._driver = JavaDriver("PIXELMED", name="PixelMed", library=_LIBRARY)

    def version(self) -> str | None:
        """Return Debian's version of the package."""
        if not self._driver.is_there():
            return None
        return run(["/usr/bin/dpkg-query", "--show", "--showformat=${Version}", "libpixelmed-java"])

    def echo(self, node: Address) -> None:
        """Use VerificationSOPClassSCU."""
        self._driver.call("echo", node)

    def send(self, node: Address, files: Sequence[Path]) -> None:
        """Use StorageSOPClassSCU."""
        self._driver.call("send", node, *paths(files))

    def find(self, node: Address, question: Question) -> list[Mapping[str, str]]:
        """Use FindSOPClassSCU."""
        return ask(self._driver, node, question)

    def get(self, node: Address, wanted: Wanted, folder: Path) -> None:
        """Use GetSOPClassSCU."""
        fetch(self._driver, node, wanted, folder)

    def move(self, node: Address, study: str, destination: str) -> None:
        """Use MoveSOPClassSCU."""
        self._driver.call("move", node, destination, study)

    def listening(self, folder: Path, *, port: int, ae_title: str) -> AbstractContextManager[None]:
        """Use StorageSOPClassSCPDispatcher."""
        return self._driver.listen(folder, port=port, ae_title=ae_title)
