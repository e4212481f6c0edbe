"""Printing the papers of an elimination; what prints them takes half a second to load, and is rarely needed."""

import importlib
from types import ModuleType
from typing import Any


def print_bordereau(shown: dict[str, Any], language: str) -> bytes:
    """Return the bordereau as PDF; see `vna.cli.elimination_papers`."""
    printed: bytes = _papers().print_bordereau(shown, language)
    return printed


def print_certificate(data: bytes, language: str) -> bytes:
    """Return the certificate as PDF; see `vna.cli.elimination_papers`."""
    printed: bytes = _papers().print_certificate(data, language)
    return printed


def _papers() -> ModuleType:
    return importlib.import_module("vna.cli.elimination_papers")
