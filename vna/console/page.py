"""The page for people, made of a template and the tables that go into it."""

import html
from collections.abc import Iterable, Mapping
from datetime import datetime
from importlib import resources
from string import Template

from vna.console import wording
from vna.console.facts import Complaint, NodeFacts, Worker

_COMPLAINTS_SHOWN = 10


class Page:
    """Writes the page."""

    def __init__(self) -> None:
        text = resources.files("vna.console").joinpath("page.html").read_text(encoding="utf-8")
        self._template = Template(text)

    def render(self, facts: NodeFacts, problems: Mapping[str, str]) -> str:
        """Return the page as HTML.

        Args:
            problems: why the node is not ready, by what does not work.
        """
        overview = facts.overview
        texts = {
            "version": facts.version,
            "ae_title": facts.ae_title,
            "dimse": facts.dimse,
            "http": facts.http,
            "state": _state(problems),
            "held": wording.held(overview.holds),
            "set_aside": wording.set_aside(overview.holds),
            "space": wording.space(overview),
            "outlook": wording.outlook(overview),
        }
        tables = {
            "ready": "bad" if problems else "good",
            "workers": _rows(_worker(each) for each in facts.workers),
            "intake": _rows(wording.by_source(overview)) or _nothing("Nothing in the last 7 days.", columns=3),
            "complaints": _rows(_complaint(each) for each in facts.complaints[:_COMPLAINTS_SHOWN])
            or _nothing("None since the node started.", columns=3),
        }
        return self._template.substitute({name: html.escape(text) for name, text in texts.items()} | tables)


def _state(problems: Mapping[str, str]) -> str:
    return f"Not ready: {'; '.join(problems.values())}" if problems else "Ready: it takes what is sent to it."


def _worker(worker: Worker) -> tuple[str, str, str]:
    state = f"process {worker.pid}" if worker.alive else "not running"
    started = "" if worker.starts <= 1 else f", started {worker.starts} times"
    return f"Worker {worker.number}", state + started, wording.number(worker.associations, "association")


def _complaint(complaint: Complaint) -> tuple[str, str, str]:
    return f"{complaint.count:,} x", _local(complaint.last), f"{complaint.level}: {complaint.text}"


def _local(moment: datetime) -> str:
    return f"{moment.astimezone():%Y-%m-%d\u00a0%H:%M:%S}"


def _rows(rows: Iterable[tuple[str, ...]]) -> str:
    """Return table rows; the first cell of each is its heading."""
    return "".join(_row(*map(html.escape, row)) for row in rows)


def _row(heading: str, *cells: str) -> str:
    return f'<tr><th scope="row">{heading}</th>{"".join(f"<td>{cell}</td>" for cell in cells)}</tr>\n'


def _nothing(text: str, *, columns: int) -> str:
    return f'<tr><td colspan="{columns}">{html.escape(text)}</td></tr>\n'
