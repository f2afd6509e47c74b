"""How often nominal 95 % intervals of a pattern's share hold the true one, and how wide they are, over simulated judges.

    python -m benchmarks.coverage [--repeats 1000]

The judge has sensitivity .85 and specificity .97; 200 of its trajectories are labelled at random, or by a queue that
prefers those it is told to be telling. Prompts have shares from a Beta of the given intraclass correlation (ICC). The
intervals: strata by verdict (the default), Rogan-Gladen, PPI++, Wilson over the labels alone, and the judge alone with
Wilson's and with Korn and Graubard's interval. Then one share alone, of a judge that never errs. To reach: the default
within .93 and .975 for independent trajectories, and with 30 prompts at ICC .3 at least .90 at prevalence .05 and .93 at
.20.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import stdtrit

from analysis.measure.clusters import Clusters
from analysis.measure.intervals import clopper_pearson, wilson
from analysis.measure.ppi import ppi
from analysis.measure.prevalence import Strata, by_verdict
from analysis.measure.transported import rogan_gladen
from analysis.measure.weights import weights

SENSITIVITY, SPECIFICITY = 0.85, 0.97
PREVALENCES = (0.01, 0.05, 0.20)
METHODS = ("by verdict", "Rogan-Gladen", "PPI++", "labels", "judge", "judge clustered")
SHARES = ("Wilson", "t, clustered", "Wilson, eff. n", "Korn-Graubard")
Bounds = tuple[float, float] | None


@dataclass(frozen=True)
class Design:
    """What is simulated.

    Attributes:
        name: What it is called.
        prompts, rollouts: How many prompts, and trajectories of each.
        icc: How alike rollouts of a prompt are.
        labels: How many trajectories are labelled.
        queued: Whether a queue preferred some of them, so that labels have weights.
        wanted: The least and the most coverage of the default at each prevalence; None where none is asked.
    """

    name: str
    prompts: int
    rollouts: int
    icc: float
    labels: int = 200
    queued: bool = False
    wanted: tuple[tuple[float, float] | None, ...] = (None, None, None)


INDEPENDENT = ((0.93, 0.975),) * 3
DESIGNS = (
    Design("independent, one prompt", 1, 2_000, 0.0, wanted=INDEPENDENT),
    Design("independent, a prompt each", 2_000, 1, 0.0, wanted=INDEPENDENT),
    Design("independent, a queue's labels", 1, 2_000, 0.0, queued=True, wanted=INDEPENDENT),
    Design("20 prompts, ICC .3", 20, 30, 0.3),
    Design("30 prompts, ICC .3", 30, 30, 0.3, wanted=(None, (0.90, 1.0), (0.93, 1.0))),
    Design("30 prompts, ICC .3, 400 labels", 30, 30, 0.3, labels=400),
    Design("30 prompts, ICC 0", 30, 30, 0.0),
    Design("100 prompts, ICC .3", 100, 30, 0.3),
)


@dataclass(frozen=True)
class Simulated:
    """One simulated cell: (trajectories,) each one's prompt, truth, verdict, and weight as a label (0: not labelled)."""

    prompt: npt.NDArray[np.int64]
    truth: npt.NDArray[np.bool_]
    verdict: npt.NDArray[np.bool_]
    weight: npt.NDArray[np.float64]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--repeats", type=int, default=1000)
    repeats = parser.parse_args().repeats
    begun = time.perf_counter()
    print(
        f"{repeats} repeats; coverage / mean width of nominal 95 % intervals; few: fewer than 10 prompts show the pattern"
    )
    print(f"{'':30} {'share':>5} " + " ".join(f"{method:>15}" for method in METHODS) + "   few")
    for design in DESIGNS:
        for prevalence, wanted in zip(PREVALENCES, design.wanted, strict=True):
            held, width, few = study(design, prevalence, repeats)
            cells = " ".join(f"{held[m]:8.3f} /{width[m]:5.3f}" for m in METHODS)
            print(
                f"{design.name:30} {prevalence:5.2f} {cells}  {few:4.2f} {_verdict(held['by verdict'], wanted)}",
                flush=True,
            )
    print("\na judge that never errs: one share of clustered rollouts")
    print(f"{'':30} {'share':>5} " + " ".join(f"{method:>15}" for method in SHARES))
    for prompts in (10, 20, 30, 100):
        for prevalence in PREVALENCES:
            covered = one_share(prompts, 30, 0.3, prevalence, repeats)
            cells = " ".join(f"{held:8.3f} /{width:5.3f}" for held, width in covered.values())
            print(f"{f'{prompts} prompts, ICC .3':30} {prevalence:5.2f} {cells}", flush=True)
    print(f"{time.perf_counter() - begun:.0f} s")


def study(
    design: Design, prevalence: float, repeats: int, seed: int = 1
) -> tuple[dict[str, float], dict[str, float], float]:
    """Coverage and mean width of each method, and how often fewer than 10 prompts show the pattern."""
    chance = np.random.default_rng(seed)
    held, width = dict.fromkeys(METHODS, 0), dict.fromkeys(METHODS, 0.0)
    few = 0
    for repeat in range(repeats):
        cell = simulate(design, prevalence, chance)
        few += len(np.unique(cell.prompt[cell.truth])) < 10
        for method, bounds in _intervals(cell, repeat):
            # Where a method gives no interval it holds nothing, and says nothing: the whole range.
            low, high = bounds or (0.0, 1.0)
            held[method] += bounds is not None and low <= prevalence <= high
            width[method] += (high - low) / repeats
    return {method: times / repeats for method, times in held.items()}, width, few / repeats


def simulate(design: Design, prevalence: float, chance: np.random.Generator) -> Simulated:
    """Draw one cell."""
    n, each = design.prompts * design.rollouts, np.full(design.prompts, prevalence)
    if design.icc:
        rest = (1 - design.icc) / design.icc
        each = chance.beta(prevalence * rest, (1 - prevalence) * rest, design.prompts)
    prompt = np.repeat(np.arange(design.prompts), design.rollouts)
    truth = chance.random(n) < each[prompt]
    verdict = chance.random(n) < np.where(truth, SENSITIVITY, 1 - SPECIFICITY)
    weight = np.zeros(n)
    if design.queued:
        telling = chance.random(n) < np.where(truth, 0.7, 0.3)
        score = np.where(telling, 3.0, 1.0)
        probability = design.labels * score / score.sum()
        drawn = chance.random(n) < probability
        weight[drawn] = weights(probability[drawn])
    else:
        weight[chance.choice(n, design.labels, replace=False)] = 1.0
    return Simulated(prompt, truth, verdict, weight)


def _intervals(cell: Simulated, seed: int) -> Iterator[tuple[str, Bounds]]:
    """The interval that each method gives of a cell."""
    prompts = int(cell.prompt.max()) + 1
    labelled = cell.weight > 0
    y, f, w = cell.truth[labelled], cell.verdict[labelled], cell.weight[labelled]

    def by_prompt(values: npt.NDArray[np.float64], where: npt.NDArray[np.bool_]) -> npt.NDArray[np.float64]:
        return np.bincount(cell.prompt[where], weights=values, minlength=prompts)

    everywhere = np.ones(len(cell.prompt), dtype=bool)
    positive = by_prompt(cell.verdict.astype(float), everywhere)
    judged = by_prompt(np.ones(len(cell.prompt)), everywhere)
    parts = []
    for stratum in (f, ~f):
        # As in a frequency table: the labels of one verdict count together as Kish's effective number.
        kish = w[stratum].sum() / (w[stratum] ** 2).sum() if stratum.any() else 0.0
        parts += [by_prompt(w * kish * (stratum & side), labelled) for side in (y, ~y)]
    found = by_verdict(Strata(positive, judged, *parts), draws=1_000, seed=seed)
    yield "by verdict", (found.low, found.high) if found.low is not None and found.high is not None else None
    yield (
        "Rogan-Gladen",
        _rogan_gladen(positive.sum() / judged.sum(), judged.sum(), *(part.sum() for part in parts)),
    )
    powered = ppi(y, f, cell.verdict[~labelled])
    yield (
        "PPI++",
        (powered.low, powered.high) if powered.low is not None and powered.high is not None else None,
    )
    yield "labels", wilson(int(y.sum()), len(y))
    yield "judge", wilson(positive.sum(), judged.sum())
    yield "judge clustered", Clusters.of(positive, judged).interval()


def one_share(
    prompts: int, rollouts: int, icc: float, prevalence: float, repeats: int, seed: int = 1
) -> dict[str, tuple[float, float]]:
    """Coverage and mean width of each of SHARES, where verdicts are the truth."""
    chance = np.random.default_rng(seed)
    rest = (1 - icc) / icc
    held, width = dict.fromkeys(SHARES, 0), dict.fromkeys(SHARES, 0.0)
    for _ in range(repeats):
        each = chance.beta(prevalence * rest, (1 - prevalence) * rest, prompts)
        found = Clusters.of(chance.binomial(rollouts, each), np.full(prompts, rollouts))
        share, error, effective = found.share or 0.0, found.error or 0.0, found.effective or 0.0
        half = stdtrit(prompts - 1, 0.975) * error
        bounds = (
            wilson(found.part, found.n), (share - half, share + half), wilson(share * effective, effective),
            clopper_pearson(share * effective, effective),
        )  # fmt: skip
        for method, (low, high) in zip(SHARES, bounds, strict=True):  # type: ignore[misc]
            held[method] += low <= prevalence <= high
            width[method] += (high - low) / repeats
    return {method: (held[method] / repeats, width[method]) for method in SHARES}


def _rogan_gladen(share: float, n: float, tp: float, fp: float, fn: float, tn: float) -> Bounds:
    if not (tp + fn and tn + fp) or tp / (tp + fn) + tn / (tn + fp) <= 1:
        return None
    _, low, high = rogan_gladen(share, n, tn / (tn + fp), tn + fp, tp / (tp + fn), tp + fn)
    return low, high


def _verdict(held: float, wanted: tuple[float, float] | None) -> str:
    if wanted is None:
        return ""
    least, most = wanted
    bounds = f"{least:.3f} to {most:.3f}" if most < 1 else f"{least:.3f} or more"
    return f"{'reached' if least <= held <= most else 'MISSED'}: {bounds}"


if __name__ == "__main__":
    main()
