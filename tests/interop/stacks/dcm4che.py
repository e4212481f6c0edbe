"""dcm4che 3: its findscu and getscu, and its network library, which those programs carry, for the rest."""

import re
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from tempfile import NamedTemporaryFile, TemporaryDirectory

from pydicom import dcmread

from conformance.upper_layer import Address
from interop.install import DCMFETCH, cache
from interop.stacks.answers import as_text
from interop.stacks.driven import paths
from interop.stacks.java import FAST, JavaDriver
from interop.stacks.programs import program, run
from interop.stacks.roles import About, Question, StackFailed, Wanted

_STATUS = re.compile(r"C-\w+-RSP\[.*?status=([0-9a-f]+)H")
_MODELS = {"STUDY": "StudyRoot", "PATIENT": "PatientRoot"}


class Dcm4che:
    """findscu and getscu as they are; storing, moving and listening with the library, through our driver."""

    about = About(
        "dcm4che",
        "python3 tests/interop/install.py dcm4che",
        limits={"retriever deflated": "getscu takes it, but deflates it once more into its file"},
        remarks={"sender": "its network library", "querier": "findscu", "retriever": "getscu"},
        long=True,
    )

    def __init__(self) -> None:
        self._folder = cache() / "dcm4che"
        self._driver = JavaDriver("DCM4CHE", name="Dcm4che", library=self._folder / "getscu")

    def version(self) -> str | None:
        """Return the release of the package that carries it: it does not say its own."""
        if not self._driver.is_there():
            return None
        return f"3, as in dcmfetch {DCMFETCH}"

    def echo(self, node: Address) -> None:
        """Ask the library."""
        self._driver.call("echo", node)

    def send(self, node: Address, files: Sequence[Path]) -> None:
        """Ask the library."""
        self._driver.call("send", node, *paths(files))

    def find(self, node: Address, question: Question) -> list[Mapping[str, str]]:
        """Run findscu, its answers as files."""
        with TemporaryDirectory() as folder:
            printed = self._findscu(node, question, "--out-dir", folder)
            if _statuses(printed)[-1] != 0:
                raise StackFailed(printed[-2000:])
            return [as_text(dcmread(path, force=True)) for path in sorted(Path(folder).iterdir())]

    def get(self, node: Address, wanted: Wanted, folder: Path) -> None:
        """Run getscu, with the SOP Classes and transfer syntaxes of the study as it wants them listed."""
        syntaxes = ",".join(wanted.transfer_syntaxes)
        with NamedTemporaryFile("w", suffix=".properties") as listed:
            listed.writelines(f"{uid}:{syntaxes}\n" for uid in wanted.sop_classes)
            listed.flush()
            options = ["-m", f"StudyInstanceUID={wanted.study}", "--store-tcs", listed.name, "--directory", str(folder)]
            printed = self._tool("getscu", "org.dcm4che3.tool.getscu.GetSCU", node, *options)
        if _statuses(printed)[-1] != 0:
            raise StackFailed(printed[-2000:])

    def move(self, node: Address, study: str, destination: str) -> None:
        """Ask the library."""
        self._driver.call("move", node, destination, study)

    def listening(self, folder: Path, *, port: int, ae_title: str) -> AbstractContextManager[None]:
        """Run the library's Storage SCP."""
        return self._driver.listen(folder, port=port, ae_title=ae_title)

    def cancel_find(self, node: Address, question: Question, *, after: int) -> int:
        """Run findscu with --cancel."""
        return _statuses(self._findscu(node, question, "--cancel", str(after)))[-1]

    def abort(self, node: Address, file: Path) -> None:
        """Ask the library."""
        self._driver.call("abort", node, str(file))

    def _findscu(self, node: Address, question: Question, *options: str) -> str:
        charset = {"SpecificCharacterSet": question.charset} if question.charset else {}
        keys = [part for key, value in {**charset, **question.keys}.items() for part in _key(key, value)]
        model = ["-M", _MODELS[question.model], "-L", question.level]
        return self._tool("findscu", "org.dcm4che3.tool.findscu.FindSCU", node, *model, *keys, *options)

    def _tool(self, name: str, main: str, node: Address, *options: str) -> str:
        peer = f"{node.ae_title}@{node.host}:{node.port}"
        command = [str(program("java")), *FAST, "-cp", str(self._folder / name), main, "-b", "DCM4CHE", "-c", peer]
        return run([*command, *options])


def _key(keyword: str, value: str) -> list[str]:
    return ["-m", f"{keyword}={value}"] if value else ["-r", keyword]


def _statuses(printed: str) -> list[int]:
    return [int(status, 16) for status in _STATUS.findall(printed)] or [-1]
