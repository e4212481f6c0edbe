"""The interoperability table: what the tests found, by stack and role, as Markdown."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from interop.stacks.roles import ROLES, Stack

HEAD = """\
# Interoperability with other stacks

Written by `pytest tests/interop --interop-report conformance/results/interoperability.md`: every line is what the tests
found when the stack talked to a running node. A role that a stack does not have is left out.

"""


@dataclass(frozen=True, slots=True)
class Case:
    """One test: its stack, role and case, how it ended (passed, failed, skipped), and a remark."""

    stack: str
    role: str
    name: str
    outcome: str
    remark: str


def written(cases: Iterable[Case], stacks: Iterable[Stack]) -> str:
    """Return the table."""
    found: dict[tuple[str, str], list[Case]] = defaultdict(list)
    for case in cases:
        found[case.stack, case.role].append(case)
    lines = ["| stack | version | role | result | remark |", "|---|---|---|---|---|"]
    for stack in stacks:
        version = stack.version()
        if version is None:
            lines.append(f"| {stack.about.name} | - | - | not installed | {stack.about.how_to_install} |")
            continue
        for role in ROLES:
            if mine := found[stack.about.name, role]:
                remark = _remark(mine, stack.about.remarks.get(role, ""))
                lines.append(f"| {stack.about.name} | {version} | {role} | {_result(mine)} | {remark} |")
    return HEAD + "\n".join(lines) + "\n"


def _result(cases: list[Case]) -> str:
    tried = [case for case in cases if case.outcome != "skipped"]
    passed = sum(case.outcome == "passed" for case in tried)
    return f"{'pass' if passed == len(tried) else 'FAIL'}, {passed} of {len(tried)}"


def _remark(cases: list[Case], general: str) -> str:
    said: dict[str, list[str]] = defaultdict(list)
    for case in cases:
        text = {"failed": "fails", "skipped": f"not tried: {case.remark}"}.get(case.outcome, case.remark)
        if text:
            said[text].append(case.name)
    parts = [general] if general else []
    parts += [f"{', '.join(names)}: {text}" if any(names) else text for text, names in said.items()]
    return "; ".join(parts).replace("|", "\\|")
