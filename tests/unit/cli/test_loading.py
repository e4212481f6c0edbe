"""What every command waits for: the libraries that few of them need are not loaded."""

import subprocess
import sys

SELDOM_NEEDED = {"alembic", "botocore", "matplotlib", "reportlab"}


def test_libraries_that_few_commands_need_are_not_loaded_by_all() -> None:
    program = "import sys, vna.cli; print(*sys.modules)"

    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split()

    assert "vna.cli.eliminations_run" in loaded
    assert not SELDOM_NEEDED & set(loaded)
