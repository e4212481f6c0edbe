"""Modules tell one story and functions stay short (STYLE: sections 2 and 3 of the project's style)."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("vna", "storage_backends", "dicomweb", "conformance", "sample_data")
MODULES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
NAMES = [str(path.relative_to(ROOT)) for path in MODULES]

LONGEST_MODULE = 400
LONGEST_FUNCTION = 40
MOST_PARAMETERS = 5
VAGUE = {"utils", "util", "helpers", "helper", "common", "base", "manager", "misc"}

EXCEPTIONS = {
    "vna/settings/sections.py:settings_customise_sources": "the signature is that of pydantic-settings",
}
"""Functions that may have more parameters, and why."""

Function = ast.FunctionDef | ast.AsyncFunctionDef


@pytest.mark.parametrize("module", MODULES, ids=NAMES)
def test_a_module_is_short_enough_to_read(module: Path) -> None:
    lines = len(module.read_text(encoding="utf-8").splitlines())

    assert lines <= LONGEST_MODULE


@pytest.mark.parametrize("module", MODULES, ids=NAMES)
def test_functions_are_short_enough_to_read(module: Path) -> None:
    too_long = [f"{f.name}: {_length(f)} lines" for f in _functions(module) if _length(f) > LONGEST_FUNCTION]

    assert not too_long or "migrations" in module.parts  # a migration is a list of tables, frozen once released


@pytest.mark.parametrize("module", MODULES, ids=NAMES)
def test_functions_take_few_parameters(module: Path) -> None:
    too_many = {f"{module.relative_to(ROOT)}:{f.name}" for f in _functions(module) if _parameters(f) > MOST_PARAMETERS}

    assert too_many <= EXCEPTIONS.keys()


def test_the_exceptions_still_exist() -> None:
    found = {f"{module.relative_to(ROOT)}:{f.name}" for module in MODULES for f in _functions(module)}

    assert found >= EXCEPTIONS.keys()


@pytest.mark.parametrize("module", MODULES, ids=NAMES)
def test_modules_are_named_after_what_they_hold(module: Path) -> None:
    assert module.stem not in VAGUE


@pytest.mark.parametrize("module", MODULES, ids=NAMES)
def test_a_module_says_what_lives_in_it(module: Path) -> None:
    assert ast.get_docstring(ast.parse(module.read_text(encoding="utf-8")))


def _functions(module: Path) -> Iterator[Function]:
    tree = ast.parse(module.read_text(encoding="utf-8"))
    return (node for node in ast.walk(tree) if isinstance(node, Function))


def _length(function: Function) -> int:
    """Lines from `def` to the end, without the docstring."""
    first = function.body[0]
    is_docstring = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant)
    docstring = (first.end_lineno or 0) - first.lineno + 1 if is_docstring else 0
    return (function.end_lineno or 0) - function.lineno + 1 - docstring


def _parameters(function: Function) -> int:
    """Parameters that a caller gives; options of a command line are not counted, users give them by name."""
    arguments = [*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs]
    if arguments and arguments[0].arg in {"self", "cls"}:
        arguments = arguments[1:]
    if any(a.arg == "context" and "typer.Context" in ast.unparse(a.annotation or a) for a in arguments):
        return 0
    return len(arguments)
