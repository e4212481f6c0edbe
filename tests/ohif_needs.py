"""What the tests of the viewer need, and whether it is here."""

import shutil
from importlib.util import find_spec

from vna.console.viewer_files import default_folder, is_installed

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)

REASON = "Chromium, playwright, or npm to get OHIF with, is missing"
MISSING = (
    CHROMIUM is None or find_spec("playwright") is None or not (is_installed(default_folder()) or shutil.which("npm"))
)
