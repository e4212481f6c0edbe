"""`python -m conformance bench`: the figures the project promises, measured here, with Orthanc beside it."""

import argparse
import json
import platform
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

from conformance.figures import Row, as_json, print_table
from conformance.kept_ratios import worse_than_kept
from conformance.measure_queries import measure_large
from conformance.measures import MEASURES
from conformance.measures_in_use import MEASURES_IN_USE
from conformance.measures_web import MEASURES_WEB
from conformance.orthanc import find_orthanc
from conformance.side_by_side import Plan, quick_plan

_ALL = MEASURES | MEASURES_IN_USE | MEASURES_WEB | {"find-large": measure_large}


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the benchmark to a parser."""
    parser.add_argument("names", nargs="*", help=f"any of {', '.join(_ALL)}; all by default")
    parser.add_argument("--quick", action="store_true", help="a short run that only shows that it works")
    parser.add_argument("--pairs", type=int, help="interleaved pairs of each measurement (default 5)")
    parser.add_argument("--studies", type=int, help="studies in the archive for C-FIND (default 100,000)")
    parser.add_argument("--large-studies", type=int, help="studies in the archive for find-large (default 1,000,000)")
    parser.add_argument("--big-megabytes", type=int, help="size of each large object (default 1000)")
    parser.add_argument("--big-objects", type=int, help="large objects at the same time (default 10)")
    parser.add_argument("--without-orthanc", action="store_true", help="do not measure Orthanc beside")
    parser.add_argument("--folder", type=Path, help="where to put the data (default: the temporary folder)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures into a file too")
    parser.add_argument("--kept", type=Path, metavar="FILE", help="compare the ratios with those of an earlier --json")
    parser.set_defaults(run=bench)


def bench(args: argparse.Namespace) -> None:
    """Measure what was chosen and print the table; exit status 1 when a target is missed, or a kept ratio."""
    chosen = args.names or list(_ALL)
    if unknown := set(chosen) - set(_ALL):
        sys.exit(f"no such measurement: {', '.join(sorted(unknown))}; there are {', '.join(_ALL)}")
    program = None if args.without_orthanc else find_orthanc()
    if program is None:
        _say("Orthanc is not measured beside: it is not installed (apt install orthanc), or was not wanted.")
    rows: list[Row] = []
    with tempfile.TemporaryDirectory(prefix="vna-bench-", dir=args.folder) as temporary:
        plan = _plan(args, Path(temporary), program)
        for name in chosen:
            _say(f"measuring {name} ...")
            rows += _ALL[name](plan)
    print_table(rows)
    if args.json:
        document = {"machine": _machine(), "pairs": plan.pairs, "quick": args.quick, "rows": as_json(rows)}
        args.json.write_text(json.dumps(document, indent=2) + "\n")
    worse = worse_than_kept(rows, args.kept) if args.kept else []
    for line in worse:
        _say(line)
    if worse or any(row.met is False for row in rows):
        sys.exit(1)


def _plan(args: argparse.Namespace, folder: Path, program: str | None) -> Plan:
    plan = quick_plan(folder, program) if args.quick else Plan(folder, program)
    return replace(
        plan,
        pairs=args.pairs or plan.pairs,
        studies=(plan.studies[0], args.studies or plan.studies[1]),
        large_studies=args.large_studies or plan.large_studies,
        big_objects=args.big_objects or plan.big_objects,
        big_bytes=(args.big_megabytes or 0) * 1_000_000 or plan.big_bytes,
    )


def _machine() -> str:
    return f"{platform.system()} {platform.release()} {platform.machine()}, Python {platform.python_version()}"


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
