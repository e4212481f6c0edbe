"""The top level holds what a newcomer looks for, and nothing else."""

import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
EXPECTED = {
    "ARCHITECTURE.md",
    "CHANGELOG.md",
    "Dockerfile",
    "LICENSE",
    "Makefile",
    "README.md",
    "compose.yaml",
    "conformance",
    "dicomweb",
    "pyproject.toml",
    "sample_data",
    "storage_backends",
    "tests",
    "vna",
}
MADE_HERE = {"var", "build", "dist"}
"""What running, building and cleaning makes; kept out of version control."""

TEXTS = {".py", ".md", ".toml", ".yaml", ".txt", ".html", ".css", ".mako", ".csv"}
FORBIDDEN = {
    "a path of one machine": re.compile(r"(?<![\w.])/(?:home|work|root|Users)/\w"),
    "an unfinished place": re.compile(r"\b(?:TOD[O]|FIXM[E]|XX[X])\b"),
    "a merge conflict": re.compile(r"^(?:<{7}|>{7}) ", re.MULTILINE),
}


def texts(folder: Path) -> Iterator[Path]:
    """Yield the files of text below a folder, but what is hidden or made here."""
    for entry in sorted(folder.iterdir()):
        if entry.name.startswith(".") or entry.name in MADE_HERE:
            continue
        if entry.is_dir():
            yield from texts(entry)
        elif entry.suffix in TEXTS:
            yield entry


def test_nothing_else_stands_at_the_top() -> None:
    found = {entry.name for entry in ROOT.iterdir() if not entry.name.startswith(".")} - MADE_HERE

    assert found == EXPECTED


def test_no_text_holds_what_does_not_belong_to_the_project() -> None:
    found = [
        f"{path.relative_to(ROOT)}: {what}: {match.group()}"
        for path in texts(ROOT)
        for what, pattern in FORBIDDEN.items()
        for match in pattern.finditer(path.read_text(encoding="utf-8"))
    ]

    assert found == []


def test_the_licence_is_the_one_the_project_declares() -> None:
    assert "Apache License" in (ROOT / "LICENSE").read_text(encoding="utf-8")
    assert 'license = "Apache-2.0"' in (ROOT / "pyproject.toml").read_text(encoding="utf-8")
