"""Reading the settings: one TOML file, overridden by environment variables, read once.

The environment is read here and nowhere else: `vna.node` hands each part its own section. A key or
variable that is not a setting stops the start, because a misspelt setting that is silently ignored
is found out too late.
"""

import difflib
import os
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pydantic import BaseModel, ValidationError

from vna.errors import StartRefused
from vna.settings.sections import PREFIX, Section, Settings

CONFIG_VARIABLE = "VNA_CONFIG"
_MAY_HOLD_PASSWORDS = (".url", ".endpoint")
_SECRETS = ("http.tokens",)
_NOT_QUOTED = (*_MAY_HOLD_PASSWORDS, ".replicas", ".tiers", *_SECRETS)
"""Wrong values of these are not told: they may hold a password, where none belongs too."""


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting as an administrator sees it; passwords inside URLs are masked."""

    path: str
    variable: str
    value: Any
    default: Any
    description: str


def load(config: Path | None = None) -> Settings:
    """Read the settings from a TOML file and the environment.

    Args:
        config: the file; without it the one `VNA_CONFIG` names, else none.

    Raises:
        StartRefused: a file that cannot be read, a key or variable that is not a setting, a bad value.
    """
    named = os.environ.get(CONFIG_VARIABLE)
    file = config or (Path(named) if named else None)
    content = _read_toml(file) if file else {}
    problems = [*_unknown_keys(content, file), *_unknown_variables(os.environ)]
    if problems:
        raise StartRefused("\n".join(problems))
    try:
        return Settings(**content)
    except ValidationError as exc:
        raise StartRefused("\n".join(_explain(exc, file))) from exc


def show(settings: Settings) -> Iterator[Setting]:
    """Yield every setting with its value, in the order of the sections."""
    defaults = Settings.model_construct()
    for path, description in _DESCRIPTIONS.items():
        yield Setting(path, variable(path), _value(settings, path), _value(defaults, path), description)


def variable(path: str) -> str:
    """Return the environment variable that sets `path`.

    >>> variable("dimse.port")
    'VNA_DIMSE__PORT'
    """
    return PREFIX + path.replace(".", "__").upper()


def without_password(url: str) -> str:
    """Return a URL as it may be shown and logged.

    >>> without_password("postgresql://vna:secret@db/vna")
    'postgresql://vna:***@db/vna'
    """
    password = urlsplit(url).password
    return url.replace(f":{password}@", ":***@", 1) if password else url


def _descriptions(model: type[BaseModel], above: str = "") -> Iterator[tuple[str, str]]:
    """Yield (path, description) of every setting; a section is described by its settings."""
    for name, field in model.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, Section):
            yield from _descriptions(field.annotation, f"{name}.")
        else:
            yield above + name, field.description or ""


_DESCRIPTIONS: Mapping[str, str] = dict(_descriptions(Settings))


def _value(settings: Settings, path: str) -> Any:
    value: Any = settings
    for name in path.split("."):
        value = getattr(value, name)
    if path in _SECRETS:
        return tuple(f"{named.partition('=')[0]}=***" for named in value)
    return without_password(value) if path.endswith(_MAY_HOLD_PASSWORDS) else value


def _read_toml(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as exc:
        raise StartRefused(f"the settings file {file} cannot be read: {exc}") from exc
    except tomllib.TOMLDecodeError as exc:
        raise StartRefused(f"the settings file {file} is not valid TOML: {exc}") from exc


def _unknown_keys(content: Mapping[str, Any], file: Path | None) -> Iterator[str]:
    for key, value in content.items():
        paths = [f"{key}.{name}" for name in value] if isinstance(value, dict) else [key]
        for path in paths:
            if path not in _DESCRIPTIONS and not _is_section(path):
                yield f"{path} in {file} is not a setting; {_nearest(path, list(_DESCRIPTIONS))}"


def _is_section(path: str) -> bool:
    return any(known.startswith(f"{path}.") for known in _DESCRIPTIONS)


def _unknown_variables(environ: Mapping[str, str]) -> Iterator[str]:
    known = [CONFIG_VARIABLE, *map(variable, _DESCRIPTIONS)]
    for name in sorted(environ):
        if name.upper().startswith(PREFIX) and name.upper() not in known:
            yield f"the environment variable {name} is not a setting; {_nearest(name.upper(), known)}"


def _nearest(name: str, known: list[str]) -> str:
    found = difflib.get_close_matches(name, known, n=3, cutoff=0.7)
    return f"did you mean {' or '.join(found)}?" if found else f"allowed are {', '.join(known)}"


def _explain(exc: ValidationError, file: Path | None) -> Iterator[str]:
    """Yield one line per setting with a bad value: where it stands, what it is, what is allowed."""
    reasons: dict[str, list[str]] = {}
    values: dict[str, object] = {}
    for error in exc.errors(include_url=False, include_context=False):
        path = _path(error["loc"])
        reasons.setdefault(path, []).append(error["msg"].removeprefix("Value error, ").removeprefix("Input "))
        values[path] = error["input"]
    for path, allowed in reasons.items():
        origin = variable(path) if variable(path) in map(str.upper, os.environ) else file
        shown = "" if path.endswith(_NOT_QUOTED) else f" = {values[path]!r}"
        yield f"{path}{shown} (from {origin}): {', or '.join(allowed)}"


def _path(location: tuple[int | str, ...]) -> str:
    """Leave out what pydantic adds below a setting: list positions and members of a union."""
    section = ".".join(map(str, location[:2]))
    return section if section in _DESCRIPTIONS else str(location[0])
