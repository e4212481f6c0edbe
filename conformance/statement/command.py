"""`python -m conformance statement`: writes the DICOM Conformance Statement."""

import argparse
import sys
from pathlib import Path

import vna
from conformance.statement.document import Document
from conformance.statement.markdown import as_markdown
from conformance.statement.network import annexes, configuration, network, security
from conformance.statement.overview import implementation_model, introduction, overview
from conformance.statement.page import as_html
from conformance.statement.services import services

FORMATS = {"markdown": as_markdown, "html": as_html}


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command to a parser."""
    parser.add_argument("--format", choices=tuple(FORMATS), default="markdown", help="form (default markdown)")
    parser.add_argument("--output", type=Path, metavar="FILE", help="write into a file instead of standard output")
    parser.set_defaults(run=_run)


def statement() -> Document:
    """Return the statement of this version of the node."""
    return Document(
        "DICOM Conformance Statement: vna-node",
        f"Version {vna.__version__}. The chapters are those of the template in PS3.2 Annex N.",
        (
            overview(),
            introduction(),
            implementation_model(),
            services(),
            configuration(),
            network(),
            security(),
            annexes(),
        ),
    )


def _run(args: argparse.Namespace) -> None:
    text = FORMATS[args.format](statement())
    if args.output is None:
        print(text, end="")
        return
    try:
        args.output.write_text(text, encoding="utf-8")
    except OSError as exc:
        sys.exit(f"{args.output} cannot be written: {exc.strerror}")
