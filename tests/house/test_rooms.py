"""Every module is named, with what it does, in the README of its package: a developer finds any room."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
READMES = ("vna", "storage_backends", "dicomweb")


def rooms(package: Path) -> list[str]:
    """Return the table rows of a package's modules, by path."""
    return [
        f"| `{path.relative_to(package)}` | {_first_sentence(path)} |"
        for path in sorted(package.rglob("*.py"))
        if path.name != "__init__.py" and "versions" not in path.parts
    ]


def _first_sentence(path: Path) -> str:
    text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    return text.split("\n\n")[0].replace("\n", " ").replace("|", "or").rstrip(".")


@pytest.mark.parametrize("package", READMES)
def test_the_readme_names_every_module(package: str) -> None:
    readme = (ROOT / package / "README.md").read_text(encoding="utf-8")
    rows = [line for line in readme.splitlines() if line.startswith("| `") and ".py`" in line]

    expected = rooms(ROOT / package)

    assert rows == expected, "\n".join(["the table should be:", *expected])
