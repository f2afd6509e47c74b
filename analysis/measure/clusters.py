"""A share of rollouts that come in prompts: its error clustered by prompt, design effect and interval.

Rollouts of one prompt are not independent, so counts come prompt by prompt:

    from analysis.measure.clusters import Clusters
    found = Clusters.of([0, 1, 2, 5, 9, 10, 3, 0, 6, 4], [10] * 10)
    found.design_effect                          # 4.67: so many times the variance of independent rollouts
"""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

import numpy as np
import numpy.typing as npt

from analysis.measure.intervals import clopper_pearson, wilson

PROMPTS_TO_GENERALISE = 20
"""From this many prompts up, prompts are what was sampled and the interval speaks of other prompts too."""
SHOWING_AT_LEAST = 10
"""Where fewer prompts show a pattern, it is said: no interval is good then."""

WILSON = "Wilson"
KORN_GRAUBARD = "Korn-Graubard"


@dataclass(frozen=True)
class Clusters:
    """A share of rollouts of some prompts, as the sums that its clustered error is made of.

    Attributes:
        part, n: Rollouts that count; all rollouts. Weighted ones as parts of Kish's effective number.
        prompts: How many prompts they are of.
        showing: How many prompts have a rollout that counts.
        squares, cross, sizes: Over prompts, the sums of part², part n and n².
    """

    part: float
    n: float
    prompts: int
    showing: int
    squares: float
    cross: float
    sizes: float

    @classmethod
    def of(cls, part: npt.ArrayLike, n: npt.ArrayLike) -> Clusters:
        """The sums of each prompt's counts.

        Args:
            part: (prompts,) rollouts that count.
            n: (prompts,) rollouts. Prompts without any are left out.

        Raises:
            ValueError: A part is not within 0 and its n.
        """
        x, m = np.asarray(part, dtype=np.float64), np.asarray(n, dtype=np.float64)
        if ((x < 0) | (x > m)).any():
            raise ValueError("a prompt has more rollouts that count than rollouts")
        there, showing = int((m > 0).sum()), int((x > 0).sum())
        return cls(float(x.sum()), float(m.sum()), there, showing, float(x @ x), float(x @ m), float(m @ m))

    @property
    def share(self) -> float | None:
        """Part / n; None when n is 0."""
        return self.part / self.n if self.n else None

    @property
    def error(self) -> float | None:
        """The standard error clustered by prompt, times √(G / (G - 1)) for G prompts; None for fewer than two.

        Source: linearization of a ratio mean over clusters, W. G. Cochran (1977), Sampling Techniques, 11.8.
        """
        if self.prompts < 2:
            return None
        return sqrt(self.prompts / (self.prompts - 1) * self._squared_residuals) / self.n

    @property
    def design_effect(self) -> float | None:
        """The clustered variance over that of independent rollouts; None with one prompt, or a share of 0 or 1.

        Source: L. Kish (1965), Survey Sampling, 5.4, with the clustered variance before G / (G - 1).
        """
        if self.prompts < 2 or self.part in (0, self.n):
            return None
        return self._squared_residuals / (self.part * (1 - self.part / self.n))

    @property
    def effective(self) -> float | None:
        """The effective sample size of Korn and Graubard: n over the design effect, with their t correction.

        At most n. Where the share is 0 or 1 nothing tells how alike rollouts of a prompt are, so it is the number
        of prompts. None with one prompt.
        """
        if self.prompts < 2:
            return None
        if self.design_effect is None:
            return float(self.prompts)
        from scipy.special import stdtrit

        error = self.error or 0.0
        naive = self.part / self.n * (1 - self.part / self.n) / self.n
        correction = (stdtrit(self.n - 1, 0.975) / stdtrit(self.prompts - 1, 0.975)) ** 2
        return min(float(self.n), self.n * naive / error**2 * correction) if error else float(self.n)

    @property
    def method(self) -> str:
        """What the interval is called."""
        return KORN_GRAUBARD if self.prompts >= PROMPTS_TO_GENERALISE else WILSON

    def interval(self, level: float = 0.95) -> tuple[float, float] | None:
        """Korn and Graubard's interval from PROMPTS_TO_GENERALISE prompts up, else Wilson's for these prompts alone.

        Returns:
            (low, high); None for n = 0.

        Source: E. L. Korn, B. I. Graubard (1998), Confidence intervals for proportions with small expected number
        of positive counts estimated from survey data, Survey Methodology 24, 193-201. With the prompts fixed,
        Wilson's is no narrower than it should be.
        """
        if self.n == 0:
            return None
        if self.method == WILSON:
            return wilson(self.part, self.n, level)
        effective = self.effective or 0.0
        return clopper_pearson(effective * self.part / self.n, effective, level)

    @property
    def note(self) -> str | None:
        """What must be said beside the interval; None when there is nothing."""
        if self.n == 0:
            return "nothing was judged"
        notes = [] if self.prompts >= PROMPTS_TO_GENERALISE else [these_prompts_only(self.prompts)]
        if self.prompts > 1 and self.showing < SHOWING_AT_LEAST:
            shown = {0: "no prompt shows it", 1: "1 prompt shows it"}
            notes.append(shown.get(self.showing, f"{self.showing} prompts show it"))
        return "; ".join(notes) or None

    @property
    def _squared_residuals(self) -> float:
        share = self.part / self.n
        return max(0.0, self.squares - 2 * share * self.cross + share * share * self.sizes)


NOTHING = Clusters(0, 0, 0, 0, 0.0, 0.0, 0.0)


def intraclass_correlation(part: npt.ArrayLike, n: npt.ArrayLike) -> float | None:
    """How alike rollouts of one prompt are: the intraclass correlation by analysis of variance.

    Args:
        part: (prompts,) rollouts that count.
        n: (prompts,) rollouts.

    Returns:
        At most 1, below 0 where rollouts of a prompt differ more than those of other prompts; None with fewer than
        two prompts, one rollout each, or all rollouts alike.

    Source: M. S. Ridout, C. G. B. Demétrio, D. Firth (1999), Estimating intraclass correlation for binary data,
    Biometrics 55, 137-148, the analysis of variance estimator.
    """
    x, m = np.asarray(part, dtype=np.float64), np.asarray(n, dtype=np.float64)
    x, m = x[m > 0], m[m > 0]
    total, groups = m.sum(), len(m)
    if groups < 2 or total <= groups or x.sum() in (0, total):
        return None
    between = ((x**2 / m).sum() - x.sum() ** 2 / total) / (groups - 1)
    within = (x * (1 - x / m)).sum() / (total - groups)
    size = (total - (m**2).sum() / total) / (groups - 1)
    return float((between - within) / (between + (size - 1) * within))


def these_prompts_only(prompts: int) -> str:
    """What is said beside an interval that knows nothing of other prompts."""
    return "for this prompt only" if prompts == 1 else f"for these {prompts} prompts only"
