from __future__ import annotations

import re
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import HOSTILE, App, settled

pytestmark = pytest.mark.browser
PAGES = (
    "/",
    "/label",
    "/environment",
    "/export",
    "/traces",
    "/traces?trajectory=step-800.0",
    "/traces?trajectory=step-800.0&beside=step-2400.0",
)


def parameters(page: Page) -> dict[str, list[str]]:
    return parse_qs(urlsplit(page.url).query)


@pytest.mark.parametrize(("width", "height"), [(1280, 800), (1920, 1080)])
def test_every_page_opens_and_fits_the_window(app: App, width: int, height: int) -> None:
    page = app.open(PAGES[0], width, height)
    for path in PAGES:
        app.go(page, path)
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path
        main = page.locator('[data-testid="stMain"]')
        assert main.evaluate("e => e.scrollWidth <= e.clientWidth"), path
    page.close()


def test_light_and_dark_are_both_drawn(app: App) -> None:
    shades = {}
    for scheme in ("light", "dark"):
        page = app.open("/traces?trajectory=step-800.0", scheme=scheme)
        text, ground = (
            page.evaluate(f"getComputedStyle(document.querySelector('[data-testid=stApp]')).{name}")
            for name in ("color", "backgroundColor")
        )
        shades[scheme] = [sum(map(int, re.findall(r"\d+", value)[:3])) for value in (text, ground)]
        reader = page.locator(".reader")
        assert reader.evaluate("e => getComputedStyle(e).color") == text
        page.close()
    assert shades["light"][0] < 300 < 600 < shades["light"][1]
    assert shades["dark"][1] < 150 < 500 < shades["dark"][0]


def test_a_point_of_the_chart_leads_to_its_traces(app: App) -> None:
    page = app.open("/?pattern=eval_aware")
    points = page.locator('.st-key-panel-eval_aware [aria-roledescription="bar"]')
    expect(points).to_have_count(3)
    points.last.click()
    page.wait_for_url("**/traces?*")
    settled(page)
    asked = parameters(page)
    assert {name: asked[name] for name in ("checkpoint", "pattern", "verdict")} == {
        "checkpoint": ["step-2400"], "pattern": ["eval_aware"], "verdict": ["present"],
    }  # fmt: skip
    expect(page.get_by_text("1 to 4 of 4 traces, out of 15")).to_be_visible()
    page.get_by_role("link", name="step-2400").first.click()
    expect(page.locator(".reader mark").first).to_be_visible()
    assert parameters(page)["trajectory"]


def test_a_trace_opens_by_its_address_with_the_sentence_in_view(app: App) -> None:
    page = app.open("/traces?trajectory=long&segment=700")
    row = page.locator('li[data-segment="700"]')
    expect(row).to_have_class(re.compile("addressed"))
    expect(row).to_be_in_viewport()
    expect(page.locator('li[data-segment="0"]')).not_to_be_in_viewport()
    assert parameters(page)["segment"] == ["700"]


def test_a_sentence_that_is_chosen_goes_into_the_address(app: App) -> None:
    page = app.open("/traces?trajectory=step-800.0")
    page.locator('li[data-segment="1"] button.number').click()
    page.wait_for_url("**segment=1*")
    expect(page.locator('li[data-segment="1"]')).to_have_class(re.compile("addressed"))


def test_an_unknown_trace_is_one_clear_line(app: App) -> None:
    page = app.open("/traces?trajectory=**nope**")
    expect(page.get_by_text("no trajectory '**nope**' in this store")).to_be_visible()


def test_filters_are_read_from_the_address_and_what_the_store_lacks_is_said(app: App) -> None:
    page = app.open("/traces?checkpoint=step-800&checkpoint=gone&q=test&variant=base")
    expect(page.get_by_text("this store has no gone")).to_be_visible()
    expect(page.get_by_text("1 to 2 of 2 traces, out of 15")).to_be_visible()


def test_a_bad_expression_is_one_clear_line(app: App) -> None:
    page = app.open("/traces?q=(test&regex=on")
    expect(page.get_by_text("the search is no regular expression (RE2): missing )")).to_be_visible()


def test_the_back_button_brings_the_list_back(app: App) -> None:
    page = app.open("/traces?q=test")
    page.get_by_role("link", name="step-800").first.click()
    expect(page.locator(".reader")).to_be_visible()
    page.go_back()
    expect(page.locator(".reader")).to_have_count(0)
    assert parameters(page)["q"] == ["test"]


def test_hostile_text_is_text(app: App) -> None:
    for path in ("/traces?trajectory=hostile", "/traces?variant=%3Cb%3Ex%3C/b%3E%20*y*", "/"):
        page = app.open(path)
        page.wait_for_timeout(300)
        assert page.locator('img[src="x"], a[href^="javascript"]').count() == 0, path
        assert page.evaluate("document.querySelectorAll('.katex').length") == 0, path
        assert page.dialogs == [], path  # type: ignore[attr-defined]
        page.close()
    page = app.open("/traces?trajectory=hostile")
    shown = page.locator(".reader .block.user .said").evaluate("e => e.textContent")
    assert shown == HOSTILE.replace("\u202e", "U+202E")
    expect(page.locator(".reader .call .said")).to_have_text("code: <i>1</i>")
    assert page.locator(".reader .said i, .reader .said u, .reader .said b").count() == 0


def test_sixty_thousand_letters_are_drawn_at_once(app: App) -> None:
    page = app.open("/traces?pattern=eval_aware&checkpoint=step-2400")
    page.get_by_role("link").filter(has_text="The 0th thought").click()
    page.locator('li[data-segment="799"]').wait_for(state="attached", timeout=3_000)
    assert page.locator(".reader li[data-segment]").count() == 800


def test_the_keyboard_goes_from_sentence_to_sentence_and_from_finding_to_finding(app: App) -> None:
    page = app.open("/traces?trajectory=step-2400.0")
    page.locator('li[data-segment="0"]').focus()
    page.keyboard.press("ArrowDown")
    expect(page.locator('li[data-segment="1"]')).to_be_focused()
    page.keyboard.press("Home")
    page.keyboard.press("n")
    expect(page.locator("li.found").first).to_be_focused()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator("dl.card").first).to_contain_text("asserts")


def test_what_cannot_be_read_says_so(app: App) -> None:
    page = app.open("/traces?trajectory=sealed")
    expect(page.get_by_text("Encrypted by the provider: there is nothing to read")).to_be_visible()
    expect(page.get_by_text("This counts as missing, never as absent")).to_be_visible()


def test_an_empty_store_shows_the_sample_and_says_so(empty_app: App) -> None:
    for path in ("/", "/traces"):
        page = empty_app.open(path)
        expect(page.get_by_text("written by the project to show what the app does")).to_be_visible()
        expect(page.get_by_text("telltale ingest PATH")).to_be_visible()
        expect(page.get_by_text("Synthetic data, written by the project").first).to_be_visible()
        page.close()
