"""`python -m conformance compare A.json B.json ...`: reports of several nodes side by side, as one Markdown table."""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from conformance.checks.verdicts import Verdict

Document = dict[str, Any]
_SIGNS = {
    Verdict.PASSED.value: "pass",
    Verdict.FAILED.value: "**FAIL**",
    Verdict.NOT_SUPPORTED.value: "no",
    Verdict.SKIPPED.value: "-",
}


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command to a parser."""
    parser.add_argument("reports", nargs="+", type=Path, metavar="REPORT.json", help="written by check --format json")
    parser.add_argument("--output", type=Path, metavar="FILE", help="write into a file instead of standard output")
    parser.set_defaults(run=_run)


def as_markdown(documents: Sequence[Document]) -> str:
    """Return the table of every check and node, and before it what each node failed and why."""
    names = [str(document["name"]) for document in documents]
    lines = [
        "# Conformance checks side by side",
        "",
        "Written by `python -m conformance compare`. **FAIL**: the node does what the section forbids, or not what it",
        "demands; no: the section leaves it open and the node does not offer it; -: the check could not be made.",
        "",
        *_table(["", *names], [[verdict, *(str(one["counts"][verdict]) for one in documents)] for verdict in Verdict]),
        "",
        "## What failed",
        "",
    ]
    for name, document in zip(names, documents, strict=True):
        lines += [f"### {name}", "", *(_failures(document) or ["Nothing."]), ""]
    return "\n".join([*lines, "## Every check", "", *_every_check(names, documents)]) + "\n"


def _run(args: argparse.Namespace) -> None:
    try:
        documents = [json.loads(path.read_text(encoding="utf-8")) for path in args.reports]
        text = as_markdown(documents)
    except (OSError, ValueError, KeyError) as exc:
        sys.exit(f"a report cannot be read: {exc}")
    if args.output:
        args.output.write_text(text, encoding="utf-8")
    else:
        print(text, end="")


def _every_check(names: Sequence[str], documents: Sequence[Document]) -> list[str]:
    verdicts = [{one["id"]: one["verdict"] for one in document["checks"]} for document in documents]
    every = {one["id"]: one for document in documents for one in document["checks"]}
    rows = [
        [f"`{id_}`", one["title"], one["section"], *(_SIGNS.get(found.get(id_, ""), "") for found in verdicts)]
        for id_, one in every.items()
    ]
    return _table(["check", "what", "section", *names], rows)


def _failures(document: Document) -> list[str]:
    return [
        f"- `{one['id']}` ({one['section']}): {_plain(one['title'])}. Seen: {_plain(one['detail'])}."
        for one in document["checks"]
        if one["verdict"] == Verdict.FAILED
    ]


def _table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    lines = [headings, ["---"] * len(headings), *rows]
    return ["| " + " | ".join(_plain(cell) for cell in line) + " |" for line in lines]


def _plain(text: str) -> str:
    """Return a text that means itself in a table cell."""
    return text.replace("|", "\\|").replace("\n", " ").replace("<", "&lt;")
