"""What a run found as text, JUnit XML and JSON. JSON holds no times, so that two runs can be compared."""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from xml.etree import ElementTree as ET

import vna
from conformance.checks.run import Identity, Result
from conformance.checks.verdicts import Verdict, counted

_WIDTH = 15


@dataclass(frozen=True, slots=True)
class Report:
    """All that a run found. `name` is what the node is called in it; `left_behind` are studies that it now holds."""

    name: str
    node: Identity
    results: Sequence[Result]
    left_behind: Sequence[str]

    @property
    def counts(self) -> dict[str, int]:
        """How many checks had each verdict, all of them."""
        found = Counter(result.verdict for result in self.results)
        return {verdict.value: found[verdict] for verdict in Verdict}

    @property
    def failed(self) -> bool:
        """Whether a check failed."""
        return any(result.verdict is Verdict.FAILED for result in self.results)


def as_text(report: Report) -> str:
    """Return a line for each check, those with something to say in two, and the sum."""
    uid = report.node.implementation_uid
    lines = [f"{report.name} ({uid})" if uid else report.name, ""]
    for result in report.results:
        lines.append(
            f"{result.verdict.upper():<{_WIDTH}}{result.check.id}: {result.check.title} [{result.check.section}]"
        )
        if result.detail:
            lines.append(f"{'':<{_WIDTH}}  {result.detail}")
    sums = ", ".join(f"{count} {verdict}" for verdict, count in report.counts.items())
    lines += ["", f"{counted(len(report.results), 'check', 'checks')}: {sums}", *_remains(report)]
    return "\n".join(lines) + "\n"


def as_json(report: Report) -> str:
    """Return the report as JSON: the same findings give the same text."""
    document: dict[str, Any] = {
        "checked_by": f"vna {vna.__version__}",
        "name": report.name,
        "implementation_class_uid": report.node.implementation_uid,
        "implementation_version_name": report.node.implementation_version,
        "counts": report.counts,
        "checks": [
            {
                "id": result.check.id,
                "title": result.check.title,
                "section": result.check.section,
                "verdict": result.verdict.value,
                "detail": result.detail,
            }
            for result in report.results
        ],
    }
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def as_junit(report: Report) -> str:
    """Return the report as JUnit XML, a suite for each service; what is not supported counts as skipped."""
    root = ET.Element("testsuites", name=report.name)
    services: dict[str, list[Result]] = {}
    for result in report.results:
        services.setdefault(result.check.id.partition(".")[0], []).append(result)
    for service, results in services.items():
        verdicts = Counter(result.verdict for result in results)
        suite = ET.SubElement(
            root,
            "testsuite",
            name=service,
            tests=str(len(results)),
            failures=str(verdicts[Verdict.FAILED]),
            errors="0",
            skipped=str(verdicts[Verdict.NOT_SUPPORTED] + verdicts[Verdict.SKIPPED]),
            time=f"{sum(result.seconds for result in results):.3f}",
        )
        for result in results:
            _add_case(suite, result)
    ET.indent(root)
    return ET.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


FORMATS = {"text": as_text, "junit": as_junit, "json": as_json}


def _add_case(suite: ET.Element, result: Result) -> None:
    case = ET.SubElement(
        suite, "testcase", classname=result.check.id, name=result.check.title, time=f"{result.seconds:.3f}"
    )
    section = f"{result.check.section}: " if result.detail else result.check.section
    message = _printable(f"{section}{result.detail}")
    if result.verdict is Verdict.FAILED:
        ET.SubElement(case, "failure", message=message).text = message
    elif result.verdict is not Verdict.PASSED:
        ET.SubElement(case, "skipped", message=f"{result.verdict}: {message}")
    else:
        ET.SubElement(case, "system-out").text = message


def _printable(text: str) -> str:
    """Return a text without the control characters that XML 1.0 has no place for."""
    return "".join(c if c.isprintable() else "?" for c in text)


def _remains(report: Report) -> list[str]:
    if not report.left_behind:
        return ["Nothing was left behind."]
    remains = counted(len(report.left_behind), "study", "studies")
    return [
        f"Left behind at the node, under patients called CONFORMANCE: {remains},",
        *(f"  {uid}" for uid in report.left_behind),
    ]
