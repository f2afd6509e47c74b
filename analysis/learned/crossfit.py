"""Learning with traces held out: each labelled trace gets its score from a model that never saw it, nor its prompt.

The traces are dealt into folds by prompt. For each fold a model learns from the others; the threshold from which on a
trace shows a pattern, and the curve from log odds to a score, are chosen on the others too, by models that leave out
one more fold. What is then said of the held-out traces is what the figures are made of, and what the run says of them.

Source: T. Zrnic, E. Candès (2024), Cross-prediction-powered inference, Proceedings of the National Academy of Sciences
121, e2322083121, for why a run must not say of labelled traces what it learned from them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np

from analysis.cluster.embedders import Vectors
from analysis.learned.examples import PRESENT, UNKNOWN, Examples, Ints, Mask
from analysis.learned.sentences import Array, SentenceModel, fit
from analysis.measure.weights import weights

FOLDS = 4
LEAST_PROMPTS = 3
"""With fewer prompts traces are dealt out one by one, and figures speak of these prompts only."""
CUTS = 500
"""Log odds that are tried as a threshold, at the most."""


@dataclass(frozen=True)
class Rule:
    """From the log odds of sentences to what is said of traces, pattern by pattern.

    Attributes:
        model: Gives the log odds.
        thresholds: (patterns,) log odds from which on a sentence shows the pattern; NaN where none could be chosen.
        slopes, shifts: (patterns,) of the curve from a trace's log odds to the chance that people call it present.
    """

    model: SentenceModel
    thresholds: Array
    slopes: Array
    shifts: Array

    def scores(self, odds: Array) -> Array:
        """From log odds, the patterns last, to scores from 0 to 100."""
        return np.asarray(100 / (1 + np.exp(-np.clip(self.slopes * odds + self.shifts, -50, 50))))


@dataclass(frozen=True)
class Learnt:
    """What was learned.

    Attributes:
        rule: Learned from all labelled traces: for those without a label.
        held_out: For each fold the rule that its traces had no part in.
        folds: (traces,) the fold of each labelled trace.
        by_prompt: Whether the folds are of prompts.
        odds: (traces, patterns) of each labelled trace, by the rule that it had no part in.
    """

    rule: Rule
    held_out: tuple[Rule, ...]
    folds: Ints
    by_prompt: bool
    odds: Array


def learn(
    examples: Examples, vectors: Vectors, seed: int, progress: Callable[[int, int], None] | None = None
) -> Learnt:
    """Learn from labelled traces.

    Args:
        examples: The traces.
        vectors: (texts, dimensions) of their sentences.
        seed: Of what is drawn.
        progress: Called with (models done, models).
    """
    folds, by_prompt = _dealt(examples.prompts)
    count = int(folds.max()) + 1
    steps = [*combinations(range(count), 2), *((fold,) for fold in range(count)), ()]
    models: dict[tuple[int, ...], SentenceModel] = {}
    odds: dict[tuple[int, ...], Array] = {}
    for done, without in enumerate(steps, 1):
        models[without] = fit(examples, vectors, ~np.isin(folds, without), seed)
        odds[without] = best_odds(
            models[without].decide(examples.texts, vectors)[examples.which], examples.owner, len(folds)
        )
        if progress:
            progress(done, len(steps))
    rules, said = [], np.full(examples.values.shape, np.nan)
    for fold in range(count):
        inner = np.full(examples.values.shape, np.nan)
        for other in set(range(count)) - {fold}:
            without = min(fold, other), max(fold, other)
            inner[folds == other] = odds[without][folds == other]
        rules.append(_rule(models[(fold,)], inner, examples))
        said[folds == fold] = odds[(fold,)][folds == fold]
    return Learnt(_rule(models[()], said, examples), tuple(rules), folds, by_prompt, said)


def best_odds(odds: Array, owner: Ints, traces: int) -> Array:
    """(traces, patterns) the highest of each trace's sentences; -inf for a trace without any."""
    found = np.full((traces, odds.shape[1]), -np.inf)
    np.maximum.at(found, owner, odds)
    return found


def _dealt(prompts: Ints) -> tuple[Ints, bool]:
    """The fold of each trace, and whether no prompt is in two: the largest prompts first, each to the emptiest fold."""
    by_prompt = int(prompts.max()) + 1 >= LEAST_PROMPTS
    groups = prompts if by_prompt else np.arange(len(prompts))
    sizes = np.bincount(groups)
    filled = np.zeros(min(FOLDS, len(sizes)), dtype=np.int64)
    fold = np.zeros(len(sizes), dtype=np.int64)
    for group in np.argsort(-sizes, kind="stable"):
        fold[group] = filled.argmin()
        filled[fold[group]] += sizes[group]
    return fold[groups], by_prompt


def _rule(model: SentenceModel, odds: Array, examples: Examples) -> Rule:
    """The rule of a model, from the log odds of traces that it, or one like it, did not learn from."""
    probability = np.array([each.probability for each in examples.traces])
    chosen = []
    for at in range(len(examples.patterns)):
        known = (examples.values[:, at] != UNKNOWN) & np.isfinite(odds[:, at])
        present = examples.values[known, at] == PRESENT
        if present.all() or not present.any():
            chosen.append((np.nan, np.nan, np.nan))
        else:
            weight = weights(probability[known])
            chosen.append(
                (threshold(odds[known, at], present, weight), *curve(odds[known, at], present, weight))
            )
    thresholds, slopes, shifts = np.array(chosen).T
    return Rule(model, thresholds, slopes, shifts)


def threshold(odds: Array, present: Mask, weight: Array) -> float:
    """Of the log odds whose F1 is within one standard error of the best, the nearest to 0, where both are as likely.

    The very best one hangs on a few traces, the more so the fewer show the pattern.

    Args:
        odds: (n,) of traces.
        present: (n,) what people say of them.
        weight: (n,) of each.

    Source: L. Breiman, J. Friedman, R. Olshen, C. Stone (1984), Classification and Regression Trees, 3.4.3, for the
    rule of one standard error.
    """
    values = np.unique(np.quantile(odds, np.linspace(0, 1, min(len(odds), CUTS))))
    cuts = np.append((values[:-1] + values[1:]) / 2, [values[0], 0.0])
    said = odds >= cuts[:, None]
    f1 = 2 * (said & present) @ weight / (said @ weight + (weight * present).sum())
    best = f1.max()
    good = cuts[f1 >= best - np.sqrt(best * (1 - best) / present.sum()) - 1e-12]
    return float(good[np.abs(good).argmin()])


def curve(odds: Array, present: Mask, weight: Array) -> tuple[float, float]:
    """Slope and shift of the logistic curve from log odds to the chance of present; the slope is never below 0.

    Source: J. Platt (1999), Probabilistic outputs for support vector machines, Advances in Large Margin Classifiers.
    """
    from sklearn.linear_model import LogisticRegression

    model: Any = LogisticRegression().fit(odds[:, None], present, sample_weight=weight)
    slope, shift = float(model.coef_[0, 0]), float(model.intercept_[0])
    if slope >= 0:
        return slope, shift
    share = float(np.average(present, weights=weight))
    return 0.0, float(np.log(share / (1 - share)))
