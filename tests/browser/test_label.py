"""Labelling in a browser: the keyboard, what a reload or a kill leaves, and what is not in the page before submit."""

from __future__ import annotations

import hashlib
import os
import re
import signal
import time
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from analysis.store import Store
from labels.fold import State, fold
from labels.log import events_of
from tests.browser.conftest import App, fill, running, settled, trajectories

pytestmark = pytest.mark.browser

NAMES = ("Verbalized evaluation awareness", "Decoding the hint")


def signed_in(app: App, name: str, trace: str | None = None, reader: str = "") -> Page:
    """The Label page as `name` has it, at a trace of choice."""
    item = f"item={opaque(name, trace)}&" if trace else ""
    page = app.open(f"/label?{item}{reader}")
    box = page.get_by_role("combobox", name="Your name")
    box.click()
    box.fill(name)
    box.press("Enter")
    expect(page.get_by_role("button", name="Submit and next")).to_be_visible()
    settled(page)
    return page


def opaque(name: str, trace: str) -> str:
    return hashlib.md5(f"{name}\n{trace}".encode()).hexdigest()[:10]


def saved(page: Page, events: int) -> None:
    expect(page.locator(".saved")).to_have_text(re.compile(rf"✓ {events} events? saved"))


def chips(page: Page, sentence: int) -> list[str]:
    texts = page.get_by_role("option").nth(sentence).locator(".chip").all_inner_texts()
    return [" ".join(text.split()) for text in texts]


def state(path: Path, name: str, trace: str) -> State:
    with Store(path).session() as db:
        return fold(events_of(db, name, trace))


def test_a_trace_is_labelled_with_the_keyboard_and_a_reload_finds_every_mark(app: App) -> None:
    page = signed_in(app, "ada", "long")
    page.keyboard.press("9")
    saved(page, 2)
    assert chips(page, 0) == [f"{NAMES[0]} asserts"]
    for key in ("j", "j", "Shift+j", "g", "1"):
        page.keyboard.press(key)
    saved(page, 3)
    assert chips(page, 2) == chips(page, 3) == [f"{NAMES[1]} entertains"] and chips(page, 1) == []
    page.keyboard.press("z")
    saved(page, 4)
    expect(page.get_by_role("option").nth(3).locator(".chip")).to_have_count(0)
    page.keyboard.press("Shift+Z")
    saved(page, 5)
    page.reload()
    saved(page, 5)
    assert chips(page, 0) == [f"{NAMES[0]} asserts"] and chips(page, 3) == [f"{NAMES[1]} entertains"]
    page.close()


def test_every_key_of_the_text_does_what_the_guidelines_say(app: App) -> None:
    page = signed_in(app, "eve", "long")
    at = page.locator("li.at .number")
    for key, number in (("j", "2"), ("ArrowDown", "3"), ("k", "2"), ("End", "800"), ("Home", "1")):
        page.keyboard.press(key)
        expect(at).to_have_text(number)
    page.keyboard.press("u")
    expect(at).to_have_text("4")
    page.keyboard.press("9")
    saved(page, 2)
    for key, number in (("Home", "1"), ("n", "4"), ("j", "5"), ("p", "4")):
        page.keyboard.press(key)
        expect(at).to_have_text(number)
    page.keyboard.press("x")
    saved(page, 3)
    page.keyboard.press("l")
    page.keyboard.type("bluff")
    page.keyboard.press("Enter")
    saved(page, 4)
    assert chips(page, 3) == ["Dismissing review as a bluff asserts"]
    page.keyboard.press("/")
    page.keyboard.type("77th thought")
    expect(at).to_have_text("78")
    page.keyboard.press("Escape")
    page.keyboard.press("t")
    for _ in range(2):
        page.keyboard.press("2")
    saved(page, 6)
    expect(page.get_by_label("Instruction and incentive disagree: value")).to_have_value("absent")
    page.keyboard.press("f")
    saved(page, 7)
    expect(page.get_by_role("button", name="Take the flag off")).to_be_visible()
    page.keyboard.press("h")
    expect(page.get_by_text("Near miss").first).to_be_visible()
    page.keyboard.press("m")
    page.keyboard.type("12 z s")
    page.keyboard.press("Escape")
    saved(page, 8)
    expect(page.get_by_label("Note", exact=True)).to_have_value("12 z s")
    page.keyboard.press("s")
    page.keyboard.type("too long")
    page.keyboard.press("Enter")
    expect(page.get_by_text("1 skipped")).to_be_visible()
    page.close()


def test_a_quote_is_trimmed_to_exact_characters_beyond_the_basic_plane(
    browser: Browser, tmp_path: Path
) -> None:
    path = fill(tmp_path / "s.duckdb", trajectories())
    with running(path) as address:
        page = signed_in(App(address, browser), "fay", "long")
        page.keyboard.press("j")
        page.keyboard.press("9")
        saved(page, 2)
        page.keyboard.press("e")
        box = page.get_by_label("Select the exact words, then press Enter")
        box.evaluate("(box) => { const at = box.value.indexOf('😀'); box.setSelectionRange(at, at + 3); }")
        box.press("Enter")
        saved(page, 3)
        expect(page.locator("li mark")).to_have_text("😀.")
        page.close()
    quotes = state(path, "fay", "long").label("eval_aware").quotes
    assert [quote.quote for quote in quotes.values()] == ["😀."]


def test_before_submit_no_verdict_is_in_the_page_and_after_it_each_can_be_answered(app: App) -> None:
    page = signed_in(app, "bo", "step-2400.0")
    sent = page.content() + page.locator(".desk").inner_html()
    for hidden in ("step-200", "step-800", "step-2400", "hostile", "cue:", "cues", "a.jsonl"):
        assert hidden not in sent, hidden
    page.keyboard.press("v")
    expect(page.get_by_text("Submitted. Your own labels")).to_be_visible()
    assert "cue:" not in page.locator(".desk").inner_html()
    settled(page)
    page.keyboard.press("v")
    expect(page.get_by_text("You and the run: 1 left to answer")).to_be_visible()
    expect(page.get_by_text("review", exact=True)).to_be_visible()
    settled(page)
    page.keyboard.press("a")
    expect(page.get_by_text("You and the run: 0 left to answer")).to_be_visible()
    expect(page.get_by_text("you: present · run: present")).to_be_visible()
    page.close()


def test_hostile_text_stays_text_on_the_desk(app: App) -> None:
    page = signed_in(app, "gus", "hostile")
    text = page.locator(".desk").inner_text()
    assert "<script>alert(1)</script> **bold** $E=mc^2$" in text and "[U+202E]reversed" in text
    assert page.locator(".desk img, .desk script, .desk b").count() == 0 and page.dialogs == []  # type: ignore[attr-defined]
    page.close()


def test_two_tabs_of_one_person_do_not_overwrite_each_other(app: App) -> None:
    one, two = (signed_in(app, "hal", "long") for _ in range(2))
    one.keyboard.press("9")
    saved(one, 2)
    two.keyboard.press("j")
    two.keyboard.press("1")
    saved(two, 3)
    assert chips(two, 0) == [f"{NAMES[0]} asserts"] and chips(two, 1) == [f"{NAMES[1]} asserts"]
    one.close()
    two.close()


def test_killing_the_server_loses_no_acknowledged_mark_and_doubles_none(
    browser: Browser, tmp_path: Path
) -> None:
    path = fill(tmp_path / "s.duckdb", trajectories())
    server = running(path)
    with server as address:
        page = signed_in(App(address, browser), "ivy", "long")
        for _ in range(12):
            page.keyboard.press("j")
            page.keyboard.press("9")
            time.sleep(0.05)
        os.kill(server.process.pid, signal.SIGKILL)
        server.process.wait()
        acknowledged = page.locator(".chip:not(.pending)").count() // 2  # in the text, and in the evidence
        page.keyboard.press("j")
        page.keyboard.press("9")
        expect(page.locator(".saved")).to_have_text(
            re.compile("not saved: [0-9]+ waiting, retrying"), timeout=10_000
        )
        drawn = page.locator("ol .chip").count()
        server.restart()
        expect(page.locator(".saved")).to_have_text(re.compile("^✓ "), timeout=30_000)
        assert page.locator("ol .chip").count() == drawn == 13, "what waited went out by itself"
        page.close()
    quotes = state(path, "ivy", "long").label("eval_aware").quotes
    assert 0 < acknowledged <= 13 == len(quotes)
    with Store(path).session() as db:
        added = [event for event in events_of(db, "ivy", "long") if event.op == "add_quote"]
    assert len(added) == 13, "none is there twice"


def test_present_without_a_quote_is_refused_in_one_line(app: App) -> None:
    page = signed_in(app, "jo", "step-200.0")
    page.keyboard.press("t")
    page.keyboard.press("9")
    saved(page, 2)
    page.keyboard.press("Control+Enter")
    expect(page.get_by_role("alert")).to_have_text(re.compile("quote the sentence that shows it"))
    page.get_by_role("checkbox", name="no single quote").check()
    saved(page, 3)
    page.keyboard.press("Control+Enter")
    expect(page.get_by_text("1 of 14 submitted")).to_be_visible()
    page.close()


def test_the_export_page_gives_what_was_labelled(app: App) -> None:
    page = signed_in(app, "dee")
    page.keyboard.press("Control+Enter")
    expect(page.get_by_text("1 of 14 submitted")).to_be_visible()
    page.close()
    page = app.open("/export")
    with page.expect_download() as download:
        page.get_by_role("button", name="Download JSONL").click()
    lines = download.value.path().read_text().splitlines()
    assert sum('"annotator":"dee"' in line for line in lines) == 14
    page.close()


def test_the_page_in_plain_widgets_saves_too(app: App) -> None:
    page = signed_in(app, "kim", reader="reader=plain")
    page.get_by_role("checkbox").first.focus()
    page.keyboard.press("Space")
    settled(page)
    page.keyboard.press("9")
    expect(page.get_by_text("2 events saved")).to_be_visible()
    page.close()
