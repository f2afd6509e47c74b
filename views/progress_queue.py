"""The Progress page's queue: its settings, how far each reason is, and a form that draws another one."""

from __future__ import annotations

import streamlit as st

from analysis import runs
from analysis.codebook import Codebook
from analysis.errors import UserError
from labels.events import UNIFORM
from labels.progress import overview
from labels.queue_design import LEAST_UNIFORM, Queue, Settings, make
from labels.queue_strata import SHARES
from views.choices import run_names
from views.judge_parts import numbers
from views.person import signed_in
from views.plain import count, plain
from views.store import RUNS, SAID, Opened

PAGE = "progress"
MADE = f"{PAGE}.made"
REASONS = {
    UNIFORM: "At random, each trace as likely as any other: what rates rest on.",
    "verdict": "Half where the run found a pattern, pattern by pattern; half where it found none.",
    "unsure": "The run was unsure, or its votes were split.",
    "against": "People say otherwise than the run: one more person looks.",
    "rare": "Candidates for a pattern that the run found in few traces.",
    "clusters": "Each cluster alike, so that odd ones are seen too.",
    "flagged": "Somebody flagged it: one more person looks.",
    "uncertain": "Active picks: the nearer the run's score is to even, the likelier. Where the learned tagger learns most.",
}


def draw(shown: Opened, book: Codebook) -> None:
    """Draw the part."""
    if made := st.session_state.pop(MADE, None):
        st.success(made)
    far = shown.ask_of(SAID, overview, book)
    if far.queue is None:
        st.subheader("No queue: everybody labels everything", anchor=False)
        st.write("A queue says which traces are labelled, why each was drawn and with what probability, so that rates can be weighted by it.")  # fmt: skip
    else:
        _settings(far.queue)
        numbers(
            "How far each reason is", list(far.reasons), "progress-queue",
            {
                "reason": st.column_config.TextColumn("Drawn for", pinned=True),
                "drawn": "Drawn", "labelled": "Labelled by anybody", "done": "Done", "why": st.column_config.TextColumn("Which are", width="large"),
            },
            [{**row, "why": REASONS.get(row["reason"].partition(":")[0], "")} for row in far.reasons],
        )  # fmt: skip
    with st.expander("Draw another queue" if far.queue else "Draw a queue", expanded=far.queue is None):
        _form(shown)


def _settings(queue: Queue) -> None:
    settings = queue.settings
    who = f" by {plain(queue.made_by)}" if queue.made_by else ""
    told = [
        count(settings.size, "trace"), f"{settings.overlap:.0%} go to two people", f"{settings.repeats:.0%} come a second time",
        f"an opened trace waits {settings.lease_hours:g} h", f"run {settings.run_id}" if settings.run_id else "no run",
        *([f"only {settings.where}"] if settings.where else []), f"seed {settings.seed}",
    ]  # fmt: skip
    st.markdown(f"**The queue** {plain(queue.queue_id)}, drawn {queue.created_at:%Y-%m-%d %H:%M} UTC{who}")
    if settings.about:
        st.badge(plain(settings.about, 120), icon=":material/filter_alt:", help="The queue is of these traces alone: rates of all can't rest on it.")  # fmt: skip
    st.caption(plain(" · ".join(told), 600))


def _form(shown: Opened) -> None:
    st.caption("The newest queue is the one that people work on. What was labelled under an older one stays, and weighs by both.")  # fmt: skip
    listed = {row["run"]: row for row in shown.ask_of(RUNS, runs.listed) if row["tagger"] != "truth"}
    names = run_names(listed.values())
    with st.form(f"{PAGE}.queue", border=False):
        left, right = st.columns(2, gap="large")
        with left:
            size = st.number_input("Traces", 1, value=200)
            st.caption("How many are drawn, about: what is drawn for two reasons counts once.")
            run = st.selectbox(
                "Run", list(listed), 0 if listed else None, format_func=names.__getitem__, placeholder="None"
            )
            st.caption(
                "Whose verdicts the reasons go by. Without one, only uniform, clusters and flagged hold."
            )
            overlap = st.number_input("Overlap, %", 0, 100, 20)
            st.caption(
                "The share of the traces that goes to two people: agreement and conflicts come from it."
            )
            repeats = st.number_input("Second time, %", 0, 100, 5)
            st.caption(
                "The share of their own traces that each person gets again, to be measured against themself."
            )
            lease = st.number_input("Lease, hours", 0.5, value=4.0, step=0.5)
            st.caption("How long a trace that somebody opened waits for them before another person gets it.")
            where = st.text_input("Only where", placeholder="checkpoint = 'step-800'")
            st.caption(
                "Which trajectories may be drawn: a condition in SQL over the columns of `trajectories`. Empty: all."
            )
        with right:
            st.markdown(f"**Drawn for**, in parts of the whole; at least {LEAST_UNIFORM:.0%} {UNIFORM}")
            shares = {}
            for reason, share in SHARES.items():
                shares[reason] = st.number_input(
                    reason, 0, 100, round(100 * share), key=f"{PAGE}.share.{reason}"
                )
                st.caption(REASONS[reason])
        drawn = st.form_submit_button("Draw it", type="primary")
    if not drawn:
        return
    try:
        with st.spinner("Drawing"):
            made = make(shown.store, Settings(
                size=int(size), run_id=run, shares={reason: share / 100 for reason, share in shares.items()}, where=where.strip() or None,
                overlap=overlap / 100, repeats=repeats / 100, lease_hours=float(lease),
            ), signed_in())  # fmt: skip
    except UserError as error:
        st.error(plain(str(error).replace("--where", "Only where"), 400))
        return
    st.session_state[MADE] = f"{plain(made.queue_id)} is drawn; it is the queue from now on."
    st.rerun()
