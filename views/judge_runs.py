"""The Judge page's last parts: flips between repeats of a run, and two runs against each other."""

from __future__ import annotations

from typing import Any

import streamlit as st

from analysis import runs
from analysis.measure.judge_compare import COMPARED, FIGURES, LABELLED, compare
from analysis.measure.judge_repeats import flips
from labels.gold import frame
from views import choices
from views.address import key
from views.judge_charts import dots
from views.judge_parts import PAGE, Row, Shown, count_column, dot, interval, numbers
from views.plain import count, plain

TITLES = {
    "agreement": "Same verdict",
    "kappa": "Cohen's kappa",
    "first_share": "First: present",
    "second_share": "Second: present",
    "difference": "Difference",
}
SIDES = {"first": "first", "second": "second", "difference": "second less first"}


def draw_repeats(page: Shown) -> None:
    """How often the run and its repeats say different things."""
    alike = page.store.ask(runs.repeats_of, page.id)
    if len(alike) < 2:
        _not_repeated(page)
        return
    rows = {each.pattern: each.as_row() for each in page.store.ask(flips, alike)}
    patterns = page.ordered(list(rows))
    if not any(row["n"] for row in rows.values()):
        st.write("No trajectory has verdicts of two repeats yet.")
        return
    st.caption(
        f"{count(len(alike), 'run')} of the same model, prompt, codebook and settings: {', '.join(map(plain, alike))}. A trajectory is flipped "
        "when they say both present and absent of it; intervals are Wilson's, for independent trajectories."
    )  # fmt: skip
    top = max((row["rate_high"] or 0 for row in rows.values()), default=1)
    st.vega_lite_chart(
        spec=dots(
            [dot(rows[pattern], "rate", page.name(pattern), f"{rows[pattern]['flipped']:,} of {rows[pattern]['n']:,}", True) for pattern in patterns],
            [page.name(pattern) for pattern in patterns], domain=(0, min(1.0, max(0.05, top * 1.05))), format=".0%",
        ),
        key=f"{PAGE}.flips", alt="The share of flipped trajectories of each pattern; the numbers are in the table below",
    )  # fmt: skip
    shown = [
        {**rows[pattern], "name": page.name(pattern), "told": interval(rows[pattern], "rate", True)}
        for pattern in patterns
    ]
    numbers(
        "Flips between repeats", [rows[pattern] for pattern in patterns], f"flips-{page.id}",
        {"name": "Pattern", "repeats": count_column("Runs"), "flipped": count_column("Flipped"),
         "n": count_column("n", "Trajectories on which at least two of the runs say present or absent"), "told": "Flip rate, 95 %",
         "pairwise": st.column_config.NumberColumn("Two differ", format="percent", help="The chance that two of the runs differ on a trajectory"),
         "unsure": count_column("Unsure", "One says present or absent, and another is unsure")},
        shown,
    )  # fmt: skip


def _not_repeated(page: Shown) -> None:
    if not page.asks_a_model:
        st.subheader("Nothing to repeat", anchor=False)
        st.write("This tagger asks no model: on the same text it says the same each time.")
        return
    st.subheader("Not repeated yet", anchor=False)
    st.write(
        "A model does not say the same each time. The command that made this run, with `--repeat 2`, judges the same trajectories once more as a "
        "run of its own; a few hundred of them, chosen with `--where`, are enough to see how often verdicts flip:"
    )
    st.code(
        f'telltale tag --tagger judge --model {page.run["model"]} --repeat 2 --where "hash(trajectory_id) % 100 < 5"',
        language="bash",
    )


def draw_compared(page: Shown) -> None:
    """The run beside another one."""
    others = {name: row for name, row in page.listed.items() if name != page.id}
    if not others:
        st.subheader("There is one run", anchor=False)
        st.write(
            "Another model, prompt, codebook or setting makes another run, which can be held against this one:"
        )
        st.code("telltale tag --tagger judge --model ANOTHER", language="bash")
        return
    held = key(PAGE, "with")
    if st.session_state.get(held) not in others:
        judges = [name for name, row in others.items() if row["tagger"] == "judge"]
        st.session_state[held] = next(iter([*judges, *others]))
    second = st.selectbox(
        "Second run",
        list(others),
        format_func=choices.run_names(others.values()).__getitem__,
        key=held,
        width=620,
    )
    found = {each.pattern: each for each in page.store.ask(compare, page.id, second, page.store.ask(frame))}
    if not found:
        st.write("The two speak of no pattern in common.")
        return
    patterns = page.ordered(list(found))
    rows = {pattern: found[pattern].as_row() for pattern in patterns}
    told = next(
        iter(dict.fromkeys(each.resampled for each in found.values() if each.n)),
        "no trajectory was judged by both",
    )
    st.caption(f"On the trajectories that both judged. Intervals: 95 %, {told}.")
    _compared_charts(page, rows)
    _compared_table(page, rows, second)
    _on_labels(page, rows, second)


def _compared_charts(page: Shown, rows: dict[str, Row]) -> None:
    order = [page.name(pattern) for pattern in rows]
    left, right = st.columns([1.6, 1], gap="small")
    sides = [
        {**dot(row, f"{side}_share", page.name(pattern), f"{row['n']:,}", True), "side": side}
        for pattern, row in rows.items() for side in ("first", "second")
    ]  # fmt: skip
    left.vega_lite_chart(
        spec=dots(sides, order, "Share called present: ● this run, ◆ the second", format=".0%"), key=f"{PAGE}.shares",
        alt="The share that each run calls present, pattern by pattern; the numbers are in the table below",
    )  # fmt: skip
    kappas = [dot(row, "kappa", page.name(pattern), f"{row['n']:,}") for pattern, row in rows.items()]
    lowest = min((row["kappa_low"] or 0 for row in rows.values()), default=0)
    domain = (-1.0 if lowest < -0.25 else -0.25 if lowest < 0 else 0.0, 1.0)
    right.vega_lite_chart(
        spec=dots(kappas, order, "Cohen's kappa between them", labels=False, domain=domain), key=f"{PAGE}.kappas",
        alt="Cohen's kappa between the two runs, pattern by pattern; the numbers are in the table below",
    )  # fmt: skip


def _compared_table(page: Shown, rows: dict[str, Row], second: str) -> None:
    columns: dict[str, Any] = {"name": st.column_config.TextColumn("Pattern", pinned=True), "n": count_column("n", "Trajectories on which both say present or absent")}  # fmt: skip
    columns |= {
        "both": count_column("Both present"),
        "only_first": count_column("Only first"),
        "only_second": count_column("Only second"),
    }
    columns |= {
        "neither": count_column("Neither"),
        "missing": count_column("Missing", "One says present or absent, the other does not"),
    }
    columns |= {name: TITLES[name] for name in FIGURES}
    columns["notes"] = "Notes"
    shown = [
        {
            **row,
            "name": page.name(pattern),
            **{name: interval(row, name, name != "kappa") for name in FIGURES},
        }
        for pattern, row in rows.items()
    ]
    numbers("Two runs", list(rows.values()), f"compared-{page.id}-{second}", columns, shown)


def _on_labels(page: Shown, rows: dict[str, Row], second: str) -> None:
    """Which of the two is nearer to what people say."""
    labelled = {pattern: row for pattern, row in rows.items() if row["labels"]}
    st.subheader("Which is nearer to blind labels", anchor=False)
    if not labelled:
        st.write("No trajectory that both judged has a blind label. The Label page is where they are made.")
        return
    columns: dict[str, Any] = {
        "name": st.column_config.TextColumn("Pattern", pinned=True),
        "labels": count_column("Labels"),
    }
    columns |= {
        f"{figure}_{side}": f"{figure.capitalize()}, {told}"
        for figure in COMPARED
        for side, told in SIDES.items()
    }
    shown = [
        {**row, "name": page.name(pattern), **{name: interval(row, name) for name in LABELLED}}
        for pattern, row in labelled.items()
    ]
    st.caption("Both runs on the same labelled trajectories, so that the difference has an interval of its own: where it leaves out 0, one is nearer.")  # fmt: skip
    _nearer_chart(page, labelled)
    numbers(
        "Both against the same labels", list(labelled.values()), f"nearer-{page.id}-{second}", columns, shown
    )


def _nearer_chart(page: Shown, rows: dict[str, Row]) -> None:
    charted = {pattern: row for pattern, row in rows.items() if row["kappa_difference"] is not None}
    if not charted:
        return
    name = "kappa_difference"
    ends = [abs(row[end] or 0) for row in charted.values() for end in (name, f"{name}_low", f"{name}_high")]
    widest = min(2.0, max(0.1, *ends) * 1.05)
    st.vega_lite_chart(
        spec=dots(
            [dot(row, name, page.name(pattern), f"{row['labels']:,}") for pattern, row in charted.items()],
            [page.name(pattern) for pattern in charted], "Kappa of the second run less that of this one", domain=(-widest, widest),
        ),
        key=f"{PAGE}.nearer", alt="The difference of the two runs' kappas against blind labels; the numbers are in the table below",
    )  # fmt: skip
