"""The report on a run as one HTML file: no script, nothing that is fetched, and stored text is never obeyed.

The template escapes all that it is given. Only the figures go in as they are: `views.figure` escapes the words in them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template
from markupsafe import Markup

from analysis.measure.clusters import PROMPTS_TO_GENERALISE
from analysis.measure.trend import Trend
from views.figure import svg
from views.panels import MEASURE_TOLD, MEASURES, SHARE, trend_told
from views.sides import sides_svg

LONGEST_QUOTE = 600
"""Letters of a quote that are shown; the JSON has all of it."""
LONGEST_TITLE, LONGEST_NAME, LONGEST_TICK = 40, 34, 20
"""Letters that a figure has room for: above a panel, beside a row, below a point."""
STATES = {"text": "full text", "truncated": "truncated reasoning", "summary": "summaries of reasoning"}
SYNTHETIC = "SYNTHETIC DATA"

Row = dict[str, Any]


def html(found: Row) -> str:
    """The page.

    Args:
        found: What `labels.report.document` gives.
    """
    states = [
        state for state in STATES if any(row["reasoning_state"] == state for row in found["frequencies"])
    ]
    names = {row["pattern"]: row["name"] for row in found["frequencies"]}
    return _template().render(
        **{key: value for key, value in found.items() if key != "frequencies"},
        sections=[_section(found, state) for state in states],
        judged=any(row["n"] for row in found["frequencies"]),
        names=names,
        groups={group["name"]: group["members"] for group in found["codebook"]["groups"]},
        quotes_of=_by_pattern(found),
        note=_note(found, []),
        many_prompts=PROMPTS_TO_GENERALISE,
    )


def _section(found: Row, state: str) -> Row:
    """What is shown of one kind of reasoning: a figure for each measure, outcomes, and patterns given outcomes."""
    rows = {SHARE: _of(found["frequencies"], state)}
    for measure in MEASURES:
        if measure != SHARE:
            rows[measure] = [row for row in _of(found["occurrences"], state) if row["measure"] == measure]
    trends = _of(found["trends"], state)
    return {
        "title": STATES[state],
        "measures": [
            _measure(found, measure, cells, [row for row in trends if row["measure"] == measure])
            for measure, cells in rows.items()
        ],
        "outcomes": _of(found["outcomes"], state),
        "outcomes_figure": _outcomes(found, _of(found["outcomes"], state)),
        "given": _givens(found, state),
    }  # fmt: skip


def _measure(found: Row, measure: str, cells: list[Row], trends: list[Row]) -> Row:
    """One figure, with the panels that anything was found of, and its table with all of them."""
    known = any(row["n"] for row in cells)
    top = "share" if measure == SHARE else "value"
    there = list(dict.fromkeys(row["pattern"] for row in cells if row[top]))
    never = list(dict.fromkeys(row["name"] for row in cells if row["pattern"] not in there and known))
    told = {row["pattern"]: _trend(row) for row in trends}
    figure = _figure(found, _panels(cells, there), measure, told) if there else None
    return {
        "id": measure, "title": MEASURES[measure], "told": MEASURE_TOLD[measure], "figure": figure, "known": known,
        "never": never, "rows": cells, "note": _note(found, cells), "trends": trends,
    }  # fmt: skip


def _panels(cells: list[Row], there: Sequence[str]) -> list[tuple[str, list[Row]]]:
    return [(name, [row for row in cells if row["pattern"] == name]) for name in there]


def _figure(found: Row, panels: list[tuple[str, list[Row]]], measure: str, told: dict[str, str]) -> Markup:
    """The panels under their names."""
    named = _drawable([cells[0]["name"] for _, cells in panels], LONGEST_TITLE)
    below = {name: told[pattern] for name, (pattern, _) in zip(named, panels, strict=True) if pattern in told}
    return _drawn(found, list(zip(named, (cells for _, cells in panels), strict=True)), measure, below)


def _drawn(
    found: Row, panels: list[tuple[str, list[Row]]], measure: str = SHARE, told: dict[str, str] | None = None
) -> Markup:
    """The figure, its checkpoints under names that it has room for."""
    checkpoints = [row["checkpoint"] for row in found["data"]["checkpoints"]]
    shown = dict(zip(checkpoints, _drawable(checkpoints, LONGEST_TICK), strict=True))
    renamed = [
        (name, [{**cell, "checkpoint": shown[cell["checkpoint"]]} for cell in cells])
        for name, cells in panels
    ]
    return Markup(svg(renamed, list(shown.values()), "", measure, told or {}))


def _drawable(names: Sequence[str], longest: int) -> list[str]:
    """The names as a figure has room for them, each cut in its middle; those that would be the same are numbered."""
    cut = [
        name if len(name) <= longest else f"{name[: longest // 2]}…{name[-(longest // 2) + 1 :]}"
        for name in names
    ]
    return [
        name if cut.count(name) == 1 else f"{name} ({number})"
        for number, name in enumerate(cut, 1)
    ]  # fmt: skip


def _outcomes(found: Row, cells: list[Row]) -> Markup | None:
    if not any(cell["n"] for cell in cells):
        return None
    outcomes = list(dict.fromkeys(cell["outcome"] for cell in cells))
    named = zip(_drawable(outcomes, LONGEST_TITLE), outcomes, strict=True)
    return _drawn(
        found, [(name, [cell for cell in cells if cell["outcome"] == each]) for name, each in named]
    )


def _givens(found: Row, state: str) -> list[Row]:
    names = {row["pattern"]: row["name"] for row in found["frequencies"]}
    names = dict(zip(names, _drawable(list(names.values()), LONGEST_NAME), strict=True))
    rows = _of(found["given"], state)
    figures = []
    for outcome in dict.fromkeys(row["outcome"] for row in rows):
        mine = [
            row for row in rows if row["outcome"] == outcome and (row["with_part"] or row["without_part"])
        ]
        if mine:
            [short] = _drawable([outcome], LONGEST_TICK)
            drawn = sides_svg(mine, names, (short, f"not {short}"), "")
            figures.append({"outcome": outcome, "figure": Markup(drawn), "rows": mine})
    return figures


def _note(found: Row, cells: Iterable[Row]) -> str:
    run = found["run"]["run"] + (", a baseline of cue expressions" if found["run"]["baseline"] else "")
    synthetic = SYNTHETIC + "; " if found["data"]["synthetic"] else ""
    labelled = any(cell.get("corrected") is not None for cell in cells)
    diamond = "; diamonds are shares corrected by blind labels" if labelled else ""
    return f"{synthetic}run {run}; bars are 95 % intervals{diamond}."


def _trend(row: Row) -> str:
    found = Trend(row["p"], row["statistic"], row["test"], row["n"], row["checkpoints"], row["note"])
    return trend_told(found, row["p_bh"])


def _by_pattern(found: Row) -> list[tuple[str, list[Row]]]:
    quoted = dict.fromkeys(row["pattern"] for row in found["quotes"])
    order = dict.fromkeys([row["pattern"] for row in found["frequencies"]])
    return [
        (pattern, [row for row in found["quotes"] if row["pattern"] == pattern])
        for pattern in order
        if pattern in quoted
    ]


def _of(rows: Iterable[Row], state: str) -> list[Row]:
    return [row for row in rows if row["reasoning_state"] == state]


@cache
def _template() -> Template:
    loader = FileSystemLoader(Path(__file__).parent)
    made = Environment(
        loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    made.filters |= {
        "percent": _percent, "number": _number, "between": _between, "cut": _cut, "trend": _trend,
    }  # fmt: skip
    return made.get_template("report.html")


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{share:.1%}"


def _number(value: float | None) -> str:
    if value is None:
        return "–"
    return f"{value:,}" if isinstance(value, int) else f"{value:.3g}"


def _between(low: float | None, high: float | None, share: bool = True) -> str:
    """An interval: `3.1% to 9.9%`."""
    if low is None or high is None:
        return "–"
    return f"{_percent(low)} to {_percent(high)}" if share else f"{_number(low)} to {_number(high)}"


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST_QUOTE else text[: LONGEST_QUOTE - 1] + "…"
