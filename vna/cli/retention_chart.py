"""The chart of the retention report: how many studies end in each year, by modality, as SVG that needs nothing else."""

from collections.abc import Iterator, Mapping
from typing import Final
from xml.sax.saxutils import escape

from vna.archive import RetentionReport
from vna.cli.retention_tables import by_modality_and_year

_WIDTH, _HEIGHT = 960, 480
_LEFT, _RIGHT, _TOP, _BOTTOM = 80, 130, 60, 50
_COLOURS: Final = (
    "#4477aa",
    "#ee6677",
    "#228833",
    "#ccbb44",
    "#66ccee",
    "#aa3377",
    "#997700",
    "#44bb99",
    "#ee8866",
    "#777777",
)
"""Told apart by people who see few colours, too."""
_MODALITIES_SHOWN: Final = len(_COLOURS) - 1
_YEARS_BEHIND, _YEARS_AHEAD = 10, 28
"""Years that have a bar each; what ends before or after them is one bar at either side."""
_STEPS: Final = 5
_FEW_YEARS: Final = 20
_OTHERS: Final = "others"
_TITLE: Final = "Studies by the year their retention ends"


def draw_chart(report: RetentionReport) -> str:
    """Return the chart; years that are over on the day of the report stand on a grey ground."""
    found, this_year = _most_frequent(by_modality_and_year(report)), report.on.year
    counted = {modality: _within_reach(by_year, this_year) for modality, by_year in found.items()}
    years = _years(counted)
    most = max((sum(by_year.get(year, 0) for by_year in counted.values()) for year in years), default=0)
    size = f'width="{_WIDTH}" height="{_HEIGHT}" viewBox="0 0 {_WIDTH} {_HEIGHT}"'
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="sans-serif" role="img" aria-label="{_TITLE}">',
        "<style>text { font-size: 12px }</style>",
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="white"/>',
        f'<text x="{_LEFT}" y="24" style="font-size: 16px">{_TITLE}</text>',
        f'<text x="{_LEFT}" y="42" fill="#555">{_told(report)}</text>',
    ]
    if years:
        step = _step_of(most)
        top = -(-most // step) * step
        parts += _ground(years, this_year)
        parts += _scale(top, step)
        parts += _bars(counted, years, top, this_year)
        parts += _legend(list(counted))
    else:
        why = "No study has a known end." if report.computed_on else "No retention profile is in force yet."
        parts.append(f'<text x="{_LEFT}" y="{_TOP + 20}">{why}</text>')
    return "\n".join([*parts, "</svg>", ""])


def _told(report: RetentionReport) -> str:
    soon = ", ".join(f"{studies:,} within {days} days" for days, studies in report.expiring.items())
    no_end = sum(each.studies for each in report.ends if not each.year)
    return escape(
        f"On {report.on}: {report.overdue_studies:,} overdue; expiring {soon}; {no_end:,} without a known end"
    )


def _most_frequent(found: Mapping[str, Mapping[str, int]]) -> dict[str, dict[str, int]]:
    """Return the modalities that most studies have, and all others as one."""
    order = sorted(found, key=lambda modality: (-sum(found[modality].values()), modality))
    counted = {modality: dict(found[modality]) for modality in order[:_MODALITIES_SHOWN]}
    for modality in order[_MODALITIES_SHOWN:]:
        others = counted.setdefault(_OTHERS, {})
        for year, studies in found[modality].items():
            others[year] = others.get(year, 0) + studies
    return counted


def _years(counted: Mapping[str, Mapping[str, int]]) -> list[str]:
    """Return the years of the axis, without gaps."""
    known = [int(year) for by_year in counted.values() for year in by_year]
    return [f"{year:04d}" for year in range(min(known), max(known) + 1)] if known else []


def _within_reach(by_year: Mapping[str, int], this_year: int) -> dict[str, int]:
    """Return studies by years that have a bar: what ends far away counts for the first or the last one."""
    first, last = this_year - _YEARS_BEHIND - 1, this_year + _YEARS_AHEAD + 1
    found: dict[str, int] = {}
    for year, studies in by_year.items():
        if year:
            shown = f"{min(max(int(year), first), last):04d}"
            found[shown] = found.get(shown, 0) + studies
    return found


def _label(year: str, this_year: int) -> str:
    if int(year) < this_year - _YEARS_BEHIND:
        return f"to {year}"
    return f"from {year}" if int(year) > this_year + _YEARS_AHEAD else year


def _step_of(most: int) -> int:
    """Return the step of the scale: a round number, so that at most `_STEPS` of them reach the largest bar."""
    step = 1
    while step * _STEPS < most:
        step = _next_round(step)
    return step


def _next_round(step: int) -> int:
    """Return what comes after 1, 2, 5, 10, 20, 50, ...

    >>> _next_round(20), _next_round(50)
    (50, 100)
    """
    return step * 5 // 2 if str(step)[0] == "2" else step * 2


def _ground(years: list[str], this_year: int) -> Iterator[str]:
    over = sum(int(year) < this_year for year in years)
    if over:
        width = over * _step(years)
        height = _HEIGHT - _TOP - _BOTTOM
        yield f'<rect x="{_LEFT}" y="{_TOP}" width="{width:.1f}" height="{height}" fill="#eeeeee"/>'
        yield f'<text x="{_LEFT + 4}" y="{_TOP + 14}" fill="#555">ended before {this_year}</text>'


def _scale(top: int, step: int) -> Iterator[str]:
    height = _HEIGHT - _TOP - _BOTTOM
    for studies in range(0, top + 1, step):
        y = _HEIGHT - _BOTTOM - height * studies / top
        yield f'<line x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}" stroke="#cccccc"/>'
        yield f'<text x="{_LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{studies:,}</text>'


def _bars(counted: Mapping[str, Mapping[str, int]], years: list[str], top: int, this_year: int) -> Iterator[str]:
    step, height = _step(years), _HEIGHT - _TOP - _BOTTOM
    for place, year in enumerate(years):
        x, y, label = _LEFT + place * step, float(_HEIGHT - _BOTTOM), _label(year, this_year)
        for colour, (modality, by_year) in zip(_COLOURS, counted.items(), strict=False):
            studies = by_year.get(year, 0)
            size = height * studies / top
            y -= size
            if studies:
                box = f'x="{x + step * 0.1:.1f}" y="{y:.1f}" width="{step * 0.8:.1f}" height="{size:.2f}"'
                title = escape(f"{label} {modality}: {studies:,}")
                yield f'<rect {box} fill="{colour}"><title>{title}</title></rect>'
        if len(years) <= _FEW_YEARS or int(year) % 5 == 0 or label != year:
            middle = x + step / 2
            yield f'<text x="{middle:.1f}" y="{_HEIGHT - _BOTTOM + 18}" text-anchor="middle">{label}</text>'


def _legend(modalities: list[str]) -> Iterator[str]:
    """Yield what each colour means, in the order in which they lie above each other."""
    x = _WIDTH - _RIGHT + 16
    for place, (colour, modality) in enumerate(reversed([*zip(_COLOURS, modalities, strict=False)])):
        y = _TOP + 20 * place
        yield f'<rect x="{x}" y="{y}" width="12" height="12" fill="{colour}"/>'
        yield f'<text x="{x + 18}" y="{y + 11}">{escape(modality)}</text>'


def _step(years: list[str]) -> float:
    return (_WIDTH - _LEFT - _RIGHT) / len(years)
