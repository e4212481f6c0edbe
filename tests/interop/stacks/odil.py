"""odil: a C++ library with Python wrappers; its program `odil` for what that does, the library for the rest."""

import ast
import re
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path

from pydicom.datadict import keyword_for_tag

from conformance.upper_layer import Address
from interop.stacks.driven import DRIVERS, Driver, paths
from interop.stacks.programs import program, run
from interop.stacks.roles import About, Question, StackFailed, Wanted

_ATTRIBUTE = re.compile(r" ([0-9a-f]{4}),([0-9a-f]{4}) [A-Z]{2} (\[.*\])$")
_MISLABELLED = "its program sends encapsulated pixels as Explicit VR Little Endian"


class _Library(Driver):
    def command(self) -> list[str]:
        return ["/usr/bin/python3", str(DRIVERS / "odil_driver.py")]


class Odil:
    """odil's program and library, of Debian."""

    about = About(
        "odil",
        "python3 tests/interop/install.py odil",
        limits={
            "sender deflated": "its reader does not inflate",
            "sender rle": _MISLABELLED,
            "sender jpeg": _MISLABELLED,
            "querier latin-1": "its program sends the UTF-8 of the command line, whatever Specific Character Set says",
            "destination deflated": "its listener takes every syntax, and dies of this one",
        },
        long=True,
    )

    def __init__(self) -> None:
        self._library = _Library("ODIL")

    def version(self) -> str | None:
        """Return Debian's version of the package."""
        if program("odil") is None:
            return None
        try:
            return run(["/usr/bin/dpkg-query", "--show", "--showformat=${Version}", "python3-odil"])
        except (StackFailed, FileNotFoundError):
            return None

    def echo(self, node: Address) -> None:
        """Run `odil echo`."""
        self._run("echo", node)

    def send(self, node: Address, files: Sequence[Path]) -> None:
        """Run `odil store`, which ends with 0 whatever the answers were, but prints what it could not store."""
        printed = self._run("store", node, *paths(files))
        if printed.strip():
            raise StackFailed(printed)

    def find(self, node: Address, question: Question) -> list[Mapping[str, str]]:
        """Run `odil find`."""
        charset = [f"SpecificCharacterSet={question.charset}"] if question.charset else []
        keys = [f"{keyword}={value}" if value else keyword for keyword, value in question.keys.items()]
        level = f"QueryRetrieveLevel={question.level}"
        return _answers(self._run("find", node, question.model.lower(), level, *charset, *keys))

    def get(self, node: Address, wanted: Wanted, folder: Path) -> None:
        """Run `odil get`."""
        keys = ["QueryRetrieveLevel=STUDY", f"StudyInstanceUID={wanted.study}"]
        address = [node.host, str(node.port), "ODIL", node.ae_title]
        printed = run([str(program("odil")), "get", *address, "study", *keys, "--directory", str(folder)])
        if "failed: 0" not in printed:
            raise StackFailed(printed)

    def move(self, node: Address, study: str, destination: str) -> None:
        """Ask the library."""
        self._library.call("move", node, destination, study)

    def listening(self, folder: Path, *, port: int, ae_title: str) -> AbstractContextManager[None]:
        """Run the library's Storage SCP."""
        return self._library.listen(folder, port=port, ae_title=ae_title)

    def _run(self, name: str, node: Address, *arguments: str) -> str:
        return run([str(program("odil")), name, node.host, str(node.port), "ODIL", node.ae_title, *arguments])


def _answers(printed: str) -> list[Mapping[str, str]]:
    """Return the answers `odil find` printed: a line "name gggg,eeee VR ['value', ...]" for each attribute."""
    answers: list[Mapping[str, str]] = []
    for block in printed.partition("\n")[2].split("\n\n"):
        lines = [found for line in block.splitlines() if (found := _ATTRIBUTE.search(line))]
        if lines:
            answers.append({_keyword(line): "\\".join(map(str, ast.literal_eval(line[3]))) for line in lines})
    return answers


def _keyword(line: "re.Match[str]") -> str:
    return keyword_for_tag(int(line[1] + line[2], 16))
