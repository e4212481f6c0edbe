"""The chart of the retention report: a bar for each year, and what is far away at either side."""

from datetime import date
from xml.etree import ElementTree as ET

from vna.archive import RetentionReport
from vna.cli.retention_chart import draw_chart
from vna.index import Counted

SVG = "{http://www.w3.org/2000/svg}"


def drawn(*ends: Counted, computed_on: str = "2026-11-22") -> ET.Element:
    report = RetentionReport(
        on=date(2026, 11, 22),
        computed_on=computed_on,
        studies=sum(each.studies for each in ends),
        states={},
        overdue={},
        expiring={30: 0},
        ends=ends,
    )
    return ET.fromstring(draw_chart(report))


def texts(chart: ET.Element, name: str = "text") -> list[str]:
    return [each.text or "" for each in chart.iter(f"{SVG}{name}")]


def test_years_far_away_are_one_bar_at_either_side_and_none_is_lost() -> None:
    far = [Counted("CT", str(year), "retained", 1) for year in (1950, 2001, 2060, 2100)]
    near = [Counted("CT", "2027", "retained", 1200), Counted("MR", "", "blocked:rules", 7)]

    chart = drawn(*far, *near)

    assert texts(chart, "title") == ["to 2015 CT: 2", "2027 CT: 1,200", "from 2055 CT: 2"]
    assert {"to 2015", "from 2055", "ended before 2026"} <= set(texts(chart))
    assert any("7 without a known end" in text for text in texts(chart))


def test_the_scale_ends_close_above_the_largest_bar() -> None:
    def scale(most: int) -> list[str]:
        chart = drawn(Counted("CT", "2027", "retained", most))
        return [each.text or "" for each in chart.iter(f"{SVG}text") if each.get("text-anchor") == "end"]

    assert scale(27) == ["0", "10", "20", "30"]
    assert scale(4001) == ["0", "1,000", "2,000", "3,000", "4,000", "5,000"]
    assert scale(1) == ["0", "1"]


def test_without_anything_to_draw_it_says_why() -> None:
    assert "No study has a known end." in texts(drawn())
    assert "No retention profile is in force yet." in texts(drawn(computed_on=""))
