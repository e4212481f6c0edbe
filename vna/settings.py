"""What an administrator can set: one TOML file, overridden by environment variables, read once.

Every setting has a type, a default and one line that explains it; `vna config show`, README.md and
the messages below all come from here. The environment is read here and nowhere else: `vna.node`
hands each part its own section. A key or variable that is not a setting stops the start, because
a misspelt setting that is silently ignored is found out too late.
"""

import difflib
import os
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from vna.errors import StartRefused

PREFIX = "VNA_"
_MOST_WORKERS = 32
_BUCKETS = ("s3", "az", "gs")
_MAY_HOLD_PASSWORDS = (".url", ".endpoint")
CONFIG_VARIABLE = "VNA_CONFIG"


def parse_ae_title(value: str) -> str:
    """Return an AE title without the spaces around it, which mean nothing (PS3.5 6.2, AE).

    Raises:
        ValueError: it is not 1 to 16 printable ASCII characters, or holds a backslash.
    """
    title = value.strip(" ")
    if not 1 <= len(title) <= 16 or not title.isascii() or not title.isprintable() or "\\" in title:
        raise ValueError("an AE title has 1 to 16 ASCII characters, no backslash and no control characters")
    return title


def _uid(value: str) -> str:
    if not 1 <= len(value) <= 64 or not all(part.isdecimal() for part in value.split(".")):
        raise ValueError("a UID has digits and dots, at most 64 characters")
    return value


def _index_url(value: str) -> str:
    if value and not value.startswith(("sqlite:///", "postgresql://", "postgresql+psycopg://")):
        raise ValueError("must be empty, sqlite:///FILE or postgresql://USER:PASSWORD@HOST:PORT/DATABASE")
    return value


def _store_url(value: str) -> str:
    parts = urlsplit(value)
    is_bucket = parts.scheme in _BUCKETS and parts.hostname and not parts.query and not parts.fragment
    if value and not value.startswith("file:///") and not is_bucket:
        raise ValueError("must be empty, file:///FOLDER, s3://BUCKET/PREFIX, or the same with az or gs")
    return _without_credentials(value)


def _endpoint(value: str) -> str:
    if value and not value.startswith(("https://", "http://")):
        raise ValueError("must be empty, https://HOST:PORT or http://HOST:PORT")
    return _without_credentials(value)


def _without_credentials(url: str) -> str:
    if "@" in urlsplit(url).netloc:
        raise ValueError("credentials are no part of it: they come from the environment, AWS_ACCESS_KEY_ID and so on")
    return url


def _workers(value: int | str) -> int | str:
    if isinstance(value, int) and not 1 <= value <= _MOST_WORKERS:
        raise ValueError(f'must be 1 to {_MOST_WORKERS}, or "auto"')
    return value


def _split(value: object) -> object:
    """An environment variable holds a list as text with commas between."""
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


AETitle = Annotated[str, AfterValidator(parse_ae_title)]
Port = Annotated[int, Field(ge=0, le=65535)]


class Section(BaseModel):
    """A table of the TOML file."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


class DimseSettings(Section):
    """How the node speaks DIMSE (PS3.7, PS3.8)."""

    host: str = "0.0.0.0"  # noqa: S104 - unregistered peers are refused, unless on the loopback
    """Address to listen on for DIMSE."""
    port: Port = 11112
    """Port to listen on for DIMSE; 0 takes a free one."""
    ae_title: AETitle = "VNA"
    """The node's own AE title."""
    other_ae_titles: Annotated[tuple[AETitle, ...], BeforeValidator(_split)] = ()
    """Further AE titles the node answers to."""
    unknown_called_ae_title: Literal["refuse", "accept"] = "refuse"
    """What to do with an association that calls another AE title: refuse or accept."""
    max_pdu: Annotated[int, Field(ge=4096, le=16 * 2**20)] = 262144
    """Longest PDU the node takes, in bytes; offered to the peer (PS3.8 D.1)."""
    max_associations: Annotated[int, Field(ge=1)] = 64
    """Associations at a time; one more is rejected for now (PS3.8 9.3.4)."""
    artim_timeout_s: Annotated[float, Field(gt=0)] = 30
    """Seconds a connection may take to request an association, or to close (PS3.8 9.1.5)."""
    idle_timeout_s: Annotated[float, Field(gt=0)] = 600
    """Seconds without a byte after which an association is aborted."""
    max_find_answers: Annotated[int, Field(ge=0)] = 10000
    """Most answers to one query; 0 sets no limit."""
    max_moves: Annotated[int, Field(ge=1)] = 16
    """C-MOVEs sent out at a time, at most half of them to one destination; further ones wait."""
    move_associations: Annotated[int, Field(ge=1, le=16)] = 4
    """Most associations at a time for one C-MOVE; more than one only when there is much to send."""
    move_retries: Annotated[int, Field(ge=0)] = 2
    """How often a C-MOVE tries again what failed for a reason that may pass."""
    move_retry_pause_s: Annotated[float, Field(gt=0)] = 1
    """Seconds before the first of these retries; before each further one twice as long."""
    move_stall_s: Annotated[float, Field(gt=0)] = 60
    """Seconds after which a move destination is given up that takes next to nothing in, or does not answer."""
    private_sop_classes: Annotated[tuple[Annotated[str, AfterValidator(_uid)], ...], BeforeValidator(_split)] = ()
    """Private storage SOP Class UIDs to accept beside the standard ones."""
    allow_loopback: bool = True
    """Whether any AE title may talk to the node from this machine itself, without being a registered peer."""


class HttpSettings(Section):
    """How the node speaks HTTP."""

    host: str = "127.0.0.1"
    """Address to listen on for HTTP; the default is reached from this machine only."""
    port: Port = 8080
    """Port to listen on for HTTP; 0 takes a free one."""


class IndexSettings(Section):
    """Where the index lies."""

    url: Annotated[str, AfterValidator(_index_url)] = ""
    """Database of the index: sqlite:///FILE or postgresql://...; empty for SQLite in the data folder."""


class StoreSettings(Section):
    """Where blobs lie and how they are packed."""

    url: Annotated[str, AfterValidator(_store_url)] = ""
    """Where the stored files lie: file:///FOLDER or s3://BUCKET/PREFIX; empty for `blobs` in the data folder."""
    endpoint: Annotated[str, AfterValidator(_endpoint)] = ""
    """Address of an object store that is not the cloud's own, https://HOST:PORT; empty for the cloud's."""
    region: str = ""
    """Region of the bucket; empty for what the environment says (AWS_REGION)."""
    timeout_s: Annotated[float, Field(gt=0)] = 20
    """Seconds one request to an object store may take; trying again ends after as many."""
    min_free_percent: Annotated[float, Field(ge=0, le=100)] = 2
    """Share of the disk kept free: new instances are refused below it (status A700)."""
    min_free_bytes: Annotated[int, Field(ge=0)] = 2 * 2**30
    """Bytes kept free, where that is less than the share above."""
    codec: Literal["raw", "zstd", "dense"] = "dense"
    """How files are packed: raw (not at all), zstd (Zstandard) or dense (pixel filter and Zstandard)."""


class ArchiveSettings(Section):
    """What the archive decides by itself."""

    rejected_again: Literal["refuse", "restore", "keep-hidden"] = "refuse"
    """What to do with a rejected instance that is sent again: refuse it, restore it if identical, or keep-hidden."""


class JournalSettings(Section):
    """How the journal is sealed."""

    seal_every_s: Annotated[float, Field(gt=0)] = 60
    """Seconds after which what happened is sealed into the store, where it no longer hangs on the index."""


class ServeSettings(Section):
    """How the node runs."""

    workers: Annotated[Literal["auto"] | int, AfterValidator(_workers)] = "auto"
    """Worker processes that serve DIMSE: a number, or auto for one to a core, at most 4."""
    drain_s: Annotated[float, Field(ge=0)] = 30
    """Seconds that running associations have to finish when the node is stopped."""


class LogSettings(Section):
    """What the node logs, to standard error."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    """Least important messages to log: debug, info, warning or error."""
    format: Literal["text", "json"] = "text"
    """One line per event as text, or as a JSON object."""


class Settings(BaseSettings):
    """All settings of a node."""

    model_config = SettingsConfigDict(
        extra="forbid",
        frozen=True,
        use_attribute_docstrings=True,
        env_prefix=PREFIX,
        env_nested_delimiter="__",
        enable_decoding=False,
    )

    data_dir: Path = Path("var")
    """Folder of everything the node keeps, made when missing."""
    dimse: DimseSettings = DimseSettings()
    http: HttpSettings = HttpSettings()
    index: IndexSettings = IndexSettings()
    store: StoreSettings = StoreSettings()
    archive: ArchiveSettings = ArchiveSettings()
    journal: JournalSettings = JournalSettings()
    serve: ServeSettings = ServeSettings()
    log: LogSettings = LogSettings()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Let the environment win over the file, whose content is given to the constructor."""
        return env_settings, init_settings


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
        shown = "" if path.endswith(_MAY_HOLD_PASSWORDS) else f" = {values[path]!r}"
        yield f"{path}{shown} (from {origin}): {', or '.join(allowed)}"


def _path(location: tuple[int | str, ...]) -> str:
    """Leave out what pydantic adds below a setting: list positions and members of a union."""
    section = ".".join(map(str, location[:2]))
    return section if section in _DESCRIPTIONS else str(location[0])
