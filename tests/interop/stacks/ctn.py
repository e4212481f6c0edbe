"""CTN, the Central Test Node of Washington University: the oldest implementation there is."""

import re
from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path

from conformance.upper_layer import Address
from interop.stacks.programs import listener, program, run
from interop.stacks.roles import About, StackFailed

_STATUS = re.compile(r"Status:\s+([0-9A-Fa-f]{4})")


class Ctn:
    """dicom_echo, send_image, simple_storage; the query programs of CTN need its database and are not among them."""

    about = About(
        "CTN",
        "python3 tests/interop/install.py ctn",
        long=True,
        limits={
            "sender deflated": "its reader does not inflate",
        },
    )

    def version(self) -> str | None:
        """Return Debian's version of the package."""
        if program("dicom_echo") is None or program("dpkg-query") is None:
            return None
        return run(["/usr/bin/dpkg-query", "--show", "--showformat=${Version}", "ctn"])

    def echo(self, node: Address) -> None:
        """Run dicom_echo, which ends with 0 once it has an answer."""
        printed = run([*_command("dicom_echo", node), node.host, str(node.port)])
        if "0000" not in printed:
            raise StackFailed(printed)

    def send(self, node: Address, files: Sequence[Path]) -> None:
        """Run send_image, which stops at the first answer that is not a success."""
        printed = run([*_command("send_image", node), "-r", node.host, str(node.port), *map(str, files)])
        if set(_STATUS.findall(printed)) != {"0000"}:
            raise StackFailed(printed[-2000:])

    def listening(self, folder: Path, *, port: int, ae_title: str) -> AbstractContextManager[None]:
        """Run simple_storage, which has a folder for each SOP Class it knows and puts the rest where it stands."""
        command = [str(program("simple_storage")), "-s", "-f", "-c", ae_title, "-x", str(folder), str(port)]
        return listener(command, port=port, folder=folder)


def _command(name: str, node: Address) -> list[str]:
    return [str(program(name)), "-a", "CTN", "-c", node.ae_title]
