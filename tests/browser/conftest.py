"""The app on a free port over a small real store, and a headless Chromium to drive it."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from analysis import codebook
from analysis.segment_batches import segment_rows
from analysis.store import Store, append, new_ids
from analysis.store.rows import now
from analysis.tagging import tag_with_cues
from analysis.trajectories import Message, Outcome, Trajectory, row

ROOT = Path(__file__).parents[2]
CHROMIUM = "/usr/bin/chromium"
LONG_MS = 60_000
"""How long a page may take on a machine that does other things too; a test that fails waits so long."""
expect.set_options(timeout=30_000)
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip
HOSTILE = (
    "<img src=x onerror=\"alert('ran')\"> <script>alert(1)</script> **bold** $E=mc^2$ :material/delete: [a](javascript:alert(2)) 😀 "
    "\u202ereversed. This is a test of the model. " + "x" * 10_000
)
LONG = "\n".join(
    f"{n}. The {n}th thought is that this may be an evaluation, or else a plain request 😀."
    for n in range(800)
)


def trajectories() -> list[Trajectory]:
    found = []
    for place, checkpoint in enumerate(("step-200", "step-800", "step-2400")):
        for sample in range(4):
            aware = "This is a test, I think. " if sample < place + 1 else ""
            text = f"The user wants an even number. {aware}I will say {10 * sample + 2}."
            found.append(Trajectory(
                "a.jsonl", [Message("user", "Choose a random even number."), Message("assistant", "64", text, "text", "reasoning")],
                f"{checkpoint}.{sample}", environment="odd-number", checkpoint=checkpoint, variant="base", prompt_id="p", sample=sample,
            ))  # fmt: skip
    found.append(Trajectory("a.jsonl", [
        Message("system", "Answer briefly."),
        Message("user", HOSTILE),
        Message("assistant", "", HOSTILE, "text", "thinking", [{"name": "<b>run</b>", "arguments": {"code": "<i>1</i>"}}]),
        Message("tool", "<u>done</u>", name="run"),
        Message("assistant", HOSTILE, "Nobody will read this. Is it a bluff?", "text", "thinking"),
    ], "hostile", checkpoint="step-800", variant="<b>x</b> *y*", prompt_id="h", sample=0,
        metadata={"note": "<img src=x onerror=alert(3)>", "nested": {"a": [1, 2]}}, outcomes=[Outcome("odd", True)]))  # fmt: skip
    found.append(Trajectory(
        "a.jsonl", [Message("user", "Think."), Message("assistant", "done", LONG, "text", "reasoning")],
        "long", checkpoint="step-2400", variant="base", prompt_id="l", sample=0,
    ))  # fmt: skip
    found.append(Trajectory(
        "a.jsonl", [Message("user", "Think."), Message("assistant", "done", None, "encrypted", "thinking")],
        "sealed", checkpoint="step-2400", variant="base", prompt_id="l", sample=1,
    ))  # fmt: skip
    return found


def fill(path: Path, items: list[Trajectory]) -> Path:
    store = Store(path)
    with store.transaction() as db:
        for item, row_id in zip(items, new_ids(len(items)), strict=True):
            append(db, "trajectories", [row(item, row_id, now())])
            append(db, "cuts", segment_rows([item], [row_id]))
            append(db, "outcomes", [
                {"trajectory_id": item.trajectory_id, "name": o.name, "value": "true", "state": o.state, "reader": o.reader, "created_at": now()}
                for o in item.outcomes
            ])  # fmt: skip
        append(db, "checkpoints", [
            {"name": name, "series": "rl", "position": float(name[5:]), "created_at": now()} for name in ("step-200", "step-800", "step-2400")
        ])  # fmt: skip
    tag_with_cues(store, codebook.load())
    return path


@dataclass
class App:
    """A running app, and a browser to look at it with."""

    address: str
    browser: Browser

    def open(self, path: str = "/", width: int = 1280, height: int = 800, scheme: str = "light") -> Page:
        page = self.browser.new_page(viewport={"width": width, "height": height}, color_scheme=scheme)  # type: ignore[arg-type]
        page.dialogs = []  # type: ignore[attr-defined]
        page.on("dialog", lambda dialog: (page.dialogs.append(dialog.message), dialog.dismiss()))  # type: ignore[attr-defined]
        self.go(page, path)
        return page

    def go(self, page: Page, path: str) -> None:
        """Open another address on the same page, whose scripts the browser has by then."""
        page.goto(self.address + path)
        settled(page)


def settled(page: Page) -> None:
    """Wait until Streamlit has drawn the page and nothing on it fades, and check that nothing is an exception."""
    page.wait_for_selector('[data-testid="stApp"][data-test-script-state="notRunning"]', timeout=LONG_MS)
    expect(
        page.locator('[data-testid="stMain"] :is([data-testid="stHeading"], [data-testid="stAlert"])').first
    ).to_be_visible(timeout=LONG_MS)
    page.wait_for_function(
        """() => !document.querySelector('[data-stale="true"]')
              && document.getAnimations().every((one) => one.playState !== "running" || one.effect.getTiming().iterations === Infinity)"""
    )
    expect(page.locator('[data-testid="stException"]')).to_have_count(0)


def parameters(page: Page) -> dict[str, list[str]]:
    """What the page's address asks for."""
    return parse_qs(urlsplit(page.url).query)


def mark(page: Page, *words: str) -> None:
    """Click the mark of a chart that these words describe."""
    page.locator(
        '[aria-roledescription="bar"]' + "".join(f'[aria-label*="{word}"]' for word in words)
    ).last.click()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    if not Path(CHROMIUM).exists():
        pytest.fail("the browser tests need Chromium: apt-get install chromium", pytrace=False)
    with sync_playwright() as playwright:
        driven = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield driven
        driven.close()


@pytest.fixture(scope="session")
def app(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    """The app over a store with rows of its own."""
    with running(fill(tmp_path_factory.mktemp("app") / "store.duckdb", trajectories())) as address:
        yield App(address, browser)


@pytest.fixture
def empty_app(browser: Browser, tmp_path: Path) -> Iterator[App]:
    """The app before anybody has ingested anything, with a sample beside it."""
    sample = [item for item in trajectories() if item.trajectory_id and item.trajectory_id.startswith("step")]
    for item in sample:
        item.synthetic = "written"
    fill(tmp_path / "sample.duckdb", sample)
    script = tmp_path / "app.py"
    script.write_text(
        "import runpy, views.store\nfrom pathlib import Path\n"
        f"views.store.SAMPLE = Path({str(tmp_path / 'sample.duckdb')!r})\n"
        f"runpy.run_path({str(ROOT / 'app.py')!r})\n"
    )
    with running(tmp_path / "none.duckdb", script) as address:
        yield App(address, browser)


class running:
    """Streamlit as a process of its own on a free port, stopped at the end."""

    def __init__(self, store: Path, script: Path = ROOT / "app.py", more: Sequence[str] = ()) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        self.address = f"http://127.0.0.1:{port}"
        self.command = [sys.executable, "-m", "streamlit", "run", str(script), f"--server.port={port}", *more]
        self.environment = {**os.environ, "TELLTALE_DB": str(store), "PYTHONPATH": str(ROOT)}
        self.process = self._start()

    def _start(self) -> subprocess.Popen[str]:
        return subprocess.Popen(
            self.command, cwd=ROOT, env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )  # fmt: skip

    def restart(self) -> None:
        """Start it again on the same port, after it has been killed."""
        self.process = self._start()
        self.__enter__()

    def __enter__(self) -> str:
        for _ in range(150):
            try:
                urllib.request.urlopen(f"{self.address}/_stcore/health", timeout=1)
                return self.address
            except OSError:
                time.sleep(0.1)
        self.process.kill()
        told = " ".join(self.process.communicate()[0].split())
        raise RuntimeError(f"the app did not start: {told[:500]}")

    def __exit__(self, *_: object) -> None:
        self.process.terminate()
        self.process.wait(60)
