"""The Codebook page's last part: a change is tried on a copy of the file, shown, and only then made."""

from __future__ import annotations

import difflib
import os
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import streamlit as st

from analysis import codebook, codebook_changes
from analysis.codebook import Codebook
from analysis.codebook_changes import Part
from analysis.errors import UserError
from labels.another_look import to_look_at
from views.codebook_again import told_waiting
from views.codebook_patterns import PAGE, VALUES, labels_of
from views.plain import count, plain
from views.store import Opened

DONE = f"{PAGE}.done"
"""Where a session keeps what it has just done, for the next draw."""
Make = Callable[[Path], Codebook]
"""Makes a change in the codebook file that it is given."""


@dataclass(frozen=True)
class Wanted:
    """A change that a form describes.

    Attributes:
        make: Makes it.
        of: The patterns that it is about.
        told: What becomes of their labels.
    """

    make: Make
    of: tuple[str, ...]
    told: str


def draw(shown: Opened, book: Codebook) -> None:
    """Draw the form of one kind of change, and what it would do."""
    path = codebook.DEFAULT_PATH
    if not may_write(path):
        st.warning(
            f"The app may not write {plain(path)}, so changes are made elsewhere: `telltale codebook` does the same from a "
            "terminal of somebody who may."
        )  # fmt: skip
        return
    kind = st.segmented_control(
        "Change", list(FORMS), default="Rename", required=True, key=f"{PAGE}.kind", label_visibility="collapsed"
    )  # fmt: skip
    told, form = FORMS[str(kind)]
    left, right = st.columns([2, 3], gap="large")
    with left:
        st.caption(told)
        wanted = form(book)
        note = st.text_input("Why", key=f"{PAGE}.why.{kind}", placeholder="for the history; may be left open")
    with right:
        preview(shown, book, wanted(note.strip() or None) if wanted else None, path)


def may_write(path: Path) -> bool:
    """Whether the app may change the codebook file."""
    return os.access(path, os.W_OK) and os.access(path.parent, os.W_OK)


def preview(shown: Opened, book: Codebook, wanted: Wanted | None, path: Path) -> None:
    """Draw what a change would do, and the button that makes it."""
    st.markdown("**What will change**")
    if wanted is None:
        st.caption("Fill in the form to see it. Nothing is written before you have.")
        return
    try:
        changed, difference = tried(wanted.make, path)
    except UserError as error:
        st.warning(plain(error, 400))
        return
    counted = labels_of(shown, book)
    labels = sum(counted[pattern, value] for pattern in wanted.of for value in VALUES)
    before = set(shown.ask(to_look_at, book))
    waiting = [each for each in shown.ask(to_look_at, changed) if each not in before]
    st.markdown(
        f"- The codebook becomes revision {changed.revision}, with {count(len(changed.patterns), 'pattern')} in use "
        f"and {len(changed.retired)} retired.\n"
        f"- {count(labels, 'label')} so far. {wanted.told}\n"
        f"- {told_waiting(waiting) if waiting else 'No label'} will wait for another look.\n"
        "- Runs keep what they said. Tag again, to have the new revision judged."
    )
    st.button(
        f"Make revision {changed.revision}", type="primary", key=f"{PAGE}.make",
        on_click=_make, args=(wanted.make, path, book),
    )  # fmt: skip
    if refused := st.session_state.pop(f"{PAGE}.refusal", None):
        st.error(plain(refused, 400))
    with st.expander("The file, line by line", expanded=True):
        st.code(difference, language="diff", wrap_lines=True)


def tried(make: Make, path: Path) -> tuple[Codebook, str]:
    """A change made on a copy of the file: the codebook as it would be, and the difference line by line.

    Raises:
        UserError: The change is refused.
    """
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / path.name
        shutil.copyfile(path, copy)
        try:
            changed = make(copy)
        except UserError as error:
            raise UserError(str(error).replace(str(copy), path.name)) from None
        lines = [each.read_text(encoding="utf-8").splitlines() for each in (path, copy)]
    difference = list(difflib.unified_diff(*lines, lineterm="", n=1))[2:]
    return changed, "\n".join(difference)


def _make(make: Make, path: Path, book: Codebook) -> None:
    """Make a change, unless somebody else has made one since it was shown."""
    try:
        if codebook.load(path).sha256 != book.sha256:
            raise UserError("the codebook has changed meanwhile; look at what will change again")
        changed = make(path)
    except UserError as error:
        st.session_state[f"{PAGE}.refusal"] = str(error)
        return
    for name in [name for name in st.session_state if str(name).startswith(f"{PAGE}.of.")]:
        del st.session_state[name]
    st.session_state[DONE] = f"Revision {changed.revision} is written. History tells what changed."


def _pattern(book: Codebook, kind: str) -> str | None:
    return st.selectbox(
        "Pattern", book.ids(), None, format_func=book.name_of, key=f"{PAGE}.of.{kind}", placeholder="Choose one"
    )  # fmt: skip


def _text(kind: str, name: str, label: str, value: str = "", help: str | None = None) -> str:
    return st.text_input(label, value, key=f"{PAGE}.of.{kind}.{name}", help=help).strip()


ID_HELP = "Lower-case letters, digits and _. Tables and exports use it."
Form = Callable[[Codebook], Callable[[str | None], Wanted] | None]


def _rename(book: Codebook) -> Callable[[str | None], Wanted] | None:
    pattern = _pattern(book, "rename")
    if pattern is None:
        return None
    name = _text("rename", f"{pattern}.name", "New name", book[pattern].name)
    new = _text("rename", f"{pattern}.id", "New id", pattern, ID_HELP)
    name, new = name if name != book[pattern].name else "", new if new != pattern else ""
    if not (name or new):
        return None
    return lambda note: Wanted(
        lambda path: codebook_changes.rename(path, pattern, name or None, new or None, note),
        (pattern,), "They go with the pattern.",
    )  # fmt: skip


def _redefine(book: Codebook) -> Callable[[str | None], Wanted] | None:
    pattern = _pattern(book, "redefine")
    if pattern is None:
        return None
    definition = st.text_area(
        "New definition", book[pattern].definition, key=f"{PAGE}.of.redefine.{pattern}"
    ).strip()
    if not definition or definition == book[pattern].definition:
        return None
    return lambda note: Wanted(
        lambda path: codebook_changes.redefine(path, pattern, definition, note),
        (pattern,), "They stay, and are listed for another look.",
    )  # fmt: skip


def _split(book: Codebook) -> Callable[[str | None], Wanted] | None:
    pattern = _pattern(book, "split")
    if pattern is None:
        return None
    number = int(st.number_input("Parts", 2, 6, key=f"{PAGE}.of.split.{pattern}.parts"))
    parts = [_part("split", f"{pattern}.{place}", f"Part {place + 1}") for place in range(number)]
    if not all(all(part) for part in parts):
        return None
    return lambda note: Wanted(
        lambda path: codebook_changes.split(path, pattern, parts, note),
        (pattern,), "Absent becomes absent of each part; who said present or unsure looks again.",
    )  # fmt: skip


def _merge(book: Codebook) -> Callable[[str | None], Wanted] | None:
    patterns = st.multiselect(
        "Patterns", book.ids(), format_func=book.name_of, key=f"{PAGE}.of.merge", placeholder="Two or more"
    )  # fmt: skip
    if len(patterns) < 2:
        return None
    into = _part("merge", "into", "The one pattern")
    if not all(into):
        return None
    return lambda note: Wanted(
        lambda path: codebook_changes.merge(path, patterns, into, note),
        tuple(patterns), "The one pattern is present where any was, else unsure where any was, else absent where all were.",
    )  # fmt: skip


def _retire(book: Codebook) -> Callable[[str | None], Wanted] | None:
    pattern = _pattern(book, "retire")
    if pattern is None:
        return None
    return lambda note: Wanted(
        lambda path: codebook_changes.retire(path, pattern, note),
        (pattern,), "They stay under it. It is neither tagged nor labelled any more.",
    )  # fmt: skip


def _part(kind: str, held: str, title: str) -> Part:
    with st.container(border=True):
        st.markdown(f"**{title}**")
        with st.container(horizontal=True):
            return Part(
                _text(kind, f"{held}.id", "Id", help=ID_HELP),
                _text(kind, f"{held}.name", "Name"),
                _text(kind, f"{held}.definition", "Definition"),
            )


FORMS: dict[str, tuple[str, Form]] = {
    "Rename": ("Another name, another id, or both. What the pattern means stays as it is.", _rename),
    "Define anew": ("Change what a pattern means. Labels made before are listed for another look.", _redefine),
    "Split": ("Make several patterns of one. The one is retired; the parts stand after it.", _split),
    "Merge": ("Make one pattern of several: a new one, or one of them. The others are retired.", _merge),
    "Retire": ("Take a pattern out of use. Its labels and its definition stay.", _retire),
}  # fmt: skip
