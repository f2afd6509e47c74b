"""Long work in a thread of its own, with its progress on the page: the page stays usable, and a reload finds it again."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import streamlit as st

from analysis.cluster.embedders import Progress
from analysis.errors import UserError
from views.plain import plain

Say = Callable[[str], Progress]
SECONDS = 0.7
"""How often the page looks how far it is."""


@dataclass
class Work:
    """Work that is under way, or ended and not yet looked at.

    Attributes:
        label: What it is doing.
        done, total: How far that is; total is 0 where nobody knows.
        result: What it gave.
        error: What stopped it.
    """

    label: str = ""
    done: int = 0
    total: int = 0
    ended: bool = False
    result: Any = None
    error: BaseException | None = None

    def say(self, label: str) -> Progress:
        """Begin another part; gives what is called with (done, total) of it."""
        self.label, self.done, self.total = label, 0, 0

        def progress(done: int, total: int) -> None:
            self.done, self.total = done, total

        return progress


@st.cache_resource(show_spinner=False)
def _all() -> dict[tuple[str, ...], Work]:
    return {}


def find(*name: str) -> Work | None:
    """The work of a name, shared by all who look at this app."""
    return _all().get(name)


def forget(*name: str) -> None:
    """Let a work go that has ended, so that it can be begun again."""
    _all().pop(name, None)


def begin(do: Callable[[Say], Any], *name: str) -> Work:
    """Begin a work, unless one of its name is there."""
    work = Work()
    if (there := _all().setdefault(name, work)) is not work:
        return there

    def run() -> None:
        try:
            work.result = do(work.say)
        except BaseException as error:
            work.error = error
        finally:
            work.ended = True

    threading.Thread(target=run, daemon=True, name=" ".join(name)).start()
    return work


def watch(*name: str, titles: dict[str, str]) -> bool:
    """Show how far a work is until it ends, then draw the page anew. What stopped it is shown, with a way to try again.

    Args:
        name: The work's name.
        titles: What each label means, in words for a page.

    Returns:
        Whether it is under way or stopped: there is no result.
    """
    work = find(*name)
    if work is None or (work.ended and work.error is None):
        return False
    if not work.ended:
        _progress(name, titles)
        return True
    if not isinstance(work.error, UserError):
        forget(*name)
        raise work.error or RuntimeError("the work ended without a result")
    st.error(plain(work.error, 400))
    st.button(
        "Try again", icon=":material/refresh:", key=f"again.{'.'.join(name)}", on_click=forget, args=name
    )
    return True


@st.fragment(run_every=SECONDS)
def _progress(name: tuple[str, ...], titles: dict[str, str]) -> None:
    work = find(*name)
    if work is None or work.ended:
        st.rerun()
    title = titles.get(work.label, "Starting")
    told = f"{title}: {work.done:,} of {work.total:,}" if work.total else f"{title}…"
    st.progress(min(1.0, work.done / work.total) if work.total else 0.0, text=told)
