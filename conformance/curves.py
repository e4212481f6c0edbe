"""`python -m conformance curves`: throughput against associations, and query time against archive size.

The points are written as JSON; `python -m conformance.plots` draws them.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from conformance import load
from conformance.corpus import small_study_names
from conformance.orthanc import find_orthanc
from conformance.server import Server
from conformance.side_by_side import Plan, servers, store
from conformance.sources import CtSlices, SmallStudies

_LOAD_ASSOCIATIONS = 4


@dataclass(frozen=True, slots=True)
class Point:
    """One point of one server's curve; `x` is associations or studies, `y` instances per second or milliseconds."""

    curve: str
    server: str
    x: int
    y: float


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the curves to a parser."""
    parser.add_argument("--associations", type=_numbers, default=[1, 2, 4, 8], metavar="N,N", help="default 1,2,4,8")
    parser.add_argument("--studies", type=_numbers, default=[1_000, 10_000, 100_000], metavar="N,N")
    parser.add_argument("--slices", type=int, default=300, help="slices stored for each point (default 300)")
    parser.add_argument("--pairs", type=int, default=3, help="runs of each point, of which the median counts")
    parser.add_argument("--queries", type=int, default=200, help="queries for each point (default 200)")
    parser.add_argument("--without-orthanc", action="store_true", help="do not measure Orthanc beside")
    parser.add_argument("--folder", type=Path, help="where to put the data (default: the temporary folder)")
    parser.add_argument("--json", type=Path, metavar="FILE", required=True, help="write the points into this file")
    parser.set_defaults(run=curves)


def curves(args: argparse.Namespace) -> None:
    """Measure both curves and write their points."""
    with tempfile.TemporaryDirectory(prefix="vna-curves-", dir=args.folder) as temporary:
        program = None if args.without_orthanc else find_orthanc()
        plan = Plan(Path(temporary), program, pairs=args.pairs, slices=args.slices, queries=args.queries)
        points = [*store_curve(plan, args.associations), *find_curve(plan, args.studies)]
    args.json.write_text(json.dumps([asdict(point) for point in points], indent=1) + "\n")


def store_curve(plan: Plan, associations: list[int]) -> Iterator[Point]:
    """Yield the median rate of C-STORE for each number of associations, servers by turns."""
    first = 0
    with servers(plan, "curve-store") as running:
        for number in associations:
            rates: dict[str, list[float]] = {server.name: [] for server in running}
            for _ in range(plan.pairs):
                for server in running:
                    figures = store(server, CtSlices(plan.slices, first=first), number)
                    rates[server.name].append(figures.instances_per_s)
                first += plan.slices
            for name, measured in rates.items():
                yield _said(Point("C-STORE", name, number, load.percentile(measured, 50)))


def find_curve(plan: Plan, studies: list[int]) -> Iterator[Point]:
    """Yield the median time of a C-FIND by PatientID (three matches) at each archive size, servers by turns."""
    held = 0
    with servers(plan, "curve-find") as running:
        for number in sorted(studies):
            for server in running:
                store(server, SmallStudies(number - held, first=held), _LOAD_ASSOCIATIONS)
            held = number
            for server in running:
                yield _said(Point("C-FIND by PatientID", server.name, number, _find_ms(server, number, plan.queries)))


def _find_ms(server: Server, studies: int, queries: int) -> float:
    step = max(1, studies // queries)
    keys = [{"PatientID": small_study_names(number).patient_id} for number in range(0, studies, step)]
    return load.run_find(server.address, keys).p50_ms


def _said(point: Point) -> Point:
    print(f"{point.curve:22} {point.server:8} {point.x:>9,} {point.y:10.2f}", file=sys.stderr, flush=True)
    return point


def _numbers(text: str) -> list[int]:
    try:
        return [int(part) for part in text.split(",")]
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a list of numbers") from None
