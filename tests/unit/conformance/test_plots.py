"""The curves come out as pictures: every server's line with its points."""

from pathlib import Path

from PIL import Image

from conformance.plots import draw


def test_each_curve_becomes_a_picture(tmp_path: Path) -> None:
    points: list[dict[str, object]] = [
        {"curve": curve, "server": server, "x": x, "y": x * 1.5}
        for curve in ("C-STORE", "C-FIND by PatientID")
        for server in ("vna", "orthanc")
        for x in (1, 2, 4)
    ]

    paths = draw(points, tmp_path / "plots")

    assert [path.name for path in paths] == ["throughput.png", "query-time.png"]
    for path in paths:
        with Image.open(path) as picture:
            assert picture.width > 600
            assert len(picture.convert("RGB").getcolors(maxcolors=100_000) or []) > 20
