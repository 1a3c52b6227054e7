"""How much masks have in common: integer counts first, ratios last, each beside what chance would give.

Everything here takes counts (of arrays: element by element), so that sets of neurons are compared as masks are.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from subnets.errors import InputError

Integers = NDArray[np.int64]
Numbers = NDArray[np.float64]


@dataclass(frozen=True)
class Counts:
    """How often two sets meet; whole numbers, or arrays of them that broadcast together.

    Attributes:
        both: elements in both sets. Where an expectation is asked for, it need not be whole.
        left: elements in the left set.
        right: elements in the right set.
        total: elements there are.
    """

    both: Any
    left: Any
    right: Any
    total: Any


def jaccard(counts: Counts) -> Numbers:
    """What both keep, as a share of what either keeps: |L and R| / |L or R| (Jaccard 1901).

    In [0, 1]; 1 if both keep nothing. Random masks keeping a share d each average about d / (2 - d).

    >>> float(jaccard(Counts(both=1, left=2, right=1, total=3)))
    0.5
    """
    either = np.asarray(counts.left) + counts.right - counts.both
    return _ratio(counts.both, either, empty=1.0)


def dice(counts: Counts) -> Numbers:
    """Twice what both keep, as a share of what they keep: 2 |L and R| / (|L| + |R|) (Dice 1945; the F1 score).

    In [0, 1]; 1 if both keep nothing. Random masks keeping a share d each average d.
    """
    return _ratio(2 * np.asarray(counts.both), np.asarray(counts.left) + counts.right, empty=1.0)


def containment(counts: Counts) -> Numbers:
    """The share of the left mask that the right one keeps too: |L and R| / |L|. The left is the part, the right whole.

    In [0, 1]; 1 if the left keeps nothing. Against a random mask keeping a share d it averages d.
    """
    return _ratio(counts.both, counts.left, empty=1.0)


def agreement(counts: Counts) -> Numbers:
    """The share of all weights on which both decide alike: 1 - |L xor R| / total (simple matching; Sokal 1958).

    In [0, 1]. Random masks keeping shares d and e average d e + (1 - d)(1 - e).
    """
    differing = np.asarray(counts.left) + counts.right - 2 * np.asarray(counts.both)
    return _ratio(np.asarray(counts.total) - differing, counts.total, empty=1.0)


def kappa(counts: Counts) -> Numbers:
    """Agreement beyond that of independent raters with the same totals: (p - e) / (1 - e) (Cohen 1960).

    p is `agreement`, e = d_L d_R + (1 - d_L)(1 - d_R). At most 1; 0 for independent masks of one matrix; 1 if both
    keep all or both nothing.
    """
    left, right = _ratio(counts.left, counts.total, empty=0.0), _ratio(counts.right, counts.total, empty=0.0)
    expected = left * right + (1 - left) * (1 - right)
    return _ratio(agreement(counts) - expected, 1 - expected, empty=1.0)


Measure = Callable[[Counts], Numbers]
MEASURES: dict[str, Measure] = {
    "jaccard": jaccard,
    "dice": dice,
    "containment": containment,
    "agreement": agreement,
    "kappa": kappa,
}


def measure_called(name: str) -> Measure:
    """The measure of that name.

    Raises:
        InputError: no measure is called so.
    """
    if name not in MEASURES:
        raise InputError(f"no measure is called {name!r}; choose one of: {', '.join(MEASURES)}")
    return MEASURES[name]


@dataclass(frozen=True)
class Chance:
    """What the intersection of two random sets would be.

    Attributes:
        mean: its expectation.
        standard_deviation: its spread.
    """

    mean: Any
    standard_deviation: Any


def chance(left: Integers, right: Integers, sizes: Integers) -> Chance:
    """The intersection of two random masks with given numbers of kept weights in each of the strata (matrices).

    A sum of independent hypergeometric variables, one a stratum with n weights of which l and r are kept:
    mean l r / n, variance l r (n - l)(n - r) / (n^2 (n - 1)).

    Args:
        left: kept by the left mask in each stratum, shape (..., strata).
        right: kept by the right mask, same shape.
        sizes: of the strata, shape (strata,).

    Returns:
        Mean and standard deviation, shape (...).
    """
    kept_left, kept_right, n = (np.asarray(each, dtype=np.float64) for each in (left, right, sizes))
    mean = np.sum(kept_left * kept_right / np.maximum(n, 1), axis=-1)
    pairs = np.maximum(n, 1) ** 2 * np.maximum(n - 1, 1)
    variance = np.sum(kept_left * kept_right * (n - kept_left) * (n - kept_right) / pairs, axis=-1)
    return Chance(mean, np.sqrt(variance))


@dataclass(frozen=True)
class Beside:
    """A measure beside chance.

    Attributes:
        value: the measure.
        chance: the measure at the expected intersection (for all but Jaccard its expectation; Jaccard is monotone in
            the intersection, so this is its level there).
        standard_deviation: half of how far the measure moves from one standard deviation of the intersection below
            its expectation to one above; for all but Jaccard exactly its standard deviation.
        z: standard deviations of the intersection above its expectation, the same for every measure; 0 where chance
            leaves no choice.
        corrected: (value - chance) / (1 - chance): 0 at chance, 1 for equal masks; 1 where chance is 1.
    """

    value: Numbers
    chance: Numbers
    standard_deviation: Numbers
    z: Numbers
    corrected: Numbers


def beside_chance(measure: Measure, counts: Counts, expected: Chance) -> Beside:
    """A measure with what it would be by chance."""

    def at(both: Any) -> Numbers:
        return measure(Counts(both, counts.left, counts.right, counts.total))

    value, level = measure(counts), at(expected.mean)
    below, above = (at(expected.mean + sign * expected.standard_deviation) for sign in (-1, 1))
    return Beside(
        value=value,
        chance=level,
        standard_deviation=(above - below) / 2,
        z=_ratio(np.asarray(counts.both) - expected.mean, expected.standard_deviation, empty=0.0),
        corrected=_ratio(value - level, 1 - level, empty=1.0),
    )


def _ratio(part: Any, whole: Any, *, empty: float) -> Numbers:
    """Part / whole, and `empty` where the whole is 0."""
    above, below = np.broadcast_arrays(np.asarray(part, np.float64), np.asarray(whole, np.float64))
    ratio: Numbers = np.divide(above, below, out=np.full(above.shape, empty), where=below != 0)
    return ratio
