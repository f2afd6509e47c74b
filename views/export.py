"""Labeled sets to take away: labels, spans, whole trajectories, or the log of events."""

from __future__ import annotations

from pathlib import Path

import orjson
import streamlit as st

from analysis import codebook, reading
from labels.export_filter import ABOUT, KINDS, MEANING, Filter
from labels.export_forms import ENDING, FORMS_OF, NAMES, SEVERAL_FILES
from labels.export_rows import rows
from labels.log import annotators
from labels.transfer import build
from views import choices, seen
from views.person import signed_in
from views.plain import count
from views.store import TRAJECTORIES, Opened, one_line_errors, opened

PAGE = "export"
ROWS_SHOWN = 50


def main() -> None:
    """Draw the page."""
    shown = opened()
    facets = shown.ask_of(TRAJECTORIES, reading.facets)
    book = codebook.load()
    with st.sidebar:
        people = choices.many(PAGE, "annotator", "Annotator", dict.fromkeys(shown.ask(annotators)))
        patterns = choices.many(
            PAGE, "pattern", "Pattern", dict.fromkeys(book.ids()), {p.id: p.name for p in book.patterns}
        )
        kept = {
            name: choices.many(PAGE, name, name.capitalize(), facets.counts(name))
            for name in ("checkpoint", "variant", "environment")
        }
        unfinished = st.toggle(
            "Unfinished traces too", help="Traces that somebody opened and has not submitted."
        )
    with st.container(horizontal=True, vertical_alignment="center"):
        st.title("Export", anchor=False, width="content")
        choices.synthetic_badge(facets.counts("synthetic"), facets.total())
    kind = (
        st.segmented_control("What", KINDS, default="labels", required=True, key=f"{PAGE}.kind") or "labels"
    )
    forms = FORMS_OF[kind]
    form = (
        st.segmented_control(
            "As",
            forms,
            default="jsonl",
            required=True,
            key=f"{PAGE}.form.{kind}",
            format_func=NAMES.__getitem__,
        )
        or "jsonl"
    )
    st.caption(MEANING[kind])
    which = Filter(
        tuple(people), tuple(patterns), tuple(kept["checkpoint"]), tuple(kept["variant"]), tuple(kept["environment"]),
        submitted=not unfinished,
    )  # fmt: skip
    found = shown.ask(rows, kind, which)
    if not found:
        st.subheader("Nothing to export yet")
        st.write("Labels are made on the Label page; change the filters if they leave some out.")
        st.page_link(Path(__file__).with_name("label.py"), label="Label traces")
        return
    first = found[:ROWS_SHOWN]
    seen.show(shown, None, [row["trajectory_id"] for row in first if row.get("annotator") != signed_in()])
    synthetic = sum(bool(row.get("synthetic")) for row in found)
    said = f"; {synthetic:,} of them on synthetic trajectories, and marked so" if synthetic else ""
    st.write(f"{count(len(found), 'row')}{said}.")
    _downloads(shown, kind, form, which)
    columns = sorted(found[0], key=lambda name: name in ABOUT[1:])
    st.dataframe(
        {name: [_cell(row[name]) for row in first] for name in columns},
        hide_index=True,
        height=420,
    )
    if len(found) > ROWS_SHOWN:
        st.caption(f"The first {ROWS_SHOWN} rows are shown.")


def _downloads(shown: Opened, kind: str, form: str, which: Filter) -> None:
    name = f"telltale-{kind}{ENDING[form]}"
    packed = ".zip" if form in SEVERAL_FILES else ""

    def made() -> tuple[bytes, dict[str, object]]:
        with shown.store.session() as db:
            return build(db, kind, name, form, which)  # type: ignore[arg-type]

    with st.container(horizontal=True):
        st.download_button(
            f"Download {NAMES[form]}", lambda: made()[0], name + packed, type="primary", on_click="ignore"
        )
        st.download_button(
            "Manifest", lambda: orjson.dumps(made()[1], option=orjson.OPT_INDENT_2), f"{name}.manifest.json", on_click="ignore",
            help="Counts, the filter, the codebook's revisions and the file's SHA-256.",
        )  # fmt: skip


def _cell(value: object) -> object:
    return orjson.dumps(value, default=str).decode()[:500] if isinstance(value, (dict, list)) else value


with one_line_errors():
    main()
