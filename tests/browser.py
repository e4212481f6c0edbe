"""Chromium without a window, driven by playwright, and pictures of what it shows, small enough to be compared."""

from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO

import numpy as np
from PIL import Image
from playwright.sync_api import Browser, Locator, Page, sync_playwright

from ohif_needs import CHROMIUM

_ARGUMENTS = (
    "--headless=new",  # the older way shows no PDF
    "--no-sandbox",
    "--enable-unsafe-swiftshader",  # WebGL without a graphics card
)
_NOT_USUAL = ("--disable-extensions", "--disable-component-extensions-with-background-pages")
"""What playwright turns off and the PDF viewer needs."""

_WIDTH, _HEIGHT = 12, 9
_TIMEOUT_MS = 90_000

_DRAWN = """() => {
    const shown = document.querySelector('canvas.cornerstone-canvas');
    if (!shown || !shown.width) return false;
    const small = document.createElement('canvas');
    small.width = small.height = 16;
    const context = small.getContext('2d');
    context.drawImage(shown, 0, 0, 16, 16);
    return new Set(context.getImageData(0, 0, 16, 16).data).size > 10;
}"""


@contextmanager
def chromium() -> Iterator[Browser]:
    """Run a browser until the block ends."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, headless=False, args=_ARGUMENTS, ignore_default_args=_NOT_USUAL
        )
        try:
            yield browser
        finally:
            browser.close()


def until_drawn(page: Page) -> None:
    """Wait until an image is in the viewer's viewport."""
    page.wait_for_function(_DRAWN, timeout=_TIMEOUT_MS)


def picture(shown: Locator) -> str:
    """Return what is shown as a small grey picture, in hexadecimal digits, once it changes no more."""
    before, now = "", _grey(shown)
    while distance(before, now) > 0.5:
        shown.page.wait_for_timeout(500)
        before, now = now, _grey(shown)
    return now


def coloured(shown: Locator) -> int:
    """Return how many pixels in the middle of what is shown are neither grey nor nearly so."""
    image = np.asarray(Image.open(BytesIO(shown.screenshot(timeout=_TIMEOUT_MS))).convert("RGB")).astype(int)
    rows, columns = image.shape[0] // 6, image.shape[1] // 6
    middle = image[rows:-rows, columns:-columns]
    return int((middle.max(axis=2) - middle.min(axis=2) > 60).sum())


def distance(one: str, other: str) -> float:
    """Return how far two pictures are from each other: the mean difference of their pixels, from 0 to 255."""
    pixels = [bytes.fromhex(text) for text in (one, other)]
    if len(pixels[0]) != len(pixels[1]):
        return 255.0
    return sum(abs(a - b) for a, b in zip(*pixels, strict=True)) / len(pixels[0])


def _grey(shown: Locator) -> str:
    image = Image.open(BytesIO(shown.screenshot(timeout=_TIMEOUT_MS))).convert("L")
    return image.resize((_WIDTH, _HEIGHT), Image.Resampling.BOX).tobytes().hex()
