"""How often the intervals of a difference hold the true one, and how often its test errs, over simulated designs.

    python -m benchmarks.contrast [--repeats 1000]

Prompts have shares from a Beta of the given mean and intraclass correlation; where both sides have the same prompts, a
prompt's two shares go together. Prints coverage of nominal 95 % intervals, mean width, and rejections at .05 where there is
no difference. Peer in the same run: Newcombe's interval as if every rollout were independent.
"""

from __future__ import annotations

import argparse

import numpy as np

from analysis.measure.difference import difference
from analysis.measure.intervals import newcombe

ICC = 0.3
DESIGNS = {
    "1 prompt, 40 against 60 rollouts": (1, 40, 60, True),
    "10 prompts, 10 rollouts a side": (10, 10, 10, True),
    "30 prompts, 1 rollout a side": (30, 1, 1, True),
    "200 prompts, 1 rollout a side": (200, 1, 1, True),
    "30 prompts, 30 rollouts a side": (30, 30, 30, True),
    "30 and 30 other prompts, 30 rollouts": (30, 30, 30, False),
    "100 and 100 other prompts, 30 rollouts": (100, 30, 30, False),
}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--repeats", type=int, default=1000)
    repeats = parser.parse_args().repeats
    print(f"{repeats} repeats, ICC {ICC}")
    print("coverage / mean width of the interval, rejections of no difference, coverage as if independent")
    for name, (prompts, n, other_n, paired) in DESIGNS.items():
        for first, second in ((0.05, 0.05), (0.2, 0.2), (0.4, 0.2)):
            print(
                f"{name:42} {first:.2f} - {second:.2f}  {_line(prompts, n, other_n, paired, first, second, repeats)}"
            )


def _line(prompts: int, n: int, other_n: int, paired: bool, first: float, second: float, repeats: int) -> str:
    chance = np.random.default_rng(1)
    held, width, rejected, naive, method = 0, 0.0, 0, 0, ""
    for _ in range(repeats):
        one, other = _shares(chance, prompts, first, second, paired)
        # Below 20 prompts the interval is for these prompts: so is the truth that it must hold.
        truth = float(np.mean(one) - np.mean(other)) if prompts < 20 else first - second
        parts = (
            [(int(chance.binomial(n, p)), n, 0, 0) for p in one],
            [(0, 0, int(chance.binomial(other_n, p)), other_n) for p in other],
        )
        rows = (
            [(a[0], n, b[2], other_n) for a, b in zip(*parts, strict=True)] if paired else parts[0] + parts[1]
        )
        found = difference(rows)
        assert found.low is not None and found.high is not None
        held += found.low <= truth <= found.high
        width += (found.high - found.low) / repeats
        rejected += (
            first == second and prompts >= 20 and found.tested.p is not None and found.tested.p <= 0.05
        )
        totals = np.array(rows).sum(axis=0)
        low, high = newcombe(*map(int, totals)) or (0, 0)
        naive += low <= truth <= high
        method = f"{found.interval}; {found.tested.name}"
    tested = f"{rejected / repeats:.3f}" if first == second and prompts >= 20 else "    –"
    return f"{held / repeats:.3f} / {width:.3f}  {tested}  {naive / repeats:.3f}  {method}"


def _shares(
    chance: np.random.Generator, prompts: int, first: float, second: float, paired: bool
) -> tuple[np.ndarray, np.ndarray]:
    """The prompts' shares on both sides; paired ones have the same rank."""
    from scipy.stats import beta

    concentration = (1 - ICC) / ICC
    u = chance.random(prompts)
    v = u if paired else chance.random(prompts)
    return (
        beta.ppf(u, first * concentration, (1 - first) * concentration),
        beta.ppf(v, second * concentration, (1 - second) * concentration),
    )


if __name__ == "__main__":
    main()
