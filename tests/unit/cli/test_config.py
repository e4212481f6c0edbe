"""`vna config show` tells every setting, what it is and where it can be set."""

import json
from pathlib import Path

import pytest

from vna import settings
from vna.cli import main
from vna.settings import Settings


def _run(*arguments: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main(list(arguments))
    return int(ended.value.code or 0)


def test_every_setting_is_shown_with_its_description(capsys: pytest.CaptureFixture[str]) -> None:
    assert _run("config", "show") == 0

    shown = capsys.readouterr().out
    for setting in settings.show(Settings()):
        assert f"\n{setting.path} = " in f"\n{shown}"
        assert f"{setting.description} [{setting.variable}]" in shown


@pytest.mark.parametrize("before", [True, False])
def test_the_file_may_be_named_before_the_command_or_after(
    before: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "vna.toml"
    file.write_text("[dimse]\nport = 104\n")
    option = ["--config", str(file)]

    assert _run(*option, "config", "show") == 0 if before else _run("config", "show", *option) == 0

    assert "dimse.port = 104  (default: 11112)" in capsys.readouterr().out


def test_json_is_for_scripts(capsys: pytest.CaptureFixture[str]) -> None:
    assert _run("config", "show", "--json") == 0

    shown = {setting["path"]: setting for setting in json.loads(capsys.readouterr().out)}
    assert shown["dimse.port"]["value"] == 11112
    assert shown["dimse.port"]["variable"] == "VNA_DIMSE__PORT"


def test_a_bad_setting_is_a_message_and_not_a_traceback(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("VNA_DIMSE__PORT", "high")

    assert _run("config", "show") == 1

    told = capsys.readouterr().err
    assert told.startswith("vna: dimse.port = 'high' (from VNA_DIMSE__PORT)")
    assert "Traceback" not in told


@pytest.mark.parametrize("arguments", [["--help"], ["serve", "-h"], ["status", "--help"], ["peers", "add", "--help"]])
def test_help_tells_the_exit_codes(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert _run(*arguments) == 0

    assert "Exit codes" in capsys.readouterr().out


def test_a_wrong_command_line_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert _run("peers", "add", "A", "host", "70000") == 2
    assert _run("stat") == 2


def test_the_version_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert _run("--version") == 0

    assert capsys.readouterr().out.startswith("vna ")
