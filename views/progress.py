"""Where everybody is: people, the queue, how far they agree, and which checkpoints have labels."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import streamlit as st

from analysis import codebook
from analysis.codebook import Codebook
from analysis.reading import facets
from labels.progress import Overview, Person, overview, people
from labels.spread import by_checkpoint
from views import choices, progress_agreement, progress_queue
from views.address import adopt, keep, key
from views.judge_parts import numbers
from views.progress_queue import PAGE
from views.store import SAID, TRAJECTORIES, Opened, one_line_errors, opened

PARTS: dict[str, tuple[str, Callable[[Opened, Codebook], None]]]


def main() -> None:
    """Draw the page."""
    shown = opened()
    adopt(PAGE, one=("part",))
    book = codebook.load()
    everything = shown.ask_of(TRAJECTORIES, facets)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.title("Progress", anchor=False, width="content")
        choices.synthetic_badge(everything.counts("synthetic"), everything.total())
    _facts(shown.ask_of(SAID, overview, book), shown.ask_of(SAID, people, book))
    held = key(PAGE, "part")
    if st.session_state.get(held) not in PARTS:
        st.session_state[held] = "people"
    part = st.segmented_control(
        "Part", list(PARTS), format_func=lambda part: PARTS[part][0], key=held, required=True,
        label_visibility="collapsed",
    )  # fmt: skip
    PARTS[str(part)][1](shown, book)
    keep(PAGE, {"part": part if part != "people" else None})


def _facts(far: Overview, everybody: list[Person]) -> None:
    with st.container(horizontal=True, vertical_alignment="center", key="facts"):
        st.metric("People", f"{len(everybody):,}")
        if far.queue is None:
            st.metric(
                "Submitted",
                f"{sum(each.done for each in everybody):,}",
                help="Traces, each counted once a person",
            )
        else:
            total = far.total
            st.metric(
                "Labelled by anybody",
                f"{total['labelled']:,} of {total['drawn']:,}",
                help="Of the traces in the queue",
            )
            st.metric(
                "Done",
                f"{total['done']:,} of {total['drawn']:,}",
                help="Labelled by as many people as the queue wants",
            )
            st.metric(
                "Overlap",
                f"{far.overlap_done:,} of {far.overlap:,}",
                help="Traces that go to two people or more, and have two",
            )
        st.metric(
            "Conflicts open",
            f"{far.conflicts:,}",
            help="A pattern of a trace on which people differ, and nobody has decided",
        )
        if far.conflicts:
            st.page_link(
                Path(__file__).with_name("adjudicate.py"), label="Adjudicate", icon=":material/balance:"
            )


def _people(shown: Opened, book: Codebook) -> None:
    found = shown.ask_of(SAID, people, book)
    if not found:
        st.subheader("Nobody has labelled yet", anchor=False)
        st.write(
            "As soon as somebody opens a trace on the Label page, their name stands here with what they did and what is left."
        )
        st.page_link(Path(__file__).with_name("label.py"), label="Label")
        return
    rows = [each.as_row() for each in found]
    told = [
        {
            **row,
            "time": _minutes(row["seconds"]),
            "percent": None if row["same"] is None else 100 * row["same"],
        }
        for row in rows
    ]

    def counted(title: str, help: str) -> object:
        return st.column_config.NumberColumn(title, format="localized", help=help)

    numbers(
        "People", rows, "progress-people",
        {
            "annotator": st.column_config.TextColumn("Annotator", pinned=True),
            "done": counted("Done", "Traces submitted"),
            "left": counted("Left", "Traces that the queue still wants somebody for, and that they have not begun"),
            "under_way": counted("Under way", "Opened, and neither submitted nor skipped"),
            "skipped": counted("Skipped", "Traces skipped with a reason"),
            "flagged": counted("Flagged", "Traces flagged for somebody to look at"),
            "time": st.column_config.TextColumn("Time a trace", help="Median, from opening to submitting"),
            "compared": counted("Compared", "(trace, pattern) pairs that somebody else labelled blind too"),
            "percent": st.column_config.NumberColumn("Agree", format="%.0f %%", help="The share of these on which both say the same"),
            "alpha": st.column_config.NumberColumn("Alpha", format="%.2f", help="Krippendorff's alpha of these; empty where it is undefined"),
            "not_blind": counted("Not blind", "Submitted after findings had been seen: these labels stay out of agreement and rates"),
            "searched_out": counted("Searched out", "Picked by themself: these labels stay out of rates"),
            "repeats": counted("Second time", "Traces labelled a second time, to be measured against themself"),
            "last": st.column_config.DatetimeColumn("Last seen", format="distance"),
        },
        told,
    )  # fmt: skip
    st.caption(
        "Labels that came in by import are not counted here. Agreement per pattern, with intervals, is under Agreement."
    )


def _minutes(seconds: float | None) -> str:
    if seconds is None:
        return ""
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.1f} min"


def _spread(shown: Opened, book: Codebook) -> None:
    found = shown.ask_of(SAID, by_checkpoint, book)
    if not found:
        st.subheader("No blind label yet", anchor=False)
        st.write(
            "Each cell will say how many trajectories of a checkpoint people labelled for a pattern, and how many they call present."
        )
        return
    order = {row["checkpoint"]: None for row in found}
    checkpoints = [each for each in shown.ask_of(TRAJECTORIES, facets).checkpoints if each in order] + [
        each for each in order if each is None
    ]
    cells = {
        (row["pattern"], row["checkpoint"]): f"{row['present']:,} of {row['labelled']:,}" for row in found
    }
    table = [
        {"name": book.name_of(pattern), **{str(each): cells.get((pattern, each), "") for each in checkpoints}}
        for pattern in dict.fromkeys(row["pattern"] for row in found)
    ]
    numbers(
        "Labels by checkpoint", found, "progress-checkpoints",
        {
            "name": st.column_config.TextColumn("Pattern", pinned=True),
            **{str(each): st.column_config.TextColumn(str(each) if each is not None else "no checkpoint") for each in checkpoints},
        },
        table,
    )  # fmt: skip
    st.caption(
        "Trajectories that people call present, of those labelled blind. An empty cell has no label: a rate there rests on the run alone."
    )


PARTS = {
    "people": ("People", _people),
    "queue": ("Queue", progress_queue.draw),
    "agreement": ("Agreement", progress_agreement.draw),
    "checkpoints": ("By checkpoint", _spread),
}

with one_line_errors():
    main()
