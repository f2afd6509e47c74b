"""Clusters and the search by meaning in a browser: by mouse and by keyboard, from a point to a trace."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from analysis.cluster import clusterings
from analysis.store import Store
from tests.browser.conftest import App, parameters, running, settled
from tests.browser.test_accessibility import serious
from tests.cluster.made import keep_static, two_kinds

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def clustered(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    """The app over quotes in two clusters, and a model for the search beside the store."""
    store = Store(tmp_path_factory.mktemp("clusters") / "store.duckdb")
    run_id = two_kinds(store)
    clusterings.cluster(
        store, clusterings.Settings("findings", run_id, embedder="tfidf", method="kmeans", k=2)
    )
    keep_static(store)
    with running(store.path) as address:
        yield App(address, browser)


def test_a_click_on_the_map_chooses_a_cluster_and_a_quote_opens_its_trace(clustered: App) -> None:
    page = clustered.open("/clusters")
    page.locator('[data-testid="stVegaLiteChart"]').first.locator("path[transform]").first.click(force=True)
    page.wait_for_url("**cluster=*")
    settled(page)
    assert parameters(page)["cluster"][0] in "01"
    links = page.get_by_role("list", name="Quotes").get_by_role("link")
    expect(links).to_have_count(12)
    links.first.focus()
    page.keyboard.press("ArrowDown")
    expect(links.nth(1)).to_be_focused()
    page.keyboard.press("Enter")
    page.wait_for_url("**/traces?*")
    settled(page)
    assert parameters(page)["segment"] == ["0"]
    expect(page.locator(".reader")).to_be_visible()
    page.close()


def test_a_cluster_is_chosen_with_the_keyboard_and_kept_over_a_reload(clustered: App) -> None:
    page = clustered.open("/clusters")
    page.get_by_role("combobox", name="Look at").focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.wait_for_url("**cluster=*")
    page.reload()
    settled(page)
    expect(page.get_by_role("list", name="Quotes")).to_be_visible()
    page.close()


def test_the_search_by_meaning_ranks_sentences_and_opens_one_in_its_trace(clustered: App) -> None:
    page = clustered.open("/traces?q=looks+like+an+evaluation")
    page.get_by_role("radio", name="Meaning").click()
    links = page.get_by_role("list", name="Sentences").get_by_role("link")
    expect(links.first).to_contain_text("This looks like an evaluation test")
    settled(page)
    assert parameters(page)["meaning"] == ["on"]
    links.first.click()
    page.wait_for_url("**trajectory=*")
    settled(page)
    assert parameters(page)["segment"] == ["0"]
    page.get_by_role("button", name="All traces").click()
    expect(links.first).to_be_visible()
    page.close()


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (1920, "dark")])
def test_the_page_fits_the_window_and_breaks_no_serious_rule(clustered: App, width: int, scheme: str) -> None:
    page = clustered.open("/clusters?cluster=1", width, 1000, scheme)
    expect(page.locator('[data-testid="stVegaLiteChart"] svg').first).to_be_visible()
    main = page.locator('[data-testid="stMain"]')
    assert main.evaluate("e => e.scrollWidth <= e.clientWidth")
    assert serious(page) == []
    page.close()
    page = clustered.open("/traces?q=looks+like+an+evaluation&meaning=on", width, 1000, scheme)
    expect(page.get_by_role("list", name="Sentences")).to_be_visible()
    assert serious(page) == []
    page.close()
