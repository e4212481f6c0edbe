"""The study browser: a form to search with, and a page of studies. Made of a template; works without scripts."""

import html
from collections.abc import Iterator, Mapping
from datetime import date
from importlib import resources
from string import Template
from typing import Final
from urllib.parse import quote, urlencode

from vna.console import wording
from vna.console.studies import PAGE_SIZE, FoundStudies, Study, StudySearch

_MODALITIES: Final = ("CR", "CT", "DX", "ES", "IVUS", "MG", "MR", "NM", "OCT", "OP", "PT", "PX", "RF", "SM", "US", "XA")
"""Offered in the form; others can be typed."""
_FIELDS: Final = ("patient", "from", "to", "modality", "description", "id", "issuer")


class StudyPage:
    """Writes the page."""

    def __init__(self, *, viewer: bool) -> None:
        """Take the template; with `viewer` each study links to it."""
        self._template = Template(resources.files("vna.console").joinpath("studies.html").read_text(encoding="utf-8"))
        self._viewer = viewer

    def render(
        self, ae_title: str, parameters: Mapping[str, str], search: StudySearch, found: FoundStudies | str
    ) -> str:
        """Return the page as HTML.

        Args:
            parameters: what was typed, to be shown again.
            found: the studies, or what is wrong with the search.
        """
        typed = {f"typed_{name}": parameters.get(name, "") for name in _FIELDS}
        result = _problem(found) if isinstance(found, str) else self._result(parameters, search, found)
        markup = {
            "modalities": "".join(f'<option value="{each}">' for each in _MODALITIES),
            "viewer": '<a href="viewer/">Viewer</a>' if self._viewer else "",
            "one_patient": _one_patient(typed) if search.patient_id or search.issuer else "",
            "result": result,
        }
        return self._template.substitute(
            {k: html.escape(v) for k, v in {"ae_title": ae_title, **typed}.items()} | markup
        )

    def _result(self, parameters: Mapping[str, str], search: StudySearch, found: FoundStudies) -> str:
        said = f'<p class="count" role="status">{html.escape(_count(search, found))}</p>\n'
        if not found.studies:
            return said
        rows = "".join(self._row(study) for study in found.studies)
        head = "".join(
            f'<th scope="col" role="columnheader">{each}</th>'
            for each in ("Image", "Patient", "Study", "Holds", "Open")
        )
        table = (
            '<table class="studies" role="table">\n<thead role="rowgroup">'
            f'<tr role="row">{head}</tr></thead>\n<tbody role="rowgroup">\n{rows}</tbody>\n</table>\n'
        )
        return said + table + _pages(parameters, search, found)

    def _row(self, study: Study) -> str:
        cells = (
            ("Image", self._picture(study)),
            ("Patient", "".join(_patient(study))),
            ("Study", "".join(_what(study))),
            ("Holds", "".join(_holds(study))),
            ("Open", "".join(self._links(study))),
        )
        return (
            '<tr role="row">'
            + "".join(f'<td role="cell" data-label="{name}">{cell}</td>' for name, cell in cells)
            + "</tr>\n"
        )

    def _picture(self, study: Study) -> str:
        picture = f'<img src="{_study_path(study)}/thumbnail" alt="" loading="lazy" width="96" height="96">'
        return (
            f'<a class="picture" href="{_viewer_path(study)}" tabindex="-1">{picture}</a>' if self._viewer else picture
        )

    def _links(self, study: Study) -> Iterator[str]:
        path = _study_path(study)
        name = html.escape(f" of {wording.person(study.patient_name) or study.patient_id or study.uid}")
        links = (
            *((("View", _viewer_path(study), "main"),) if self._viewer else ()),
            ("Metadata", f"{path}/metadata?accept=application/json", "other"),
            ("ZIP", f"{path}?accept=application/zip", "other"),
        )
        for text, address, kind in links:
            yield f'<a class="{kind}" href="{address}">{text}<span class="unseen">{name}</span></a>'


def _one_patient(typed: Mapping[str, str]) -> str:
    """Return the fields that tell one patient from another; they are there while they are used."""
    return "".join(
        f'<label>{said}\n<input name="{name}" value="{html.escape(typed[f"typed_{name}"])}" maxlength="64" '
        f'placeholder="{empty}" autocomplete="off"></label>\n'
        for name, said, empty in (("id", "Patient ID", "Any"), ("issuer", "Issuer of the ID", "None told"))
    )


def _study_path(study: Study) -> str:
    return f"dicom-web/studies/{quote(study.uid, safe='')}"


def _viewer_path(study: Study) -> str:
    return f"viewer/viewer?StudyInstanceUIDs={quote(study.uid, safe='')}"


def _patient(study: Study) -> Iterator[str]:
    yield f"<strong><bdi>{html.escape(wording.person(study.patient_name) or 'No name')}</bdi></strong>"
    if study.patient_id:
        address = html.escape("?" + urlencode({"id": study.patient_id, "issuer": study.issuer}))
        yield f'<a href="{address}" title="All studies of this patient">{html.escape(study.patient_id)}</a>'
        yield _line(f"of {study.issuer}" if study.issuer else "")
    born = f"born {wording.day(study.birth_date)}" if study.birth_date else ""
    yield _line(born, study.sex)


def _what(study: Study) -> Iterator[str]:
    yield f"<strong><bdi>{html.escape(study.description or 'No description')}</bdi></strong>"
    yield _line(wording.day(study.date) or "no date", wording.clock(study.time))
    yield _line(f"accession {study.accession_number}" if study.accession_number else "")


def _holds(study: Study) -> Iterator[str]:
    modalities = "".join(f"<b>{html.escape(each)}</b>" for each in study.modalities.split("\\") if each)
    yield f'<span class="modalities">{modalities}</span>'
    yield _line(f"{study.series or 0} series, {wording.number(int(study.instances or 0), 'instance')}")


def _line(*texts: str) -> str:
    text = ", ".join(filter(None, texts))
    return f"<span>{html.escape(text)}</span>" if text else ""


def _count(search: StudySearch, found: FoundStudies) -> str:
    """Say how many there are, and which of them are shown."""
    if not found.count:
        return "No study matches." if search != StudySearch(page=search.page) else "The archive holds no study yet."
    count = wording.number(found.count, "study", "studies")
    text = f"More than {count}" if found.more else count
    if found.within_days is not None:
        text += f" of {_days(found.within_days, search.last_date)}"
    if found.more or found.within_days is not None:
        text += "; narrow the search to see others"
    first = (search.page - 1) * PAGE_SIZE
    if not found.studies:
        return f"{text}. There is no page {search.page}."
    if found.count > PAGE_SIZE:
        text += f". Shown are {first + 1} to {first + len(found.studies)}"
    return f"{text}, latest first." if found.count > 1 else f"{text}."


def _days(count: int, last: date | None) -> str:
    if count == 0:
        return "today" if last is None else f"{last:%Y-%m-%d}"
    days = wording.number(count, "day")
    return f"the last {days}" if last is None else f"the {days} before {last:%Y-%m-%d}"


def _pages(parameters: Mapping[str, str], search: StudySearch, found: FoundStudies) -> str:
    def link(page: int, text: str, rel: str) -> str:
        asked = {name: parameters[name] for name in _FIELDS if parameters.get(name)}
        return f'<a rel="{rel}" href="{html.escape("?" + urlencode({**asked, "page": page}))}">{text}</a>'

    links = [link(search.page - 1, "Previous page", "prev")] if search.page > 1 else []
    if search.page * PAGE_SIZE < found.count:
        links.append(link(search.page + 1, "Next page", "next"))
    return f'<nav class="pages" aria-label="Pages">{"".join(links)}</nav>\n' if links else ""


def _problem(text: str) -> str:
    return f'<p class="bad" role="alert">{html.escape(text)}</p>\n'
