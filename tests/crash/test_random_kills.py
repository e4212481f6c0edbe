"""Any process of a node killed at any step of the receive path: nothing acknowledged is lost, nothing is half there.

`killing.py` does it, and looks at everything after each kill; a failure names its seed and its step.
"""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from steps import NAMES

ROUNDS = 20
KILLS = 50


def kill(folder: Path, *what: object) -> int:
    """Run the program; return how many were killed."""
    program = Path(__file__).parents[1] / "killing.py"
    command = [sys.executable, str(program), str(folder / "data"), *map(str, what)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=900, check=False)
    assert done.returncode == 0, f"{what}: {done.stderr[-3000:]}"
    return int(json.loads(done.stdout)["kills"])


@pytest.mark.timeout(300)
def test_a_few_kills_and_workers_that_die_in_their_turn_to_write(tmp_path: Path) -> None:
    assert kill(tmp_path, 1, 2, "worker:take turn done", "worker:give turn") == 4


@pytest.mark.long
@pytest.mark.timeout(1000)
@pytest.mark.parametrize("seed", range(1, ROUNDS + 1))
def test_a_thousand_kills(tmp_path: Path, seed: int) -> None:
    assert kill(tmp_path, seed, KILLS) == KILLS


@pytest.mark.long
@pytest.mark.timeout(300)
@pytest.mark.parametrize("step", NAMES)
def test_each_process_killed_at_each_step(tmp_path: Path, step: str) -> None:
    assert kill(tmp_path, 1, *(f"{victim}:{step}" for victim in ("worker", "supervisor", "top"))) == 3
