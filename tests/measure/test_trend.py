from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from analysis.measure.judged import judged
from analysis.measure.scope import Scope
from analysis.measure.trend import Trend, over_checkpoints, trend
from analysis.store import Store, append
from tests.measure.test_occurrences import TIME, fill


def of_shares(parts: Sequence[int], sizes: Sequence[int], scores: Sequence[float] | None = None) -> Trend:
    """The trend of shares of one prompt's rollouts."""
    y = np.concatenate([np.arange(n) < part for part, n in zip(parts, sizes, strict=True)]).astype(float)
    place = np.repeat(np.arange(len(sizes)), sizes)
    nothing = np.zeros(len(y), int)
    return trend(y, np.ones(len(y)), nothing, place, scores or list(range(len(sizes))), [0] * len(sizes))


def test_it_is_the_test_of_cochran_and_armitage() -> None:
    found = of_shares([48, 38, 5, 1, 1], [17114, 14502, 793, 127, 38], [0, 0.5, 1.5, 4, 7])
    assert (found.statistic, found.p) == (pytest.approx(2.5632, abs=5e-5), pytest.approx(0.01037, abs=5e-6))
    found = of_shares([11, 12, 20, 40], [135, 164, 164, 164])
    assert (found.statistic, found.n, found.checkpoints) == (pytest.approx(4.4923, abs=5e-5), 627, 4)
    assert of_shares([40, 20, 12, 11], [164, 164, 164, 135]).statistic < 0, "a fall is below 0"


def test_without_a_trend_to_test_it_says_why() -> None:
    assert of_shares([3], [9]).note == "one checkpoint"
    assert of_shares([0, 0], [9, 9]).note == "never found"
    assert of_shares([9, 9], [9, 9]).note == "the same everywhere"
    assert trend([], [], [], [], [], []).note == "nothing was judged"
    assert trend([1, 0], [1, 1], [0, 0], [0, 1], [0, 0], [0, 1]).note == "one checkpoint a series"


def test_series_are_tested_within_and_their_levels_are_free() -> None:
    """Two runs that both fall, one of them high and stored later, are no rise."""
    shares = [30, 10, 95, 80]
    y = np.concatenate([np.arange(100) < share for share in shares]).astype(float)
    place, nothing = np.repeat(np.arange(4), 100), np.zeros(400, int)
    pooled = trend(y, np.ones(400), nothing, place, [0, 1, 2, 3], [0, 0, 0, 0])
    within = trend(y, np.ones(400), nothing, place, [0, 1, 0, 1], [0, 0, 1, 1])
    assert pooled.statistic > 5 and within.statistic < -4


def test_alike_rollouts_are_no_evidence_of_a_trend() -> None:
    """Under no trend, with prompts at different checkpoints that differ much, it errs about as often as it says."""
    chance, wrong, naive = np.random.default_rng(11), 0, 0
    prompt = np.repeat(np.arange(60), 20)
    place = prompt % 3
    for _ in range(300):
        y = (chance.random(1200) < chance.beta(0.5, 1.5, 60)[prompt]).astype(float)
        wrong += (trend(y, np.ones(1200), prompt, place, [0, 1, 2], [0, 0, 0]).p or 1) < 0.05
        naive += (trend(y, np.ones(1200), prompt * 0, place, [0, 1, 2], [0, 0, 0]).p or 1) < 0.05
    assert wrong / 300 < 0.085 and naive / 300 > 0.3


def test_a_tables_checkpoints_are_scored_in_order_within_their_series(store: Store) -> None:
    said = {True: {"p": ("present", 1)}, False: {"p": ("absent", 0)}}
    fill(store, [{"checkpoint": f"{series}-{step}", "said": said[n < part]} for series in ("a", "b")
                 for step, part in ((2, 2), (10, 10), (100, 18)) for n in range(20)])  # fmt: skip
    with store.transaction() as db:
        append(
            db,
            "checkpoints",
            [
                {"name": f"{s}-{n}", "series": s, "position": n, "created_at": TIME}
                for s in "ab"
                for n in (2, 10, 100)
            ],
        )
        table = judged(db, "r")
    y, x = table.of("p").astype(float), np.ones(len(table))
    found = over_checkpoints(table, y, x, np.arange(len(table)))
    one = over_checkpoints(
        table.within(Scope({"series": ("b",)})),
        *(a[table.rows(Scope({"series": ("b",)}))] for a in (y, x)),
        np.arange(60),
    )
    assert (found.n, found.checkpoints) == (120, 6) and (one.n, one.checkpoints) == (60, 3)
    assert one.statistic == pytest.approx(of_shares([2, 10, 18], [20, 20, 20]).statistic)
    assert found.statistic == pytest.approx(one.statistic * np.sqrt(2))
