"""How alike two representations of the same sentences are: SVCCA, PWCCA and linear CKA."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]
Vectors = NDArray[np.floating[Any]]

NOTHING = 1e-12  # of the biased estimate: what rounding leaves of the unbiased one
LEAST = 4  # sentences that the debiased measure needs
ROUNDINGS = 8  # by which vectors of one text differ where batches of other sizes were computed


@dataclass(frozen=True, eq=False)
class Space:
    """Vectors of sentences as these measures see them: centred, in double precision.

    Attributes:
        centred: shape (sentences, width), every column of mean 0; of vectors that were all the same, exactly 0.
        basis: orthonormal columns that span those of `centred`, shape (sentences, rank).
        values: their singular values, falling, shape (rank,).
    """

    centred: Numbers
    basis: Numbers
    values: Numbers

    @property
    def varies(self) -> bool:
        """Whether the vectors differ at all: of ones that are all the same nothing can be said."""
        return len(self.values) > 0

    def leading(self, variance: float) -> Numbers:
        """As few directions of the basis as explain a share of the variance, shape (sentences, directions)."""
        if variance == 1:
            return self.basis
        explained = np.cumsum(self.values**2) / np.sum(self.values**2)
        return self.basis[:, : int(np.searchsorted(explained, variance)) + 1]

    def in_order(self, order: NDArray[np.int64]) -> Space:
        """The same vectors with their sentences in another order."""
        return Space(self.centred[order], self.basis[order], self.values)


def space_of(vectors: Vectors) -> Space:
    """The space of vectors, shape (sentences, width).

    Singular values up to sqrt(longer side) x the numbers' relative precision x the largest count as 0: so much the
    rounding of independent entries leaves of nothing. Layer normalisation ties the columns together, and a direction
    of mere noise would count as a full one.

    Raises:
        ValueError: fewer than `LEAST` sentences, or what is no number.
    """
    given = np.asarray(vectors)
    if given.ndim != 2 or len(given) < LEAST or not given.shape[1] or not np.isfinite(given).all():
        raise ValueError(f"vectors: found shape {given.shape}; expected at least {LEAST} rows, all finite")
    precision, doubled = float(np.finfo(given.dtype).eps), given.astype(np.float64)
    centred = doubled - doubled.mean(axis=0)
    if np.abs(centred).max() <= ROUNDINGS * precision * np.abs(doubled).max():
        centred[:] = 0.0
    basis, values, _ = np.linalg.svd(centred, full_matrices=False)
    rank = int((values > np.sqrt(max(centred.shape)) * precision * values[0]).sum())
    return Space(centred, basis[:, :rank], values[:rank])


def canonical_correlations(left: Numbers, right: Numbers) -> Numbers:
    """Of two spaces given by orthonormal columns, falling, in [0, 1], as many as the smaller has (Hotelling 1936).

    Singular values of left^T right (Bjoerck and Golub 1973): cosines of the principal angles.
    """
    return np.clip(np.linalg.svd(left.T @ right, compute_uv=False), 0.0, 1.0)


def svcca(left: Space, right: Space, *, variance: float = 0.99) -> float:
    """Mean canonical correlation of the directions that explain most variance (Raghu et al. 2017).

    Of each side as few principal directions as explain `variance` of the variance (of squared singular values); the
    mean is over as many correlations as the smaller side has. In [0, 1]; 1 on itself. Rotation and scaling of either
    side change nothing; at variance 1, no invertible linear map does. Independent vectors of n sentences give more
    than 0, the more the directions against n, and 1 where both sides have n - 1: hold it against permuted sentences.
    """
    _check(left, right)
    return float(canonical_correlations(left.leading(variance), right.leading(variance)).mean())


def pwcca(left: Space, right: Space) -> float:
    """Canonical correlations, weighted by how much of the left side they account for (Morcos et al. 2018).

    sum_i a_i r_i / sum_i a_i with a_i = sum_j |<h_i, x_j>|, over the canonical variates h_i of the left side and its
    columns x_j. Lopsided: the left side weighs. In [0, 1]; 1 on itself. Scaling of the left side and any invertible
    linear map of the right one change nothing. Inflated as `svcca` is; with fewer sentences than the ranks of both
    sides together several correlations are 1, and how the weights fall on these is not determined.
    """
    _check(left, right)
    rotation, correlations, _ = np.linalg.svd(left.basis.T @ right.basis, full_matrices=False)
    weights = np.abs((left.basis @ rotation).T @ left.centred).sum(axis=1)
    return float(np.clip(correlations, 0.0, 1.0) @ weights / weights.sum())


def cka(left: Space, right: Space) -> float:
    """Linear centred kernel alignment (Kornblith et al. 2019): ||X^T Y||^2 / (||X^T X|| ||Y^T Y||), Frobenius.

    In [0, 1]; 1 on itself. Rotation and scaling of either side change nothing, other linear maps do. Independent
    vectors give more than 0 where sentences are few against the width; `debiased_cka` does not.
    """
    _check(left, right)
    own = np.sum(left.values**4) * np.sum(right.values**4)  # ||X^T X||^2 is the sum of its squared eigenvalues
    return float(_squared(left.centred.T @ right.centred) / np.sqrt(own))


def debiased_cka(left: Space, right: Space) -> float:
    """Linear CKA with the unbiased estimate of HSIC (Song et al. 2012, equation 5; Nguyen et al. 2021): 0 by chance.

    At most 1, which it is on itself; may be below 0. Like a distance correlation it is 0 where a side has nothing left
    to estimate from, as the corners of a simplex. Computed from products of columns: nothing is sentences x sentences.
    """
    _check(left, right)
    x, y = left.centred, right.centred
    own = _unbiased(x, x), _unbiased(y, y)
    if any(found <= NOTHING * np.sum(side.values**4) for found, side in zip(own, (left, right), strict=True)):
        return 0.0
    return float(_unbiased(x, y) / np.sqrt(own[0] * own[1]))


Measure = Callable[[Space, Space], float]


def measures(variance: float) -> dict[str, Measure]:
    """Every measure by its name; what SVCCA keeps is a setting."""
    return {
        "svcca": lambda left, right: svcca(left, right, variance=variance),
        "pwcca": pwcca,
        "cka": cka,
        "debiased_cka": debiased_cka,
    }


def by_chance(
    left: Space, right: Space, *, measure: Measure, permutations: int, seed: int
) -> tuple[float, float | None]:
    """Mean and standard deviation of a measure where sentences are paired at random (None: of one permutation)."""
    rng = np.random.default_rng(seed)
    drawn = [measure(left, right.in_order(rng.permutation(len(right.centred)))) for _ in range(permutations)]
    return float(np.mean(drawn)), float(np.std(drawn, ddof=1)) if permutations > 1 else None


def _unbiased(x: Numbers, y: Numbers) -> float:
    """The unbiased estimate of HSIC with linear kernels, but for its constant factor.

    tr(K L) + (1^T K 1)(1^T L 1) / ((n - 1)(n - 2)) - 2 (1^T K L 1) / (n - 2), K and L with their diagonals at 0.
    """
    n = len(x)
    own_x, own_y = np.einsum("ij,ij->i", x, x), np.einsum("ij,ij->i", y, y)
    rows_x, rows_y = x @ x.sum(axis=0) - own_x, y @ y.sum(axis=0) - own_y
    trace = _squared(x.T @ y) - own_x @ own_y
    return float(trace + rows_x.sum() * rows_y.sum() / ((n - 1) * (n - 2)) - 2 * (rows_x @ rows_y) / (n - 2))


def _squared(matrix: Numbers) -> float:
    return float(np.einsum("ij,ij->", matrix, matrix))


def _check(left: Space, right: Space) -> None:
    if len(left.centred) != len(right.centred):
        raise ValueError(f"of other sentences: {len(left.centred)} and {len(right.centred)}")
    if not (left.varies and right.varies):
        raise ValueError("vectors that are all the same have no similarity to others")
