"""gdcmscu, of Grassroots DICOM."""

import re
from collections.abc import Sequence
from pathlib import Path

from conformance.upper_layer import Address
from interop.stacks.programs import outcome, program, run
from interop.stacks.roles import About, StackFailed

_ALWAYS_DIES = "ProtocolStream as nullptr is invalid"


class Gdcm:
    """gdcmscu, which does its work on the wire and then always dies, whoever the peer: its word cannot be had."""

    about = About(
        "GDCM",
        "python3 tests/interop/install.py gdcm",
        remarks={
            "verifier": "gdcmscu dies after its release, with every peer, before it prints; its death is not counted",
            "sender": "as above; what the node then holds is compared",
            "querier": "not tried: gdcmscu dies before it prints an answer",
        },
        long=True,
    )

    def version(self) -> str | None:
        """Return what gdcmscu says of itself."""
        if program("gdcmscu") is None:
            return None
        found = re.search(r"gdcm (\d[\d.]*)", run([str(program("gdcmscu")), "--version"]))
        return found[1] if found else None

    def echo(self, node: Address) -> None:
        """Run gdcmscu --echo."""
        _run(node, "--echo")

    def send(self, node: Address, files: Sequence[Path]) -> None:
        """Run gdcmscu --store on the folder of the files."""
        (folder,) = {file.parent for file in files}
        _run(node, "--store", "--recursive", "-i", str(folder))


def _run(node: Address, *options: str) -> None:
    address = ["--aetitle", "GDCM", "--call", node.ae_title, node.host, str(node.port)]
    status, out, err = outcome([str(program("gdcmscu")), *options, *address])
    if status != 0 and _ALWAYS_DIES not in err:
        raise StackFailed(f"exit status {status}: {(err or out)[-2000:]}")
