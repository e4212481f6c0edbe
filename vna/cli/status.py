"""`vna status`."""

import urllib.error
import urllib.request
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import Any

import orjson
import typer

import vna
from vna.cli.exits import Exit
from vna.cli.options import AsJson, Config, print_json, read_settings
from vna.node import Address, DataFolder, NodeRecord, free_bytes, open_archive
from vna.settings import Settings

_TIMEOUT_S = 5


def status(context: typer.Context, config: Config = None, as_json: AsJson = False) -> None:
    """Tell whether the node runs and is ready, where it listens, and what it holds.

    Exit code 0: it runs and takes what is sent to it; 1: it runs but is not ready; 3: it does not run.
    """
    settings = read_settings(context, config)
    folder = DataFolder(settings.data_dir)
    record = folder.running()
    found: dict[str, Any] = {
        "running": record is not None,
        "version": record.version if record else vna.__version__,
        "data_dir": str(folder.path),
        "node": _node(record),
        "not_ready": _not_ready(record.http) if record else None,
        "holds": _holds(settings, folder.path),
    }
    if as_json:
        print_json(found)
    else:
        typer.echo("\n".join(_lines(found)))
    if record is None:
        raise typer.Exit(Exit.UNREACHABLE)
    if found["not_ready"]:
        raise typer.Exit(Exit.PROBLEM)


def _node(record: NodeRecord | None) -> dict[str, Any] | None:
    if record is None:
        return None
    return asdict(record) | {"dimse": str(record.dimse), "http": str(record.http)}


def _holds(settings: Settings, data_dir: Path) -> dict[str, Any] | None:
    """What the archive holds; None where nothing has been made yet, which looking must not change."""
    if not data_dir.is_dir():
        return None
    with closing(open_archive(settings)) as archive:
        return asdict(archive.counts()) | {"free_bytes": free_bytes(settings)}


def _not_ready(http: Address) -> dict[str, str]:
    """Ask the running node; an empty answer is a good one."""
    url = f"http://{Address(http.reachable_host, http.port)}/readyz"
    try:
        with urllib.request.urlopen(url, timeout=_TIMEOUT_S):
            return {}
    except urllib.error.HTTPError as exc:
        with exc:
            return dict(orjson.loads(exc.read())["reasons"])
    except (OSError, ValueError) as exc:
        return {"http": f"{url} does not answer: {exc}"}


def _lines(found: dict[str, Any]) -> list[str]:
    node, holds = found["node"], found["holds"]
    lines = [f"vna {found['version']}, data in {found['data_dir']}"]
    if node is None:
        lines.append("not running")
    else:
        lines.append(f"running as process {node['pid']} since {node['started']}, AE title {node['ae_title']}")
        lines.append(f"DIMSE on {node['dimse']}, HTTP on http://{node['http']}/")
        lines += [f"NOT READY, {name}: {reason}" for name, reason in found["not_ready"].items()] or ["ready"]
    if holds is None:
        return [*lines, "nothing stored yet"]
    counts = [f"{holds[kind]} {kind}" for kind in ("patients", "studies", "series", "instances")]
    sizes = [f"{_size(holds['stored_bytes'])} stored for {_size(holds['plain_bytes'])} received"]
    sizes.append(f"{_size(holds['free_bytes'])} free")
    lines += [", ".join(counts), ", ".join(sizes)]
    lines.append(f"journal position {holds['position']}, {holds['flags']} conflicts flagged")
    return lines


def _size(count: int | None) -> str:
    """Return bytes in the largest decimal unit that leaves a number above one."""
    if count is None:
        return "unlimited"
    value, units = float(count), iter(("bytes", "kB", "MB", "GB", "TB", "PB"))
    unit = next(units)
    while value >= 1000 and unit != "PB":
        value, unit = value / 1000, next(units)
    return f"{count} bytes" if unit == "bytes" else f"{value:.1f} {unit}"
