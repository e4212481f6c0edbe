"""README.md and CHANGELOG.md say what the code does: settings, commands and version cannot drift."""

import re
import tomllib
from pathlib import Path

import pytest
import typer.main
from packaging.requirements import Requirement
from packaging.version import Version

import vna
from vna import settings
from vna.cli.app import app
from vna.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
SHOWN = list(settings.show(Settings()))


def test_the_table_of_settings_is_that_of_the_code() -> None:
    rows = re.findall(r"^\| `([a-z_.]+)` \| (.*?) \| (.*?) \|$", README, re.MULTILINE)

    assert rows == [(setting.path, _default(setting.default), setting.description) for setting in SHOWN]


@pytest.mark.parametrize("setting", SHOWN, ids=[setting.path for setting in SHOWN])
def test_every_setting_is_explained_in_one_line(setting: settings.Setting) -> None:
    assert setting.description.endswith(".")
    assert "\n" not in setting.description


@pytest.mark.parametrize("line", sorted(set(re.findall(r"^(?:\.venv/bin/)?vna ([a-z].*)$", README, re.MULTILINE))))
def test_every_command_in_the_readme_exists(line: str) -> None:
    command = typer.main.get_command(app)

    for word in line.split():
        if not hasattr(command, "commands"):
            break
        assert word in command.commands
        command = command.commands[word]

    assert not hasattr(command, "commands")
    options = {option for parameter in command.params for option in parameter.opts}
    assert {word for word in line.split() if word.startswith("--")} <= options


def test_every_target_in_the_readme_exists() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")

    for target in set(re.findall(r"\bmake ([a-z][a-z-]*)`", README)) | set(
        re.findall(r"^make ([a-z-]+)", README, re.M)
    ):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target


def test_the_changelog_tells_of_this_version() -> None:
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")

    assert re.search(rf"^## {re.escape(vna.__version__)}\b", changelog, re.MULTILINE)


def test_the_locked_environment_fits_the_declared_dependencies() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    runtime = _locked(ROOT / ".requirements.lock")
    tests = runtime | _locked(ROOT / "tests" / "requirements.txt")

    for wanted, locked in [
        (project["dependencies"], runtime),
        (extras["conformance"], tests),
        (extras["test"], tests),
    ]:
        for requirement in map(Requirement, wanted):
            if requirement.name != "vna-node":
                assert requirement.specifier.contains(locked[_normal(requirement.name)]), requirement


def _locked(file: Path) -> dict[str, Version]:
    lines = [line.partition("==") for line in file.read_text(encoding="utf-8").splitlines() if "==" in line]
    return {_normal(name): Version(version) for name, _, version in lines}


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _default(value: object) -> str:
    if value in ("", ()):
        return "(empty)"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, tuple):
        return f"`{', '.join(value)}`"
    return f"`{value}`"
