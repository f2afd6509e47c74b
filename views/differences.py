"""Differences of shares, one a line, with their intervals and the line of no difference."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import altair as alt

from views.levels import DATA, finished, tooltip
from views.palette import BAND, BAND_OPACITY, POINT

TOLD = {
    "name": "in", "told_a": "first", "told_b": "second", "told_difference": "difference", "told_test": "test",
    "told_missing": "missing",
}  # fmt: skip


def differences(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The chart of contrasts that are defined.

    Args:
        rows: `Contrast.as_row()` with Holm's p and a name each, in order.
    """
    names = [row["name"] for row in rows]
    bounds = [row[side] for row in rows for side in ("low", "high", "bound_low", "bound_high")]
    edge = min(1.0, max(abs(bound) for bound in bounds) * 1.08)
    data = [{
        "name": row["name"], "value": row["difference"], "low": row["low"], "high": row["high"],
        "bound_low": row["bound_low"] if row["a_missing"] + row["b_missing"] else None,
        "bound_high": row["bound_high"] if row["a_missing"] + row["b_missing"] else None,
        "told_a": f"{row['a_share']:.1%}  ({row['a_part']:,} of {row['a_n']:,})",
        "told_b": f"{row['b_share']:.1%}  ({row['b_part']:,} of {row['b_n']:,})",
        "told_difference": f"{100 * row['difference']:+.1f} points, {100 * row['low']:+.1f} to {100 * row['high']:+.1f} ({row['interval']})",
        "told_test": f"{row['test']}: p {_p(row['p'])}, with Holm {_p(row['p_holm'])}",
        "told_missing": f"{row['a_missing']:,} and {row['b_missing']:,}",
    } for row in rows]  # fmt: skip
    return {**_specification(tuple(names), round(edge, 3)), "datasets": {DATA: data}}


@lru_cache(maxsize=16)
def _specification(names: tuple[str, ...], edge: float) -> dict[str, Any]:
    y = alt.Y("name:N", scale=alt.Scale(domain=list(names))).axis(
        title=None, labelLimit=230, ticks=False, labelFontSize=11.5, grid=False, labelPadding=8
    )
    x = alt.X("value:Q", scale=alt.Scale(domain=[-edge, edge])).axis(title=None, format="+.0%")
    base = alt.Chart(alt.NamedData(name=DATA)).encode(y=y)
    none = alt.Chart(alt.Data(values=[{}])).mark_rule(color=BAND).encode(x=alt.X(datum=0))
    parts = [
        none,
        base.mark_rule(strokeWidth=9, color=BAND, opacity=BAND_OPACITY).encode(
            x=alt.X("bound_low:Q"), x2="bound_high:Q"
        ),
        base.mark_rule(strokeWidth=1.8, color=POINT).encode(x=alt.X("low:Q"), x2="high:Q"),
        base.mark_point(size=56, filled=True, opacity=1, color=POINT).encode(x=x, tooltip=tooltip(**TOLD)),
    ]
    return finished(parts, 26 * len(names) + 30)


def _p(p: float | None) -> str:
    return "undefined" if p is None else f"{p:.2g}"
