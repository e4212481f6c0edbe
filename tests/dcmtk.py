"""DCMTK's programs, by full path: pynetdicom installs scripts of the same names in a virtual environment."""

import shutil
from pathlib import Path

import pytest

_PLACES = "/usr/bin:/usr/local/bin:/opt/homebrew/bin"


def program(name: str) -> Path | None:
    """Return where one of DCMTK's programs lies, or None."""
    found = shutil.which(name, path=_PLACES)
    return Path(found) if found else None


MISSING = sorted(name for name in ("echoscu", "storescu", "findscu", "getscu", "movescu") if program(name) is None)
REASON = f"DCMTK is not installed ({', '.join(MISSING)})"

needs_dcmtk = pytest.mark.skipif(bool(MISSING), reason=REASON)
