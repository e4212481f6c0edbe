"""dcmjs-dimse, a JavaScript library for Node.js."""

import json
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path

from conformance.upper_layer import Address
from interop.install import cache
from interop.stacks.driven import DRIVERS, Driver, ask, fetch, paths
from interop.stacks.programs import program
from interop.stacks.roles import About, Question, Wanted

_CODE_EXTENSIONS = "says ISO_IR 192 of text that it leaves in the escape sequences of ISO 2022"


class _Library(Driver):
    def command(self) -> list[str]:
        return [str(program("node")), str(DRIVERS / "dcmjs_dimse.js")]


class DcmjsDimse:
    """The Client, Server and Scp of dcmjs-dimse, through our driver."""

    about = About(
        "dcmjs-dimse",
        "python3 tests/interop/install.py dcmjs-dimse",
        limits={
            "sender deflated": "does not inflate",
            "sender code-extensions": _CODE_EXTENSIONS,
            "retriever code-extensions": _CODE_EXTENSIONS,
            "destination code-extensions": _CODE_EXTENSIONS,
            "querier latin-1": "writes UTF-8, whatever Specific Character Set says",
            "querier patient-root": "makes Study Root queries only",
        },
        long=True,
    )

    def __init__(self) -> None:
        self._modules = cache() / "npm" / "node_modules"
        self._driver = _Library("DCMJSDIMSE", {"NODE_PATH": str(self._modules)})

    def version(self) -> str | None:
        """Return the package's version."""
        described = self._modules / "dcmjs-dimse" / "package.json"
        if program("node") is None or not described.exists():
            return None
        return str(json.loads(described.read_text())["version"])

    def echo(self, node: Address) -> None:
        """Send CEchoRequest."""
        self._driver.call("echo", node)

    def send(self, node: Address, files: Sequence[Path]) -> None:
        """Send a CStoreRequest for each file."""
        self._driver.call("send", node, *paths(files))

    def find(self, node: Address, question: Question) -> list[Mapping[str, str]]:
        """Send CFindRequest."""
        return ask(self._driver, node, question)

    def get(self, node: Address, wanted: Wanted, folder: Path) -> None:
        """Send CGetRequest."""
        fetch(self._driver, node, wanted, folder)

    def cancel_find(self, node: Address, question: Question, *, after: int) -> int:
        """Use Client.cancel."""
        keys = question.keys["SeriesInstanceUID"], question.keys["StudyInstanceUID"]
        return int(self._driver.call("cancel-find", node, *keys, str(after)), 16)

    def move(self, node: Address, study: str, destination: str) -> None:
        """Send CMoveRequest."""
        self._driver.call("move", node, destination, study)

    def listening(self, folder: Path, *, port: int, ae_title: str) -> AbstractContextManager[None]:
        """Run Server with an Scp that stores."""
        return self._driver.listen(folder, port=port, ae_title=ae_title)
