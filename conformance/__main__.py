"""`python -m conformance`: checks and measures a DICOM node over the wire."""

import argparse

from conformance import bench, curves, load_command
from conformance.checks import command, compare, peers
from conformance.statement import command as statement


def main() -> None:
    """Run the command that the arguments name."""
    parser = argparse.ArgumentParser(prog="python -m conformance", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    statement.add_options(commands.add_parser("statement", help="write the DICOM Conformance Statement of the node"))
    command.add_options(commands.add_parser("check", help="check a DICOM node over the wire"))
    compare.add_options(commands.add_parser("compare", help="put reports of checks side by side"))
    peers.add_options(
        commands.add_parser("results", help="check this node, Orthanc and dcmqrscp, and keep the reports")
    )
    load_command.add_commands(commands.add_parser("load", help="load a DICOM node and print figures"))
    bench.add_options(commands.add_parser("bench", help="measure the node side by side with Orthanc"))
    curves.add_options(commands.add_parser("curves", help="measure throughput and query time as curves"))
    args = parser.parse_args()
    args.run(args)


if __name__ == "__main__":
    main()
