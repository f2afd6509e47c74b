"""The Judge page's second part: a run against blind labels, pattern by pattern."""

from __future__ import annotations

from typing import Any

import streamlit as st

from analysis.measure.judge_labels import FIGURES, Quality, against_labels, told_missing
from labels.gold import frame
from views.address import key
from views.judge_charts import dots, reliability
from views.judge_parts import PAGE, Row, Shown, count_column, dot, interval, numbers
from views.plain import count, plain

CHARTED = {"sensitivity": "Sensitivity", "specificity": "Specificity", "kappa": "Cohen's kappa"}
NAMES = {
    **CHARTED,
    "ppv": "PPV",
    "f1": "F1",
    "balanced_accuracy": "Balanced accuracy",
    "mcc": "MCC",
    "ac1": "Gwet's AC1",
    "g_mean_squared": "g-mean²",
    "brier": "Brier",
}
HELP = {
    "sensitivity": "Of the trajectories that people call present, the share that the run calls present.",
    "specificity": "Of those that people call absent, the share that the run calls absent.",
    "kappa": "Agreement beyond what chance would give with these shares. 1 is perfect, 0 is chance.",
    "ppv": "Positive predictive value, or precision: of those that the run calls present, the share that people do.",
    "f1": "The harmonic mean of PPV and sensitivity.",
    "balanced_accuracy": "The mean of sensitivity and specificity.",
    "mcc": "Matthews' correlation coefficient.",
    "ac1": "Agreement beyond chance where one answer is rare: kappa falls there, AC1 does not.",
    "g_mean_squared": "Sensitivity times specificity.",
    "brier": "The mean squared distance of score / 100 from what people say. 0 is perfect; always saying the labelled share gives the number after it.",
}
CEILING = (
    "What judges reach elsewhere: for evaluation awareness in reasoning, published judges come to a Cohen's kappa of .64 to .74 "
    "against people, and call more present than people do (48 of 100 against 37 to 40). A kappa beyond that says that labels or "
    "traces are easy; the project has these figures without a citation."
)


def draw(page: Shown) -> None:
    """Draw the part."""
    found = page.store.ask(against_labels, page.id, page.store.ask(frame))
    if not any(each.n for each in found):
        _no_labels(page, found)
        return
    by_pattern = {each.pattern: each for each in found}
    patterns = page.ordered(list(by_pattern))
    told = list(dict.fromkeys(each.resampled for each in found if each.n))
    st.caption(
        "The run against what people said blind of the same texts; labels that people searched out for themselves are left out. Model and prompt "
        "together are what is measured: another model, prompt or setting is another run. Intervals: 95 %, "
        + "; ".join(told)
        + (". Labels are weighted by the probability with which the queue picked them" if any(each.effective for each in found) else "")
        + "."
    )  # fmt: skip
    rows = {pattern: by_pattern[pattern].as_row() for pattern in patterns}
    _charts(page, rows)
    if "eval_aware" in rows:
        st.caption(CEILING)
    _table(page, rows)
    _one(page, by_pattern, patterns)


def _no_labels(page: Shown, found: list[Quality]) -> None:
    st.subheader("No blind labels to hold this run against", anchor=False)
    st.write(
        "On the Label page people read traces without seeing any verdict. As soon as a trace is submitted there that this run "
        "has judged, its labels are set beside the run's word here."
    )
    why = found[0].missing if found else {}
    if why:
        st.caption(f"There are labels that can't be compared: {told_missing(why)}.")
    else:
        st.caption("Labels that came in by import, or were made after the findings had been seen, are not blind and do not count.")  # fmt: skip


def _charts(page: Shown, rows: dict[str, Row]) -> None:
    """Three figures side by side; the patterns' names stand before the first one."""
    order = [page.name(pattern) for pattern in rows]
    columns = st.columns([1.75, 1, 1], gap="small", vertical_alignment="top")
    for column, (figure, title) in zip(columns, CHARTED.items(), strict=True):
        lowest = min((row[f"{figure}_low"] or row[figure] or 0 for row in rows.values()), default=0)
        domain = (-1.0, 1.0) if lowest < -0.25 else (-0.25, 1.0) if lowest < 0 else (0.0, 1.0)
        column.vega_lite_chart(
            spec=dots(
                [dot(row, figure, page.name(pattern), f"{row['n']:,}") for pattern, row in rows.items()],
                order, title, labels=figure == "sensitivity", domain=domain,
            ),
            key=f"{PAGE}.{figure}", alt=f"{title} of each pattern with its interval; the numbers are in the table below",
        )  # fmt: skip


def _table(page: Shown, rows: dict[str, Row]) -> None:
    shown = [
        {**row, "name": page.name(pattern), **{figure: interval(row, figure) for figure in FIGURES},
         "effective_n": row["effective_n"] and round(row["effective_n"])}
        for pattern, row in rows.items()
    ]  # fmt: skip
    columns: dict[str, Any] = {"name": st.column_config.TextColumn("Pattern", pinned=True)}
    columns["n"] = count_column("n", "Trajectories with a verdict and a blind label of present or absent")
    columns |= {
        "tp": count_column("TP", "Both say present"),
        "fp": count_column("FP", "Only the run says present"),
    }
    columns |= {
        "fn": count_column("FN", "Only people say present"),
        "tn": count_column("TN", "Both say absent"),
    }
    columns["missing"] = count_column("Missing", "Labelled, and not comparable")
    columns |= {
        figure: st.column_config.TextColumn(NAMES[figure], help=HELP[figure])
        for figure in (*CHARTED, *FIGURES)
    }
    columns["brier_constant"] = st.column_config.NumberColumn("Brier to beat", format="%.3f", help="Of always saying the labelled share")  # fmt: skip
    columns["missing_why"] = "Why missing"
    if any(row["effective_n"] for row in rows.values()):
        columns["effective_n"] = count_column("Effective n", "Kish's, of the weighted labels")
    columns["notes"] = "Notes"
    numbers("Numbers", list(rows.values()), f"agreement-{page.id}", columns, shown)


def _one(page: Shown, found: dict[str, Quality], patterns: list[str]) -> None:
    """One pattern closely: the matrix, what is missing, and the reliability curve."""
    held = key(PAGE, "pattern")
    if st.session_state.get(held) not in found:
        st.session_state[held] = None
    st.subheader("One pattern", anchor=False)
    default = max(patterns, key=lambda pattern: found[pattern].tp + found[pattern].fn)
    chosen = st.selectbox("Pattern", patterns, None, format_func=page.name, key=held, placeholder=page.name(default), width=420)  # fmt: skip
    one = found[chosen or default]
    left, right = st.columns([2, 3], gap="large")
    with left:
        _matrix(page, one)
    with right:
        _curve(page, one)


def _matrix(page: Shown, one: Quality) -> None:
    st.markdown(f"**{plain(page.name(one.pattern))}**: the run's word and people's")
    st.table(
        {
            "": ["the run: present", "the run: absent"],
            "people: present": [f"{one.tp:,}", f"{one.fn:,}"],
            "people: absent": [f"{one.fp:,}", f"{one.tn:,}"],
        },
        hide_index=True,
    )
    lost = told_missing(one.missing)
    st.caption(
        f"{count(one.n, 'trajectory', 'trajectories')} with both. "
        + (f"Labelled and not comparable: {lost}." if lost else "Nothing that was labelled is missing.")
    )
    for note in one.notes:
        st.caption(plain(note, 300))


def _curve(page: Shown, one: Quality) -> None:
    bins = [each for each in one.reliability if each.n]
    if not bins:
        st.markdown("**Reliability of the scores**")
        st.write("This run gave no scores on what people labelled. A judge gives one from 0 to 100 for each pattern; cue expressions give none.")  # fmt: skip
        return
    rows = [
        {
            "mean_score": each.mean_score, "share": each.share, "low": each.low, "high": each.high, "told_n": f"{each.n:,}",
            "bin": f"{each.low_score} to {each.high_score}", "told": f"{each.share:.0%} ({each.low:.0%} to {each.high:.0%})",
        }
        for each in bins
    ]  # fmt: skip
    st.markdown("**Reliability of the scores**", help="Of the trajectories with a score in one range, the share that people call present. On the dashed line the scores would be shares; below it the run is too sure.")  # fmt: skip
    st.vega_lite_chart(spec=reliability(rows), key=f"{PAGE}.reliability", alt="The share that people call present at each range of scores; the numbers are in the table below")  # fmt: skip
    brier = one.figures["brier"]
    if brier.value is not None and one.brier_constant is not None:
        st.caption(
            f"Brier {brier.value:.3f} over {count(one.scored, 'trajectory', 'trajectories')} with a score; always saying the labelled "
            f"share would give {one.brier_constant:.3f}. Small numbers: trajectories."
        )  # fmt: skip
    with st.expander("Numbers of the curve"):
        numbers(
            "Bins", [each.__dict__ for each in one.reliability], f"reliability-{page.id}-{one.pattern}",
            {"bin": "Scores", "mean_score": st.column_config.NumberColumn("Mean score", format="%.1f"), "told_n": "n",
             "told": "People say present, 95 %"},
            rows,
        )  # fmt: skip
