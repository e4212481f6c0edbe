"""The top level holds what a newcomer looks for, and nothing else."""

import re
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

TEXTS = sorted(
    path
    for path in ROOT.rglob("*")
    if path.suffix in {".py", ".md", ".toml", ".yaml", ".txt", ".html", ".css", ".mako", ".csv"}
    and not any(part.startswith(".") or part in MADE_HERE for part in path.relative_to(ROOT).parts)
)
FORBIDDEN = {
    "a path of one machine": re.compile(r"(?<![\w.])/(?:home|work|root|Users)/\w"),
    "an unfinished place": re.compile(r"\b(?:TOD[O]|FIXM[E]|XX[X])\b"),
    "a merge conflict": re.compile(r"^(?:<{7}|>{7}) ", re.MULTILINE),
}


def test_nothing_else_stands_at_the_top() -> None:
    found = {entry.name for entry in ROOT.iterdir() if not entry.name.startswith(".")} - MADE_HERE

    assert found == EXPECTED


def test_no_text_holds_what_does_not_belong_to_the_project() -> None:
    found = [
        f"{path.relative_to(ROOT)}: {what}: {match.group()}"
        for path in TEXTS
        for what, pattern in FORBIDDEN.items()
        for match in pattern.finditer(path.read_text(encoding="utf-8"))
    ]

    assert found == []


def test_the_licence_is_the_one_the_project_declares() -> None:
    assert "Apache License" in (ROOT / "LICENSE").read_text(encoding="utf-8")
    assert 'license = "Apache-2.0"' in (ROOT / "pyproject.toml").read_text(encoding="utf-8")
