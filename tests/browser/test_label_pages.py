"""Adjudicate, Progress and Codebook in a browser: reached from the top bar, worked with keys, and fitting the window."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from analysis.store import Store
from labels.events import Event
from labels.export_filter import KINDS
from labels.log import record
from labels.queue_design import Settings, make
from tests.browser.conftest import HOSTILE, App, fill, running, settled, trajectories
from tests.browser.test_accessibility import serious

pytestmark = pytest.mark.browser
ROW = 33
"""Pixels of a table's row, its head among them."""
NOTE = '<img src=x onerror="alert(1)"> **bold** $x$'


@pytest.fixture(scope="module")
def labelled(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    """The app over traces that ada and bo labelled; on eval_aware of the hostile one and one more they differ."""
    path = fill(tmp_path_factory.mktemp("people") / "store.duckdb", trajectories())
    store = Store(path)
    quote = {"quote": HOSTILE[:60], "start_char": 0, "end_char": 60}
    events = [
        Event("ada", "hostile", "note", pattern="eval_aware", new=NOTE, queue_reason="uniform"),
        Event("ada", "hostile", "add_quote", pattern="eval_aware", **quote),
        Event("ada", "step-200.0", "set", pattern="eval_aware", new="unsure", queue_reason="uniform"),
    ]
    for who in ("ada", "bo"):
        for name in ("hostile", "step-200.0", "step-200.1", "step-800.1"):
            events.append(Event(who, name, "submit", new="eval_aware hint_decode"))
    record(store, events)
    make(store, Settings(size=8, seed=1), made_by="lead")
    with running(path) as address:
        yield App(address, browser)


def sign_in(page: Page, name: str) -> None:
    box = page.get_by_role("combobox", name="Your name")
    box.click()
    box.fill(name)
    box.press("Enter")
    settled(page)


PAGES = (
    "/progress?part=queue",
    "/progress?part=agreement",
    "/codebook",
    "/codebook?part=change",
    "/adjudicate",
)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_page_of_people_breaks_a_serious_rule(labelled: App, scheme: str) -> None:
    found = {}
    page = labelled.open(PAGES[0], scheme=scheme)
    for path in PAGES:
        labelled.go(page, path)
        if path == "/adjudicate":
            sign_in(page, "lee")
            expect(page.get_by_role("button", name="Take A")).to_be_visible()
            settled(page)
        if path.endswith("queue"):
            page.get_by_text("Draw another queue").click()
            expect(page.get_by_text("At random, each trace as likely as any other").last).to_be_visible()
            settled(page)
        found[path] = serious(page)
    labelled.go(page, "/export")
    for kind in (KINDS[0], KINDS[-1]):
        page.get_by_role("radio", name=kind).click()
        expect(page.get_by_test_id("stDataFrame")).to_be_visible()
        settled(page)
        found[f"/export {kind}"] = serious(page)
    page.close()
    assert [f"{path} {element}" for path, broken in found.items() for element in broken] == []


def test_conflicts_are_decided_and_undone_with_keys(labelled: App) -> None:
    page = labelled.open("/adjudicate")
    sign_in(page, "kim")
    expect(page.get_by_text("2 of 2 conflicts left")).to_be_visible()
    expect(page.get_by_role("button", name="Skip")).to_be_visible()
    settled(page)
    page.keyboard.press("1")
    expect(page.get_by_text("Choose why they differ first")).to_be_visible()
    seen = ""
    for left in (1, 0):
        settled(page)
        seen += page.locator('[data-testid="stMain"]').inner_text()
        page.get_by_role("radio", name="edge case").or_(
            page.get_by_role("button", name="edge case")
        ).first.click()
        expect(page.locator('[data-testid="stApp"][data-test-script-state="notRunning"]')).to_be_attached()
        page.wait_for_timeout(300)
        settled(page)
        page.keyboard.press("1" if left else "n")
        expect(page.get_by_text(f"{left} of 2 conflicts left")).to_be_visible()
    assert NOTE in seen and HOSTILE[:60] in seen, "stored text is text"
    assert page.locator('[data-testid="stMain"] img').count() == 0 and not page.dialogs  # type: ignore[attr-defined]
    for left in (1, 2):
        settled(page)
        page.keyboard.press("z")
        expect(page.get_by_text(f"{left} of 2 conflicts left")).to_be_visible()
    page.close()


def test_the_pages_are_in_the_bar_and_a_row_opens_a_pattern(labelled: App) -> None:
    page = labelled.open("/")
    page.get_by_test_id("stHeader").get_by_text("Label", exact=True).click()
    page.get_by_role("menuitem", name="Codebook").click()
    page.wait_for_url("**/codebook*")
    settled(page)
    box = page.get_by_test_id("stDataFrame").first.bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + 16, box["y"] + ROW * 3 + 16)
    page.wait_for_url(re.compile("pattern=conflict_dissolved"))
    expect(page.get_by_text("Explaining the conflict away").last).to_be_visible()
    page.close()


def test_every_part_fits_the_window(labelled: App) -> None:
    for path in ("/progress?part=queue", "/progress?part=agreement", "/codebook"):
        page = labelled.open(path)
        main = page.locator('[data-testid="stMain"]')
        assert main.evaluate("e => e.scrollWidth <= e.clientWidth"), path
        page.close()
