"""A codec process is started while somebody waits for a picture: what it does not need is not loaded."""

import subprocess
import sys


def test_a_codec_process_loads_no_dictionary() -> None:
    """Loading pydicom takes longer than all else together."""
    code = "import sys, vna.pixels.process; print('pydicom' in sys.modules)"

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=30)

    assert done.stdout == "False\n"
