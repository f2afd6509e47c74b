"""Weights of labelled trajectories, from the probability with which each came to be labelled."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]


def weights(probability: npt.ArrayLike) -> Array:
    """The inverse of each inclusion probability, with a mean of 1.

    Args:
        probability: (n,) from 0 to 1; NaN or None where it is unknown.

    Returns:
        (n,) weights; 1 each where all probabilities are the same, or any is unknown or 0.

    Source: J. Hájek (1971), comment in Foundations of Statistical Inference, for shares weighted so.
    """
    known = np.array(probability, dtype=np.float64)
    if not len(known) or not (known > 0).all() or (known == known[0]).all():
        return np.ones(len(known))
    return np.asarray((1 / known) / np.mean(1 / known), dtype=np.float64)
