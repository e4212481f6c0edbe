"""`python -m conformance`: checks and measures a DICOM node over the wire."""

import argparse

from conformance import bench, load_command


def main() -> None:
    """Run the command that the arguments name."""
    parser = argparse.ArgumentParser(prog="python -m conformance", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    load_command.add_commands(commands.add_parser("load", help="load a DICOM node and print figures"))
    bench.add_options(commands.add_parser("bench", help="measure the node side by side with Orthanc"))
    args = parser.parse_args()
    args.run(args)


if __name__ == "__main__":
    main()
