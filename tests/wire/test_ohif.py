"""The viewer OHIF in a real browser, in front of a node: what a radiologist sees is compared with pictures of it.

A picture that is meant to have changed is looked at (the failing test says where it lies), and its digits are replaced.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from ohif_needs import MISSING, REASON

if MISSING:
    pytest.skip(REASON, allow_module_level=True)

from playwright.sync_api import Browser, Page, expect

from browser import chromium, coloured, distance, picture, until_drawn
from ohif import http_address, node_with_viewer, page_of
from ohif_pictures import PICTURES
from reverse_proxy import reverse_proxy

pytestmark = [pytest.mark.long, pytest.mark.timeout(600)]

PREFIX = "/hospital/archive"
MOST_DISTANT = 6.0
SLOW_MS = 90_000
PANE = '[data-cy="viewport-pane"]'
ASKED = "Do you want to open this Segmentation?"
A_LINE = 1500
"""Coloured pixels of a line around something in an image."""
ECHO, HEAD, CHEST = "ECHOCARDIOGRAM, LIMITED", "MRT Schädel nativ", "Scanner thoracique injecté"
REPORT, LETTER = "MRT Schädel, Verlaufskontrolle", "Letter from another hospital, scanned"


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with node_with_viewer(tmp_path_factory.mktemp("ohif")) as node:
        yield http_address(node)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as opened:
        yield opened


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    with page_of(browser) as opened:
        yield opened


def open_study(page: Page, address: str, description: str) -> None:
    """Open a study as a user does: the front page, and one click."""
    page.goto(f"{address}/")
    row = page.locator("tr", has_text=description)
    row.get_by_role("link", name="View").click()
    page.locator(PANE).wait_for(timeout=SLOW_MS)


def open_series(page: Page, name: str) -> None:
    """Open a series by a double click on it, once the first image of the study is there."""
    until_drawn(page)
    page.get_by_text(name, exact=True).first.dblclick(timeout=SLOW_MS)


def check_picture(page: Page, name: str, tmp_path: Path) -> None:
    """Compare the viewport with what it has to look like."""
    shown = page.locator(PANE)
    found = picture(shown)
    page.screenshot(path=tmp_path / f"{name}.png")

    assert distance(found, PICTURES[name]) < MOST_DISTANT, f"{name} looks otherwise ({tmp_path}): {found}"


def test_the_list_shows_every_study_with_names_in_their_own_script(page: Page, address: str) -> None:
    page.goto(f"{address}/viewer/")

    for text in (ECHO, HEAD, CHEST, REPORT, LETTER, "Παπαδοπούλου, Ελένη", "Größmann, Jörg"):
        expect(page.get_by_text(text).first).to_be_visible(timeout=SLOW_MS)
    expect(page.get_by_text("1-16 of 16")).to_be_visible()


@pytest.mark.parametrize(("name", "study"), [("ct", CHEST), ("mr", HEAD), ("us", ECHO)], ids=["ct", "mr", "us"])
def test_images_open_with_two_clicks(page: Page, address: str, name: str, study: str, tmp_path: Path) -> None:
    open_study(page, address, study)
    until_drawn(page)

    check_picture(page, name, tmp_path)


def test_a_series_opens_with_a_double_click(page: Page, address: str, tmp_path: Path) -> None:
    open_study(page, address, CHEST)
    open_series(page, "Médiastin épais")
    expect(page.locator(PANE)).to_contain_text("Médiastin épais", timeout=SLOW_MS)

    check_picture(page, "slices", tmp_path)
    assert coloured(page.locator(PANE)) < A_LINE


def test_a_segmentation_lies_on_the_images_it_was_made_from(page: Page, address: str, tmp_path: Path) -> None:
    open_study(page, address, CHEST)
    open_series(page, "Segmentation poumons")
    page.get_by_text(ASKED).wait_for(timeout=SLOW_MS)

    check_picture(page, "seg", tmp_path)
    assert coloured(page.locator(PANE)) > 20 * A_LINE


def test_contours_lie_on_the_images_they_were_made_from(page: Page, address: str) -> None:
    open_study(page, address, CHEST)
    open_series(page, "Contours thorax")
    page.get_by_text(ASKED).wait_for(timeout=SLOW_MS)
    picture(page.locator(PANE))
    page.get_by_role("button", name="Yes").click()
    page.get_by_text(ASKED).wait_for(state="hidden", timeout=SLOW_MS)

    assert coloured(page.locator(PANE)) > A_LINE


def test_measurements_open_on_the_image_they_were_made_on(page: Page, address: str) -> None:
    open_study(page, address, CHEST)
    open_series(page, "Mesures")

    expect(page.locator(PANE)).to_contain_text("Parenchyme fin", timeout=SLOW_MS)


def test_a_report_is_read(page: Page, address: str) -> None:
    open_study(page, address, REPORT)
    open_series(page, "Befund")

    pane = page.locator(PANE)
    expect(pane).to_contain_text("Mehrere signalreiche Herde periventrikulär", timeout=SLOW_MS)


def test_a_letter_is_read(page: Page, address: str, tmp_path: Path) -> None:
    open_study(page, address, LETTER)
    page.wait_for_event("framenavigated", lambda frame: frame.url.startswith("chrome-extension:"), timeout=SLOW_MS)

    check_picture(page, "pdf", tmp_path)


def test_studies_of_another_patient_with_the_same_id_are_not_shown(page: Page, address: str) -> None:
    open_study(page, address, CHEST)
    until_drawn(page)

    expect(page.get_by_text("Scanner thoracique sans injection")).to_be_visible()
    for other in (ECHO, "MR HEAD ?MIGRAINE", HEAD, REPORT):
        expect(page.get_by_text(other)).to_have_count(0)


def test_a_page_that_was_visited_before_opens_again(page: Page, address: str) -> None:
    for _ in range(2):
        page.goto(f"{address}/viewer/")
        expect(page.get_by_text(ECHO).first).to_be_visible(timeout=SLOW_MS)


def test_behind_a_proxy_with_a_prefix_all_is_the_same(page: Page, address: str, tmp_path: Path) -> None:
    def told(host: str) -> dict[str, str]:
        return {
            "Host": "127.0.0.1",
            "X-Forwarded-Host": host,
            "X-Forwarded-Proto": "http",
            "X-Forwarded-Prefix": PREFIX,
        }

    with reverse_proxy(address, PREFIX, told) as public:
        open_study(page, public, CHEST)
        open_series(page, "Segmentation poumons")
        page.get_by_text(ASKED).wait_for(timeout=SLOW_MS)

        check_picture(page, "seg", tmp_path)
        assert page.url.startswith(f"{public}/viewer/viewer?")
