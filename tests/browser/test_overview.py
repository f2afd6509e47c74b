"""The Overview in a browser: from a point to its traces, by mouse and by keyboard, in light and dark."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from analysis import codebook
from analysis.ingest import ingest, load_map
from analysis.store import Store
from analysis.tagging import tag_with_cues
from tests.browser.conftest import ROOT, App, mark, parameters, running, settled
from tests.browser.test_accessibility import serious

pytestmark = pytest.mark.browser
VIEWS = {
    (900, "light"): ("/", "/?view=given", "/?view=together&cells=share"),
    (1280, "dark"): ("/?measure=per_10k", "/?view=together", "/?behind=group:metagaming&at=step-800"),
}


@pytest.fixture(scope="module")
def sample(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    """The app over the sample."""
    store = Store(tmp_path_factory.mktemp("overview") / "store.duckdb")
    ingest(store, [ROOT / "data/sample/odd-number.jsonl"], load_map(ROOT / "data/maps/odd-number.yaml"))
    tag_with_cues(store, codebook.load())
    with running(store.path) as address:
        yield App(address, browser)


def listed(page: Page) -> None:
    page.wait_for_url("**behind=*")
    settled(page)


def test_a_groups_point_lists_its_traces_and_one_of_them_opens(sample: App) -> None:
    page = sample.open("/?pattern=group:metagaming")
    points = page.locator('[aria-roledescription="bar"]')
    expect(points).to_have_count(3)
    points.nth(1).click()
    listed(page)
    assert (parameters(page)["behind"], parameters(page)["at"]) == (["group:metagaming"], ["step-800"])
    expect(page.get_by_role("heading", name="Metagaming, at step-800")).to_be_visible()
    expect(page.get_by_text("7 traces", exact=True)).to_be_visible()
    first = page.get_by_role("list", name="Traces").get_by_role("link").first
    assert (first.get_attribute("href") or "").startswith("traces?")
    first.focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**/traces?*")
    settled(page)
    assert parameters(page)["trajectory"]
    expect(page.locator(".reader")).to_be_visible()
    page.close()


def test_the_way_back_from_a_list_leads_to_the_same_view(sample: App) -> None:
    page = sample.open("/?view=together&cells=share")
    cells = page.locator('[aria-roledescription="rect mark"]')
    cells.last.wait_for(state="attached", timeout=30_000)
    cells.nth(cells.count() - 2).click(force=True)
    listed(page)
    page.get_by_role("button", name="Back to the figures").click()
    expect(page.get_by_text("Of the traces that show the row's pattern")).to_be_visible()
    settled(page)
    assert parameters(page) == {"run": parameters(page)["run"], "view": ["together"], "cells": ["share"]}
    page.close()


def test_a_mark_beside_the_action_lists_the_traces_that_it_counts(sample: App) -> None:
    page = sample.open("/?view=given&pattern=hint_decode")
    mark(page, "Decoding the hint", "not gaming")
    listed(page)
    assert (parameters(page)["behind"], parameters(page)["did"]) == (["hint_decode"], ["no"])
    expect(page.get_by_role("heading", name="Decoding the hint, without the outcome gaming")).to_be_visible()
    page.close()


def test_a_view_is_chosen_with_the_keyboard_and_kept_in_the_address(sample: App) -> None:
    page = sample.open("/")
    page.get_by_role("radio", name="By checkpoint").focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Space")
    page.wait_for_url("**view=given*")
    settled(page)
    expect(page.get_by_text("bold: a difference that holds")).to_be_visible()
    page.get_by_role("radio", name="Action, given the pattern").click()
    page.wait_for_url("**way=action*")
    page.reload()
    settled(page)
    assert parameters(page)["way"] == ["action"], "a reload shows the same"
    page.close()


@pytest.mark.parametrize(("width", "scheme"), VIEWS)
def test_every_view_fits_the_window_and_breaks_no_serious_rule(sample: App, width: int, scheme: str) -> None:
    for path in VIEWS[width, scheme]:
        page = sample.open(path, width, 1000, scheme)
        if "behind" not in path:
            expect(page.locator('[data-testid="stVegaLiteChart"] svg').first).to_be_visible(timeout=30_000)
        main = page.locator('[data-testid="stMain"]')
        assert main.evaluate("e => e.scrollWidth <= e.clientWidth"), path
        assert serious(page) == [], path
        page.close()
