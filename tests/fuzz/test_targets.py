"""Every fuzz target for a moment: its corpus, and the same few mutations of it each time."""

import subprocess
import sys
from itertools import islice
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fuzz.mutating import mutated
from fuzz.targets import TARGETS

RUN = Path(__file__).with_name("run.py")


@pytest.mark.parametrize("name", TARGETS)
def test_a_target_stands_its_corpus_and_mutations_of_it(name: str) -> None:
    target = TARGETS[name]
    corpus = list(target.corpus())

    for data in (*corpus, *islice(mutated(corpus, seed=2, longest=target.longest), 100)):
        target.run(data)


@pytest.mark.parametrize("name", TARGETS)
@settings(max_examples=40, deadline=None, derandomize=True, database=None)
@given(data=st.binary(max_size=300))
def test_a_target_stands_anything(name: str, data: bytes) -> None:
    TARGETS[name].run(data)


@pytest.mark.long
@pytest.mark.timeout(400)
@pytest.mark.parametrize("name", TARGETS)
def test_a_target_stands_a_minute(name: str, tmp_path: Path) -> None:
    """With atheris where it is installed, by mutations alone elsewhere."""
    command = [sys.executable, str(RUN), name, "--seconds", "60", "--findings", str(tmp_path / "findings")]

    ended = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=300, check=False)

    assert ended.returncode == 0, ended.stderr[-3000:]
