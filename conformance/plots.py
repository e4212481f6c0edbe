"""`python -m conformance.plots POINTS.json FOLDER`: the measured curves as PNG, ours and the peers' in one picture.

A module apart: drawing alone needs matplotlib, which is installed with the test environment.
"""

import argparse
import json
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

_LABELS = {
    "C-STORE": ("associations at once", "512x512 CT slices stored per second", "throughput"),
    "C-FIND by PatientID": ("studies in the archive", "median time of a query, ms", "query-time"),
}


def draw(points: list[dict[str, object]], folder: Path) -> list[Path]:
    """Draw one picture for each curve into the folder and return their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    return [_draw_curve(curve, points, folder) for curve in dict.fromkeys(str(p["curve"]) for p in points)]


def _draw_curve(curve: str, points: list[dict[str, object]], folder: Path) -> Path:
    x_label, y_label, name = _LABELS[curve]
    figure = Figure(figsize=(7, 4.2), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    mine = [point for point in points if point["curve"] == curve]
    for server in dict.fromkeys(str(point["server"]) for point in mine):
        _draw_server(axes, server, [point for point in mine if point["server"] == server])
    axes.set_xscale("log", base=2 if name == "throughput" else 10)
    ticks = sorted({int(str(point["x"])) for point in mine})
    axes.set_xticks(ticks, labels=[f"{tick:,}" for tick in ticks], minor=False)
    axes.minorticks_off()
    axes.set_ylim(bottom=0)
    axes.set_xlabel(x_label)
    axes.set_ylabel(y_label)
    axes.set_title(curve)
    axes.grid(visible=True, alpha=0.3)
    axes.legend()
    path = folder / f"{name}.png"
    figure.savefig(path, dpi=110, metadata={"Software": None})
    return path


def _draw_server(axes: Axes, server: str, points: list[dict[str, object]]) -> None:
    xs = [int(str(point["x"])) for point in points]
    ys = [float(str(point["y"])) for point in points]
    ours = server == "vna"
    axes.plot(xs, ys, marker="o", linewidth=2.5 if ours else 1.5, label="this node" if ours else server)


def main() -> None:
    """Draw the points of a file."""
    parser = argparse.ArgumentParser(prog="python -m conformance.plots", description="Draw measured curves as PNG.")
    parser.add_argument("points", type=Path, help="what `python -m conformance curves --json` has written")
    parser.add_argument("folder", type=Path, help="where the pictures go")
    args = parser.parse_args()
    for path in draw(json.loads(args.points.read_text()), args.folder):
        print(path)


if __name__ == "__main__":
    main()
