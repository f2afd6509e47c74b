"""The figures of a 2×2 table of a judge's word against people's. What is undefined is NaN here, None when shown.

The cells are tp, fp, fn, tn: the judge's present is positive, people's present is true. They may be weighted.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]

RATIOS = (
    "sensitivity",
    "specificity",
    "ppv",
    "f1",
    "balanced_accuracy",
    "mcc",
    "kappa",
    "ac1",
    "g_mean_squared",
)
"""What `ratios` gives, in order."""

SHARES = {"sensitivity": (0, 2), "specificity": (3, 1), "ppv": (0, 1)}
"""The ratios that are shares: (cell that counts, cell that does not)."""


def ratios(cells: npt.NDArray[Any]) -> dict[str, Array]:
    """Every ratio of one or many tables.

    Args:
        cells: (…, 4) tp, fp, fn, tn.

    Returns:
        For each of RATIOS an array of shape (…); NaN where it is undefined. `kappa` is Cohen's, `ac1` Gwet's,
        `g_mean_squared` sensitivity times specificity.

    Source: J. Cohen (1960), Educational and Psychological Measurement 20, 37-46; K. L. Gwet (2008), British
    Journal of Mathematical and Statistical Psychology 61, 29-48; B. W. Matthews (1975), Biochimica et Biophysica
    Acta 405, 442-451; M. Kubat, R. Holte, S. Matwin (1998), Machine Learning 30, 195-215.
    """
    tp, fp, fn, tn = np.moveaxis(np.asarray(cells, dtype=np.float64), -1, 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        n = tp + fp + fn + tn
        sensitivity, specificity = tp / (tp + fn), tn / (tn + fp)
        observed = (tp + tn) / n
        said, true = (tp + fp) / n, (tp + fn) / n
        by_margins = said * true + (1 - said) * (1 - true)
        mean = (said + true) / 2
        by_mean = 2 * mean * (1 - mean)
        return {
            "sensitivity": sensitivity,
            "specificity": specificity,
            "ppv": tp / (tp + fp),
            "f1": 2 * tp / (2 * tp + fp + fn),
            "balanced_accuracy": (sensitivity + specificity) / 2,
            "mcc": (tp * tn - fp * fn) / np.sqrt((tp + fp) * (tp + fn) * (tn + fp) * (tn + fn)),
            "kappa": (observed - by_margins) / (1 - by_margins),
            "ac1": (observed - by_mean) / (1 - by_mean),
            "g_mean_squared": sensitivity * specificity,
        }


def why_undefined(ratio: str, cells: npt.NDArray[Any]) -> str:
    """Why a ratio of one table has no value."""
    tp, fp, fn, tn = (float(cell) for cell in cells)
    if tp + fp + fn + tn == 0:
        return "no trajectory has both a blind label and a verdict"
    gaps = {
        "no label says present": tp + fn == 0,
        "no label says absent": tn + fp == 0,
        "the run calls none present": tp + fp == 0,
        "the run calls all present": tn + fn == 0,
    }
    concerned = {
        "sensitivity": ("no label says present",),
        "specificity": ("no label says absent",),
        "ppv": ("the run calls none present",),
        "balanced_accuracy": ("no label says present", "no label says absent"),
        "g_mean_squared": ("no label says present", "no label says absent"),
    }.get(ratio, tuple(gaps))
    return " and ".join(gap for gap in concerned if gaps[gap])
