"""DCMTK's programs."""

import re
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from tempfile import TemporaryDirectory

from pydicom import dcmread
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEGBaseline8Bit,
    RLELossless,
)

from conformance.upper_layer import Address
from interop.stacks.answers import as_text
from interop.stacks.programs import listener, outcome, program, run
from interop.stacks.roles import About, Question, StackFailed, Wanted

_OPTIONS: Mapping[str, str] = {
    ImplicitVRLittleEndian: "+x=",
    ExplicitVRLittleEndian: "+x=",
    ExplicitVRBigEndian: "+xb",
    DeflatedExplicitVRLittleEndian: "+xd",
    RLELossless: "+xr",
    JPEGBaseline8Bit: "+xy",
}
"""What makes getscu ask for a transfer syntax first."""

_ENCODINGS = {"ISO_IR 100": "latin-1"}
_MODELS = {"STUDY": "-S", "PATIENT": "-P"}
_STATUS = re.compile(r"DIMSE Status\s*: 0x([0-9a-f]{4})")


class Dcmtk:
    """echoscu, dcmsend, storescu, findscu, getscu, movescu, storescp."""

    about = About(
        "DCMTK",
        "apt-get install dcmtk",
        remarks={"sender": "dcmsend", "aborter": "storescu --abort", "destination": "storescp +B +xa"},
    )

    def version(self) -> str | None:
        """Return what echoscu says of itself."""
        if program("echoscu") is None:
            return None
        found = re.search(r"v(\d[\w.+]*)", run([str(program("echoscu")), "--version"]))
        return found[1] if found else None

    def echo(self, node: Address) -> None:
        """Run echoscu."""
        run(_command("echoscu", node))

    def send(self, node: Address, files: Sequence[Path]) -> None:
        """Run dcmsend, which proposes what each file needs."""
        run([*_command("dcmsend", node, "--no-uid-checks"), *map(str, files)])

    def find(self, node: Address, question: Question) -> list[Mapping[str, str]]:
        """Run findscu, its answers extracted into files."""
        with TemporaryDirectory() as folder:
            run([*_command("findscu", node, _MODELS[question.model], "-X", "-od", folder), *_keys(question)])
            return [as_text(dcmread(path, force=True)) for path in sorted(Path(folder).iterdir())]

    def get(self, node: Address, wanted: Wanted, folder: Path) -> None:
        """Run getscu in bit-preserving mode, once for each way of asking for transfer syntaxes."""
        keys = _keys(Question("STUDY", {"StudyInstanceUID": wanted.study}))
        for option in sorted({_OPTIONS[syntax] for syntax in wanted.transfer_syntaxes}):
            run([*_command("getscu", node, "-S", "+B", option, "-od", str(folder)), *keys])

    def move(self, node: Address, study: str, destination: str) -> None:
        """Run movescu."""
        keys = _keys(Question("STUDY", {"StudyInstanceUID": study}))
        run([*_command("movescu", node, "-S", "-aem", destination), *keys])

    def listening(self, folder: Path, *, port: int, ae_title: str) -> AbstractContextManager[None]:
        """Run storescp, which takes every transfer syntax, bit by bit."""
        command = [str(program("storescp")), "-aet", ae_title, "+B", "+xa", "-od", str(folder), str(port)]
        return listener(command, port=port, folder=folder)

    def cancel_find(self, node: Address, question: Question, *, after: int) -> int:
        """Run findscu with --cancel."""
        return _last_status([*_command("findscu", node, "-d", "-S", "--cancel", str(after)), *_keys(question)])

    def cancel_retrieve(self, node: Address, wanted: Wanted, destination: str) -> int:
        """Run movescu with --cancel."""
        keys = _keys(Question("STUDY", {"StudyInstanceUID": wanted.study}))
        return _last_status([*_command("movescu", node, "-d", "-S", "-aem", destination, "--cancel", "1"), *keys])

    def abort(self, node: Address, file: Path) -> None:
        """Run storescu with --abort."""
        run([*_command("storescu", node, "--abort"), str(file)])


def _command(name: str, node: Address, *options: str) -> list[str | bytes]:
    return [str(program(name)), "-aet", "DCMTK", "-aec", node.ae_title, *options, node.host, str(node.port)]


def _keys(question: Question) -> list[str | bytes]:
    """Return a question as options; their bytes are those of the character set, as the programs pass them on."""
    charset = {"SpecificCharacterSet": question.charset} if question.charset else {}
    keys = {"QueryRetrieveLevel": question.level, **charset, **question.keys}
    encoding = _ENCODINGS.get(question.charset, "utf-8")
    return [part for key, value in keys.items() for part in (b"-k", f"{key}={value}".encode(encoding))]


def _last_status(command: Sequence[str | bytes]) -> int:
    _, out, err = outcome(command)
    statuses = _STATUS.findall(out + err)
    if not statuses:
        raise StackFailed((out + err)[-2000:])
    return int(statuses[-1], 16)
