"""The curves come out as pictures: every server's line with its points."""

import json
import subprocess
import sys
from pathlib import Path

from PIL import Image

ROOT = Path(__file__).resolve().parents[3]
LINES = {(31, 119, 180), (255, 127, 14)}
"""The colours of the first two lines that matplotlib draws."""


def test_each_curve_becomes_a_picture(tmp_path: Path) -> None:
    points: list[dict[str, object]] = [
        {"curve": curve, "server": server, "x": x, "y": x * 1.5}
        for curve in ("C-STORE", "C-FIND by PatientID")
        for server in ("vna", "orthanc")
        for x in (1, 2, 4)
    ]

    kept, folder = tmp_path / "curves.json", tmp_path / "plots"
    kept.write_text(json.dumps(points))

    subprocess.run([sys.executable, "-m", "conformance.plots", kept, folder], cwd=ROOT, check=True)

    assert sorted(path.name for path in folder.iterdir()) == ["query-time.png", "throughput.png"]
    for path in folder.iterdir():
        with Image.open(path) as picture:
            assert picture.width > 600
            colours = {colour for _, colour in picture.convert("RGB").getcolors(maxcolors=100_000) or []}
            assert len(colours) > 20
            assert colours >= LINES
