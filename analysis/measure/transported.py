"""The share of a cell without labels, by the judge's sensitivity and specificity measured elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

from analysis.measure.prevalence import Estimate
from analysis.measure.significance import EXPECTED_AT_LEAST, Tested, fisher, holm

LEAST_SUM = 1.05
"""At this sum of sensitivity and specificity or less the judge tells too little to be inverted."""
LABELS_AT_LEAST = 10
"""With fewer labels of present, or of absent, sensitivity or specificity is not known."""
BY_LABELS_ELSEWHERE = "by labels elsewhere (Rogan-Gladen)"
SEED = 20260301
PERMUTATIONS = 4_000

Confusions = npt.NDArray[np.float64]
"""(groups, 4) tp, fp, fn, tn: labelled trajectories of each checkpoint, or other group."""


def transported(
    positive: float,
    judged: float,
    elsewhere: Sequence[Sequence[float]] | Confusions,
    effective: float | None = None,
) -> Estimate:
    """The share of a cell without labels, corrected by labels of other cells.

    Sensitivity and specificity must be those of this cell. That can't be seen, but if they differ between the groups
    that have labels, they are not taken anywhere.

    Args:
        positive: Trajectories of the cell with the verdict present.
        judged: Trajectories of the cell with any verdict.
        elsewhere: (groups, 4) tp, fp, fn, tn of each group of labelled trajectories.
        effective: How many independent trajectories the cell's are worth, where they come in prompts.

    Returns:
        The estimate; undefined, with a note, where nothing was judged, labels of present or of absent are fewer than
        LABELS_AT_LEAST, the judge tells too little, or its errors differ between groups.
    """
    table = np.asarray(elsewhere, dtype=np.float64).reshape(-1, 4)
    tp, fp, fn, tn = (float(total) for total in table.sum(axis=0))
    labels = int(table.sum())

    def refused(why: str) -> Estimate:
        return Estimate(None, None, None, labels, 0, why)

    if judged == 0:
        return refused("nothing was judged")
    if tp + fn < LABELS_AT_LEAST or tn + fp < LABELS_AT_LEAST:
        few = "present" if tp + fn < LABELS_AT_LEAST else "absent"
        return refused(f"fewer than {LABELS_AT_LEAST} labels of {few} elsewhere")
    if tp / (tp + fn) + tn / (tn + fp) <= LEAST_SUM:
        return refused("the judge's sensitivity and specificity tell too little")
    differing = errors_differ(table)
    if differing is not None:
        return refused(f"the judge's {differing} differs between checkpoints")
    share, low, high = rogan_gladen(
        positive / judged, effective or judged, tn / (tn + fp), tn + fp, tp / (tp + fn), tp + fn
    )
    return Estimate(share, low, high, labels, 0, BY_LABELS_ELSEWHERE)


def rogan_gladen(
    share: float,
    n: float,
    specificity: float,
    absent: float,
    sensitivity: float,
    present: float,
    level: float = 0.95,
) -> tuple[float, float, float]:
    """The share behind a judge's share: (share + specificity - 1) / (sensitivity + specificity - 1).

    Args:
        share: Trajectories that the judge calls present, as a share of n.
        n: Trajectories that it judged.
        specificity: The share of labels of absent that it calls absent.
        absent: How many labels of absent that rests on.
        sensitivity: The share of labels of present that it calls present.
        present: How many labels of present that rests on.
        level: Nominal coverage.

    Returns:
        The share, low, high, each within 0 and 1.

    Raises:
        ValueError: sensitivity + specificity is 1 or less, or one of the three numbers is 0.

    Source: W. J. Rogan, B. Gladen (1978), Estimating prevalence from the results of a screening test, American Journal
    of Epidemiology 107, 71-76; the interval of Z. Lang, J. Reiczigel (2014), Confidence limits for prevalence of
    disease adjusted for estimated sensitivity and specificity, Preventive Veterinary Medicine 113, 13-22, which
    C. Lee et al. (2025) take for language models that judge.
    """
    if min(n, absent, present) <= 0 or sensitivity + specificity <= 1:
        raise ValueError("the judge tells nothing, or is known from nothing")
    z = NormalDist().inv_cdf((1 + level) / 2)
    p, of_n = (n * share + z * z / 2) / (n + z * z), n + z * z
    sp, of_absent = (absent * specificity + 1) / (absent + 2), absent + 2
    se, of_present = (present * sensitivity + 1) / (present + 2), present + 2
    spread_sp, spread_se = sp * (1 - sp) / of_absent, se * (1 - se) / of_present
    told = se + sp - 1
    centre = (p + sp - 1) / told
    shift = 2 * z * z * (centre * spread_se - (1 - centre) * spread_sp)
    error = sqrt(p * (1 - p) / of_n + centre**2 * spread_se + (1 - centre) ** 2 * spread_sp) / told
    value = (share + specificity - 1) / (sensitivity + specificity - 1)
    low, high = centre + shift - z * error, centre + shift + z * error
    value, low, high = (min(1.0, max(0.0, bound)) for bound in (value, low, high))
    return value, min(low, value), max(high, value)


def errors_differ(elsewhere: Sequence[Sequence[float]] | Confusions, level: float = 0.05) -> str | None:
    """Which of the judge's errors differ between groups: "sensitivity", "specificity", or None.

    Args:
        elsewhere: (groups, 4) tp, fp, fn, tn of each group.
        level: Of the two tests together, by Holm.
    """
    table = np.asarray(elsewhere, dtype=np.float64).reshape(-1, 4)
    tested = {
        "sensitivity": same_share(table[:, 0], table[:, 2]),
        "specificity": same_share(table[:, 3], table[:, 1]),
    }
    adjusted = holm([each.p for each in tested.values()])
    found = [name for name, p in zip(tested, adjusted, strict=True) if p is not None and p <= level]
    return " and ".join(found) or None


def same_share(yes: npt.ArrayLike, no: npt.ArrayLike) -> Tested:
    """Whether several groups have one share: the chi-squared test, or Fisher's of two where the table is thin.

    With three groups or more and a thin table the p-value of chi-squared is taken from permutations.

    Args:
        yes: (groups,) how many count.
        no: (groups,) how many do not.

    Returns:
        The test; undefined with fewer than two groups, or where all groups say the same.

    Source: K. Pearson (1900), Philosophical Magazine 50, 157-175; W. G. Cochran (1954), Biometrics 10, 417-451, for
    where it holds.
    """
    table = np.rint(np.stack([np.asarray(yes, dtype=np.float64), np.asarray(no, dtype=np.float64)])).astype(
        int
    )
    table = table[:, table.sum(axis=0) > 0]
    if table.shape[1] < 2 or (table.sum(axis=1) == 0).any():
        return Tested("chi-squared", None)
    from scipy.stats import chi2

    expected = np.outer(table.sum(axis=1), table.sum(axis=0)) / table.sum()
    statistic = float(((table - expected) ** 2 / expected).sum())
    if expected.min() >= EXPECTED_AT_LEAST:
        return Tested("chi-squared", float(chi2.sf(statistic, table.shape[1] - 1)), statistic)
    if table.shape[1] == 2:
        return fisher(
            *(int(count) for count in (table[0, 0], table[:, 0].sum(), table[0, 1], table[:, 1].sum()))
        )
    drawn = np.random.default_rng(SEED).multivariate_hypergeometric(
        table.sum(axis=0), table[0].sum(), PERMUTATIONS
    )
    spread = ((drawn - expected[0]) ** 2 * (1 / expected[0] + 1 / expected[1])).sum(axis=1)
    p = (1 + int((spread >= statistic - 1e-9).sum())) / (1 + PERMUTATIONS)
    return Tested("chi-squared, permuted", p, statistic)
