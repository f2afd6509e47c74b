"""The Judge page's first part: how far a run is, how its attempts ended, what they cost, quotes that do not stand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import streamlit as st

from analysis.measure.judge_books import ALL_PATTERNS, Books, books, endings, rejected_quotes
from analysis.measure.judge_words import rejected_examples
from labels.seen import open_to
from views import judge_learned, seen
from views.judge_charts import dots, endings_bar
from views.judge_parts import PAGE, Row, Shown, count_column, dot, interval, numbers
from views.person import signed_in
from views.plain import count

MEANINGS = {
    "ok": "The reply could be read. Only these have verdicts.",
    "no_reasoning": "Nothing to read: missing, empty or encrypted. It is not asked again.",
    "refused": "The model would not answer, the endpoint's filter stopped it, or the reply was empty.",
    "unparseable": "Neither the reply nor a second one, after the error was told, could be read.",
    "truncated": "The reply was cut off before its end.",
    "failed": "No answer after six tries, or an error with this trajectory alone.",
    "waiting": "Not reached yet, left out by --where or --max-cost, or changed since.",
}
NAMES = {"no_reasoning": "no reasoning", "waiting": "not judged"}
EXAMPLES = 20
LONGEST_QUOTE = 1_000


def draw(page: Shown) -> None:
    """Draw the part."""
    told = page.store.ask(books, page.id)
    if page.run["tagger"] == "learned":
        judge_learned.draw(page)
    _ended(page, told)
    _errors(page)
    if page.asks_a_model:
        _used(told)
    _rejected(page)


def facts(page: Shown) -> None:
    """The numbers above every part."""
    told = page.store.ask(books, page.id)
    aside = told.judged - told.states["ok"] - told.states["no_reasoning"]
    with st.container(horizontal=True, key="facts"):
        st.metric("Judged", f"{told.judged:,} of {told.trajectories:,}", help="Trajectories of the store with an attempt on their present text.")  # fmt: skip
        st.metric("Ended ok", f"{told.states['ok']:,}", help=MEANINGS["ok"])
        st.metric("Set aside", f"{aside:,}", help="Refused, unparseable, cut off or failed. They are missing, never absent; the same command tries them again.")  # fmt: skip
        if page.asks_a_model:
            st.metric(
                "Cost", _dollars(told), help="US dollars over all attempts, by the price table at the time."
            )
        quotes = page.store.ask(rejected_quotes, page.id) if page.asks_a_model else []
        if quotes:
            st.metric("Quotes rejected", f"{quotes[0].rate.value or 0:.1%}", help="The share of the run's quotes that do not stand in the text.")  # fmt: skip


def _ended(page: Shown, told: Books) -> None:
    states = {**told.states, "waiting": told.trajectories - told.judged}
    rows, start = [], 0
    for state, number in states.items():
        share = f"{number / told.trajectories:.1%}" if told.trajectories else "undefined"
        rows.append({
            "state": state, "name": NAMES.get(state, state), "count": number, "share": share, "meaning": MEANINGS.get(state, ""),
            "told": f"{number:,} ({share})", "from": start, "to": start + number,
        })  # fmt: skip
        start += number
    st.vega_lite_chart(
        spec=endings_bar([row for row in rows if row["count"]]), key=f"{PAGE}.endings",
        alt="Trajectories by how the run's attempt on them ended; the numbers are in the table below",
    )  # fmt: skip
    numbers(
        "How it ended", [{name: row[name] for name in ("state", "count", "share", "meaning")} for row in rows],
        f"endings-{page.id}",
        {"name": "State", "count": count_column("Trajectories"), "share": "Share",
         "meaning": st.column_config.TextColumn("What it means", width="large")},
        rows,
    )  # fmt: skip
    notes = []
    if told.outdated:
        notes.append(
            f"{count(told.outdated, 'trajectory', 'trajectories')} changed after the run judged them"
        )
    if told.mended:
        notes.append(f"{count(told.mended, 'attempt')} ended ok after something was set right (a repair, an attribute left out)")  # fmt: skip
    if told.waiting_batches:
        notes.append(f"{count(told.waiting_batches, 'batch', 'batches')} of calls under way: the same command with --batch collects")  # fmt: skip
    if notes:
        st.caption(". ".join(notes) + ".")


def _errors(page: Shown) -> None:
    rows = page.store.ask(endings, page.id)
    if not rows:
        return
    shown = [
        {**row, "name": NAMES.get(row["state"], row["state"]), "error": row["error"] or "nothing was said"}
        for row in rows
    ]
    chosen = numbers(
        "Why attempts did not end ok", rows, f"errors-{page.id}",
        {"name": "State", "count": count_column("Trajectories"), "error": st.column_config.TextColumn("What was said", width="large")},
        shown, f"{PAGE}.errors",
    )  # fmt: skip
    st.caption("Errors that differ in numbers alone are one row. Choose a row to read one such trace.")
    if chosen and chosen[0] < len(rows):
        st.switch_page(
            Path(__file__).with_name("traces.py"),
            query_params={"trajectory": rows[chosen[0]]["trajectory_id"], "run": page.id},
        )


def _used(told: Books) -> None:
    st.subheader("Tokens and cost", anchor=False)
    if told.input_tokens is None and told.output_tokens is None:
        st.caption("The endpoint has told of no tokens, so neither they nor the cost are known.")
        return
    with st.container(horizontal=True, key="judge-used"):
        fresh = None if told.input_tokens is None else told.input_tokens - (told.cached_tokens or 0)
        st.metric("Input, not cached", _number(fresh))
        st.metric("Input from the cache", _number(told.cached_tokens), help="Served from the provider's prefix cache, which costs less. The codebook comes first in each call for that.")  # fmt: skip
        st.metric("Output", _number(told.output_tokens), help="The model's own thinking among them, where the endpoint counts it.")  # fmt: skip
        st.metric("Cost", _dollars(told))
        each = told.cost_usd / told.priced * 1000 if told.cost_usd is not None and told.priced else None
        st.metric("1,000 passes", "unknown" if each is None else _money(each), help="Over the passes whose price is known. A pass reads one trajectory, with its windows, votes and repairs.")  # fmt: skip
        st.metric("Seconds a pass", "unknown" if not (told.seconds and told.passes) else f"{told.seconds / told.passes:.1f}")  # fmt: skip
    if told.unpriced:
        st.caption(
            f"The price of {count(told.unpriced, 'pass', 'passes')} is unknown: the model is in no price table, "
            "or the endpoint told no tokens. The cost leaves them out."
        )


def _rejected(page: Shown) -> None:
    found = page.store.ask(rejected_quotes, page.id)
    if not found or not (page.asks_a_model or found[0].rejected):
        return
    whole = found[0].as_row()
    by_pattern = {each.pattern: each.as_row() for each in found[1:]}
    patterns = page.ordered(list(by_pattern))
    rows = [whole, *(by_pattern[pattern] for pattern in patterns)]
    titles = {pattern: page.name(pattern) for pattern in patterns} | {ALL_PATTERNS: "All patterns"}
    st.subheader("Quotes that do not stand in the text", anchor=False)
    st.caption(
        "Quotes must be copied letter by letter. One that is not in the reasoning is kept as rejected and makes "
        f"nothing present: {whole['rejected']:,} of {whole['findings']:,}, {interval(whole, 'rate', True)}."
    )
    top = max((row["rate_high"] or row["rate"] or 0 for row in rows), default=1)
    st.vega_lite_chart(
        spec=dots(
            [dot(row, "rate", titles[row["pattern"]], f"{row['rejected']:,} of {row['findings']:,}", True) for row in rows],
            [titles[row["pattern"]] for row in rows], domain=(0, min(1.0, max(0.05, top * 1.05))), format=".0%",
        ),
        key=f"{PAGE}.rejected", alt="The share of rejected quotes of each pattern with its interval; the numbers are in the table below",
    )  # fmt: skip
    numbers(
        "Rejected quotes", rows, f"rejected-{page.id}",
        {"name": "Pattern", "rejected": count_column("Rejected"), "findings": count_column("All quotes"), "told": "Rate, 95 %",
         "note": "Note"},
        [{**row, "name": titles[row["pattern"]], "told": interval(row, "rate", True)} for row in rows],
    )  # fmt: skip
    if whole["rejected"] and st.toggle("Show examples", key=f"{PAGE}.examples"):
        _examples(page)


def _examples(page: Shown) -> None:
    """Rejected quotes; to somebody who labels only those on traces that they are done with."""
    name = signed_in()
    allowed = page.store.ask(open_to, name) if name else None
    rows = page.store.ask(
        rejected_examples, page.id, EXAMPLES, None if allowed is None else tuple(sorted(allowed))
    )
    seen.show(page.store, page.id, [row["trajectory_id"] for row in rows])
    if allowed is not None:
        st.caption("Only those on traces that you have submitted: the others you may still label blind.")
    for row in rows:
        _example(page, row)
    if not rows:
        st.write("There is none on a trace that you have submitted.")


def _example(page: Shown, row: Row) -> None:
    with st.container(border=True, gap="small"):
        st.text(f"“{row['quote'][:LONGEST_QUOTE]}”")
        st.text(f"{page.name(row['pattern'])} · {row['why'] or 'no reason given'}")
        st.page_link(
            Path(__file__).with_name("traces.py"), label="Read the trace",
            query_params={"trajectory": row["trajectory_id"], "run": page.id},
        )  # fmt: skip


def _dollars(told: Books) -> str:
    if told.cost_usd is None:
        return "unknown"
    return _money(told.cost_usd) + ("+" if told.unpriced else "")


def _money(dollars: float) -> str:
    """Dollars; a small sum with as many places as it takes to see it."""
    return f"${dollars:,.2f}" if dollars >= 1 or dollars == 0 else f"${dollars:.2g}"


def _number(value: Any) -> str:
    return "unknown" if value is None else f"{value:,}"
