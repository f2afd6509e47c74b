"""Every published or worked-out value that the statistics must give, in one table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from analysis.measure.agreement import cohen_kappa, fleiss_kappa, krippendorff_alpha
from analysis.measure.clusters import Clusters, intraclass_correlation
from analysis.measure.intervals import newcombe, wilson
from analysis.measure.judge_ratios import ratios
from analysis.measure.planning import trajectories_needed
from analysis.measure.ppi import ppi
from analysis.measure.prevalence import Strata, by_verdict, by_verdict_standard_error
from analysis.measure.significance import benjamini_hochberg, fisher, holm, mcnemar
from analysis.measure.transported import rogan_gladen
from analysis.measure.trend import trend
from tests.measure.test_agreement import EXAMPLE_C, FLEISS, WIKIPEDIA, ratings

FIFTEEN = [.0001, .0004, .0019, .0095, .0201, .0278, .0298, .0344, .0459, .3240, .4262, .5719, .6528, .7590, 1.0]  # fmt: skip
TEN = [0, 1, 2, 5, 9, 10, 3, 0, 6, 4]
TABLE = (12, 4, 3, 81)
"""tp, fp, fn, tn of 100 labelled; 180 of 900 unlabelled are positive."""
LABELS, SCORES, MORE = [1] * 12 + [0] * 4 + [1] * 3 + [0] * 81, [1] * 16 + [0] * 84, [1] * 180 + [0] * 720
KAPPA = (["a"] * 25 + ["b"] * 25, ["a"] * 20 + ["b"] * 5 + ["a"] * 10 + ["b"] * 15)


def armitage(parts: Sequence[int], of: Sequence[int], scores: Sequence[float]) -> Any:
    """The trend of parts of so many trajectories, one prompt."""
    y = np.concatenate([np.repeat([1, 0], [part, n - part]) for part, n in zip(parts, of, strict=True)])
    place = np.repeat(np.arange(len(of)), of)
    return trend(y, np.ones(len(y)), np.zeros(len(y), dtype=int), place, scores, [0] * len(of))


def rejected(adjusted: Sequence[float | None]) -> int:
    return sum(p is not None and p <= 0.05 for p in adjusted)


def powered(power: float | None) -> tuple[Any, ...]:
    found = ppi(LABELS, SCORES, MORE, power)
    return found.value, found.low, found.high, found.power


FIFTHS, THIRDS = [17114, 14502, 793, 127, 38], [135, 164, 164, 164]
TEN_PROMPTS = Clusters.of(TEN, [10] * 10)
FLEISS_ROWS = [
    [value for value, n in enumerate(map(int, row.split())) for _ in range(n)] for row in FLEISS.split("/")
]
BY_VERDICT = by_verdict(Strata(*(np.array([n]) for n in (196, 1000, *TABLE))))
KNOWN = {
    "Wilson 22/60": (wilson(22, 60), (0.2562, 0.4932)),
    "Wilson 23/30": (wilson(23, 30), (0.5907, 0.8821)),
    "Wilson 0/30": (wilson(0, 30), (0, 0.1135)),
    "Wilson 6/40": (wilson(6, 40), (0.0706, 0.2907)),
    "Wilson 17/40": (wilson(17, 40), (0.2851, 0.5780)),
    "Newcombe 56/70, 48/80": (newcombe(56, 70, 48, 80), (0.0524, 0.3339)),
    "Newcombe 9/10, 3/10": (newcombe(9, 10, 3, 10), (0.1705, 0.8090)),
    "Newcombe 5/56, 0/29": (newcombe(5, 56, 0, 29), (-0.0381, 0.1926)),
    "Newcombe 10/10, 0/20": (newcombe(10, 10, 0, 20), (0.6791, 1)),
    "alpha, Wikipedia, nominal": (krippendorff_alpha(ratings(WIKIPEDIA)), 0.691358),
    "alpha, Wikipedia, interval": (krippendorff_alpha(ratings(WIKIPEDIA), "interval"), 0.810845),
    "alpha, C, nominal": (krippendorff_alpha(ratings(EXAMPLE_C)), 0.743421),
    "alpha, C, ordinal": (krippendorff_alpha(ratings(EXAMPLE_C), "ordinal"), 0.815388),
    "alpha, C, interval": (krippendorff_alpha(ratings(EXAMPLE_C), "interval"), 0.849107),
    "alpha, C, ratio": (krippendorff_alpha(ratings(EXAMPLE_C), "ratio"), 0.797403),
    "Cohen 20/5/10/15": (cohen_kappa(*KAPPA), 0.400),
    "Fleiss 10 x 14": (fleiss_kappa(list(zip(*FLEISS_ROWS, strict=True))), 0.20993),
    "Benjamini-Hochberg of fifteen": (rejected(benjamini_hochberg(FIFTEEN)), 4),
    "Holm of fifteen": (rejected(holm(FIFTEEN)), 3),
    "Bonferroni of fifteen": (rejected([15 * p for p in FIFTEEN]), 3),
    "McNemar 150, 86": (mcnemar(150, 86).statistic, 17.3559),
    "Armitage, alcohol z": (armitage([48, 38, 5, 1, 1], FIFTHS, [0, 0.5, 1.5, 4, 7]).statistic, 2.5632),
    "Armitage, alcohol p": (armitage([48, 38, 5, 1, 1], FIFTHS, [0, 0.5, 1.5, 4, 7]).p, 0.01037),
    "Armitage, equal steps": (armitage([11, 12, 20, 40], THIRDS, [1, 2, 3, 4]).statistic, 4.4923),
    "Fisher 12/39, 0/40": (fisher(12, 39, 0, 40).p, 7.637e-05),
    "Fisher 6/40, 0/40": (fisher(6, 40, 0, 40).p, 0.02555),
    "Rogan-Gladen": (rogan_gladen(0.4, 1000, 0.7, 200, 0.9, 200), (0.1667, 0.0564, 0.2627)),
    "PPI, no power": (powered(0)[:3], (0.15, 0.0800, 0.2200)),
    "PPI, full power": (powered(1)[:3], (0.19, 0.1320, 0.2480)),
    "PPI, tuned": (powered(None), (0.17191, 0.12080, 0.22302, 0.54773)),
    "the same, by verdict": (BY_VERDICT.share, 0.175714),
    "the same, its error": (by_verdict_standard_error(196, 1000, *TABLE), 0.028207),
    "the same, Rogan-Gladen": (rogan_gladen(0.196, 1000, 81 / 85, 85, 12 / 15, 15)[0], 0.197812),
    "the same, naive": ((16 + 180) / 1000, 0.196),
    "2 x 2, kappa": (ratios(np.array(TABLE))["kappa"], 0.73282),
    "2 x 2, MCC": (ratios(np.array(TABLE))["mcc"], 0.73336),
    "2 x 2, F1": (ratios(np.array(TABLE))["f1"], 0.77419),
    "2 x 2, balanced": (ratios(np.array(TABLE))["balanced_accuracy"], 0.87647),
    "2 x 2, alpha": (krippendorff_alpha([LABELS, SCORES]), 0.73411),
    "2 x 2, AC1": (ratios(np.array(TABLE))["ac1"], 0.90516),
    "2 x 2, g-mean squared": (ratios(np.array(TABLE))["g_mean_squared"], 0.76235),
    "prompts, share": (TEN_PROMPTS.share, 0.40),
    "prompts, naive error": ((0.4 * 0.6 / 100) ** 0.5, 0.04899),
    "prompts, clustered error": ((TEN_PROMPTS.error or 0) * 0.9**0.5, 0.10583),
    "prompts, with G / (G - 1)": (TEN_PROMPTS.error, 0.11155),
    "prompts, ICC": (intraclass_correlation(TEN, [10] * 10), 0.43662),
    "prompts, design effect": (TEN_PROMPTS.design_effect, 4.6667),
    "prompts, 1 + (m - 1) ICC": (1 + 9 * (intraclass_correlation(TEN, [10] * 10) or 0), 4.9296),
    "power .05, .15": (trajectories_needed(0.05, 0.15), 140.1),
    "power .10, .20": (trajectories_needed(0.1, 0.2), 199.0),
}  # fmt: skip
TOLERANCE = {"power .05, .15": 0.05, "power .10, .20": 0.05, "Fisher 12/39, 0/40": 5e-9}
"""Half a unit of the last place that is given; four places where nothing else is said."""


@pytest.mark.parametrize("name", KNOWN)
def test_a_known_value_is_reproduced(name: str) -> None:
    found, value = KNOWN[name]
    places = max(
        len(str(each).partition(".")[2]) for each in (value if isinstance(value, tuple) else (value,))
    )
    tolerance = TOLERANCE.get(name, 0.5 * 10 ** -max(places, 3) * 1.01)
    assert found is not None and np.asarray(found, dtype=float) == pytest.approx(
        np.asarray(value), abs=tolerance
    )
