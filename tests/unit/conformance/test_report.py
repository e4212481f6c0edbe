"""Reports tell every finding, in text, JUnit XML and JSON, and side by side."""

import json
from xml.etree import ElementTree as ET

import pytest

from conformance.checks.compare import as_markdown
from conformance.checks.registry import Check
from conformance.checks.report import Report, as_json, as_junit, as_text
from conformance.checks.run import Identity, Result
from conformance.checks.verdicts import Verdict

NODE = Identity("1.2.3", "NODE_1")
DETAILS = {
    Verdict.PASSED: "",
    Verdict.FAILED: "the status is <0110> & no\x07bell",
    Verdict.NOT_SUPPORTED: "not accepted",
    Verdict.SKIPPED: "give --web",
}


def _result(id_: str, verdict: Verdict) -> Result:
    return Result(Check(id_, f"{id_} works", "PS3.4 C.1", lambda session: None), verdict, DETAILS[verdict], 0.25)


REPORT = Report(
    "A node",
    NODE,
    [
        _result("find.one", Verdict.PASSED),
        _result("find.two", Verdict.FAILED),
        _result("get.one", Verdict.NOT_SUPPORTED),
        _result("get.two", Verdict.SKIPPED),
    ],
    ["1.2.3.4"],
)


def test_text_has_a_line_for_each_check_and_what_is_left_behind() -> None:
    text = as_text(REPORT)

    assert "FAIL           find.two: find.two works [PS3.4 C.1]\n" in text
    assert "4 checks: 1 pass, 1 fail, 1 not supported, 1 skipped" in text
    assert text.endswith(": 1 study,\n  1.2.3.4\n")


def test_json_says_the_same_each_time_and_no_times() -> None:
    slower = Report(REPORT.name, NODE, [Result(r.check, r.verdict, r.detail, 9) for r in REPORT.results], [])

    assert as_json(REPORT) == as_json(slower)
    document = json.loads(as_json(REPORT))
    assert document["counts"] == {"pass": 1, "fail": 1, "not supported": 1, "skipped": 1}
    assert document["checks"][1] == {
        "id": "find.two",
        "title": "find.two works",
        "section": "PS3.4 C.1",
        "verdict": "fail",
        "detail": DETAILS[Verdict.FAILED],
    }


@pytest.fixture
def suites() -> ET.Element:
    """The JUnit report, parsed."""
    return ET.fromstring(as_junit(REPORT))


def test_junit_has_only_what_its_schema_knows(suites: ET.Element) -> None:
    """The elements and attributes of the schema that Jenkins and GitLab read."""
    allowed = {
        "testsuites": {"name"},
        "testsuite": {"name", "tests", "failures", "errors", "skipped", "time"},
        "testcase": {"classname", "name", "time"},
        "failure": {"message"},
        "skipped": {"message"},
        "system-out": set(),
    }
    below = {"testsuites": {"testsuite"}, "testsuite": {"testcase"}, "testcase": {"failure", "skipped", "system-out"}}

    for element in suites.iter():
        assert element.attrib.keys() <= allowed[element.tag]
        assert {child.tag for child in element} <= below.get(element.tag, set())


def test_junit_counts_what_it_holds(suites: ET.Element) -> None:
    for suite in suites:
        cases = suite.findall("testcase")
        assert int(suite.attrib["tests"]) == len(cases)
        assert int(suite.attrib["failures"]) == len(suite.findall("testcase/failure"))
        assert int(suite.attrib["skipped"]) == len(suite.findall("testcase/skipped"))
    assert [suite.attrib["name"] for suite in suites] == ["find", "get"]


def test_junit_tells_why(suites: ET.Element) -> None:
    (failure,) = suites.iter("failure")
    skipped = [element.attrib["message"] for element in suites.iter("skipped")]

    assert failure.attrib["message"] == "PS3.4 C.1: the status is <0110> & no?bell"
    assert skipped == ["not supported: PS3.4 C.1: not accepted", "skipped: PS3.4 C.1: give --web"]


def test_nodes_are_put_side_by_side() -> None:
    other = Report("Another", NODE, [_result("find.one", Verdict.FAILED), _result("find.two", Verdict.PASSED)], [])

    text = as_markdown([json.loads(as_json(report)) for report in (REPORT, other)])

    assert "| `find.two` | find.two works | PS3.4 C.1 | **FAIL** | pass |" in text
    assert "| `get.two` | get.two works | PS3.4 C.1 | - |  |" in text
    assert "| fail | 1 | 1 |" in text
    assert "Seen: the status is &lt;0110> & no\x07bell." in text


def test_a_report_without_failures_says_so() -> None:
    passed = Report("Fine", NODE, [_result("find.one", Verdict.PASSED)], [])

    assert not passed.failed
    assert "### Fine\n\nNothing.\n" in as_markdown([json.loads(as_json(passed))])
