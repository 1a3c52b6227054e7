"""Topological overlap of two masks: do they wire the same units, carry the same paths, keep the same units alive?"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from pruning.controls import random_per_matrix
from pruning.mask import Mask
from subnets.errors import InputError
from subnets.overlap import Beside, Counts, Numbers, jaccard
from subnets.paths import paths_through_block, paths_through_heads, paths_through_stack, share_of_paths
from subnets.rewiring import same_degrees
from subnets.statistics import permutation_p
from subnets.units import INNER, Degrees, alive_residuals, alive_units, check_heads, degrees_of

UNDEFINED = float("nan")
TRADES = 20  # of rewired masks: enough, by the figures of `rewiring.same_degrees`
DEGREES = ("read", "written", "entering", "leaving")  # of `units.Degrees`


@dataclass(frozen=True)
class Wiring:
    """A mask with its degrees."""

    mask: Mask
    degrees: tuple[Degrees, ...]


@dataclass(frozen=True)
class Pair:
    """Two masks of one encoder and what both keep, each with its degrees: all that the measures need, counted once."""

    left: Wiring
    right: Wiring
    both: Wiring
    heads: int

    @property
    def blocks(self) -> tuple[tuple[Degrees, Degrees, Degrees], ...]:
        """The degrees of left, right and both, block by block."""
        return tuple(zip(self.left.degrees, self.right.degrees, self.both.degrees, strict=True))


def pair_of(left: Mask, right: Mask, *, heads: int) -> Pair:
    """Two masks as the measures want them.

    Args:
        left: a mask.
        right: another of the same encoder.
        heads: attention heads of a layer.

    Raises:
        InputError: masks of different matrices, matrices that do not make an encoder's blocks (`units.blocks_of`), or a
            number of heads that does not divide the channels.
    """
    ours, theirs, both = (Wiring(mask, degrees_of(mask)) for mask in (left, right, left & right))
    check_heads(tuple(degrees.block for degrees in ours.degrees), heads=heads)
    return Pair(ours, theirs, both, heads)


@dataclass(frozen=True)
class Neighbourhoods:
    """The Jaccard of every unit's neighbourhood in one block: (residual,) and (inner,)."""

    residual: Numbers
    inner: Numbers


def neighbourhood_overlaps(pair: Pair) -> dict[str, Neighbourhoods]:
    """The Jaccard of every single unit's neighbourhood (see `neighbourhood_overlap`), by the block's name."""
    found = {}
    for left, right, both in pair.blocks:
        residual = _jaccard(*(degrees.read + degrees.written for degrees in (left, right, both)))
        inner = _jaccard(*(degrees.entering + degrees.leaving for degrees in (left, right, both)))
        found[left.block.name] = Neighbourhoods(residual, inner)
    return found


def neighbourhood_overlap(pair: Pair) -> float:
    """Mean over all units u of |N_left(u) & N_right(u)| / |N_left(u) | N_right(u)|, N(u) the kept weights in and out.

    Units are the inner units (channels, neurons) and, in each block anew, the residual dimensions it reads from and
    writes to. In [0, 1]; a unit without a weight in either mask counts 1; equal masks give 1. Random masks keeping
    shares d and e give about d e / (d + e - d e).
    For one node in two networks what Ravasz et al. (2002) is for two nodes in one: their common links, as a share.
    """
    blocks = neighbourhood_overlaps(pair).values()
    return float(np.concatenate([units for block in blocks for units in (block.residual, block.inner)]).mean())


def path_overlaps(pair: Pair) -> dict[str, float]:
    """Per block, paths of kept weights in both masks as a share of those in either: |L & R| / (|L| + |R| - |L & R|).

    A path is a kept weight into an inner unit and one out of it (`paths.paths_through_units`); a path is in both masks
    if both keep both its weights, so that |L & R| are the paths of `left & right`. Counted exactly. In [0, 1]; 1 where
    neither mask has a path. Random masks keeping shares d and e have shares d**2 and e**2 of the paths and d**2 e**2 of
    them in common: about (d e)**2 / (d**2 + e**2 - (d e)**2). Paths as what a mask passes on: Tanaka et al. 2020.
    """
    return {
        left.block.name: share_of_paths(*(paths_through_block(degrees) for degrees in (both, left, right)))
        for left, right, both in pair.blocks
    }


def head_path_overlaps(pair: Pair) -> dict[str, Numbers]:
    """`path_overlaps` of each head of each attention block: value -> output through its channels, shape (heads,)."""
    return {
        left.block.name: _jaccard(*(paths_through_heads(degrees, heads=pair.heads) for degrees in (left, right, both)))
        for left, right, both in pair.blocks
        if left.block.kind == "attention"
    }


def stack_path_overlap(pair: Pair) -> float:
    """`path_overlaps` for paths through the whole stack, residual connections included (`paths.paths_through_stack`).

    In (0, 1]: the paths that stay in their dimension are in every mask. Counted exactly, as whole numbers. Paths
    through all b blocks outnumber all others, so that random masks keeping a share d have about d**(2 b) / 2 in common:
    2e-15 for mBERT (b = 24) at one half. Compare its logarithm over b, or the blocks' own overlaps.
    """
    return share_of_paths(*(paths_through_stack(wiring.mask) for wiring in (pair.both, pair.left, pair.right)))


def degree_similarity(pair: Pair) -> dict[str, dict[str, float]]:
    """Spearman's correlation over units of the two masks' kept degrees, by block and kind of degree.

    Kinds: `read` and `written` over residual dimensions, `entering` and `leaving` over inner units (`units.Degrees`).
    Ties get mean ranks. In [-1, 1]; nan where all units of either mask have one degree (a dense matrix). Random masks
    give 0 on average, with standard deviation 1 / sqrt(units - 1); masks of the same degrees give 1 (Spearman 1904).
    """
    return {
        left.block.name: {kind: _spearman(getattr(left, kind), getattr(right, kind)) for kind in DEGREES}
        for left, right, _ in pair.blocks
    }


def alive_overlap(pair: Pair) -> dict[str, float]:
    """Jaccard of the sets of units that carry a path, over all layers: of `residual`, `channel`, `neuron`, `head`.

    A channel or neuron is alive with a kept weight into it (value, feed-forward in) and one out of it; a head with an
    alive channel; a residual dimension in a block where a path of that block starts or ends at it. Because of the
    residual connection a path of a block always goes on to both ends of the stack. In [0, 1]; 1 where neither mask has
    an alive one. Chance is 1 for masks so dense that every unit lives: the measure speaks at high sparsity only.
    """
    left, right = (_alive(wiring, heads=pair.heads) for wiring in (pair.left, pair.right))
    sets = {kind: (left[kind], right[kind], left[kind] & right[kind]) for kind in left}
    return {kind: float(_jaccard(*(int(alive.sum()) for alive in each))) for kind, each in sets.items()}


def topological_overlaps(pair: Pair) -> dict[str, float]:
    """Every measure of this file as one number, by name.

    Means where a measure has several: path overlaps over the blocks of a kind, degree similarity over blocks and kinds
    of degree in which it is defined (nan if in none).
    """
    paths = path_overlaps(pair)
    kinds = ("attention", "feed_forward")
    of_kind = {kind: [share for name, share in paths.items() if name.endswith(f".{kind}")] for kind in kinds}
    similar = [value for degrees in degree_similarity(pair).values() for value in degrees.values()]
    defined = [value for value in similar if not np.isnan(value)]
    return {
        "neighbourhood_overlap": neighbourhood_overlap(pair),
        **{f"{kind}_path_overlap": float(np.mean(shares)) for kind, shares in of_kind.items()},
        "stack_path_overlap": stack_path_overlap(pair),
        "degree_similarity": float(np.mean(defined)) if defined else UNDEFINED,
        **{f"alive_{kind}_overlap": value for kind, value in alive_overlap(pair).items()},
    }


@dataclass(frozen=True)
class BesideDrawn(Beside):
    """A measure beside its values on random masks.

    Attributes:
        p: the share of draws that reach the value, itself among them; in [1 / (1 + draws), 1].
    """

    p: float


NULLS: Mapping[str, Callable[[Mask, int], Mask]] = {
    "counts": lambda mask, seed: random_per_matrix(mask, seed=seed),
    "degrees": lambda mask, seed: same_degrees(mask, trades=TRADES, seed=seed),
}


def beside_random(
    left: Mask, right: Mask, *, heads: int, keeping: str, draws: int, seed: int
) -> dict[str, BesideDrawn]:
    """`topological_overlaps` beside their values on `draws` pairs of independent random masks like `left` and `right`.

    Args:
        left: a mask.
        right: another of the same encoder.
        heads: attention heads of a layer.
        keeping: what the random masks have in common with the masks, of `NULLS`: `counts` (of every matrix), or
            `degrees` (of every unit in every matrix; asks whether masks overlap by more than the units they favour).
        draws: how many pairs, at least 2.
        seed: of the draws; the same seed gives the same numbers.

    Raises:
        InputError: as `pair_of`, fewer than 2 draws, or no such `keeping`.
    """
    if keeping not in NULLS:
        raise InputError(f"keeping: found {keeping!r}; choose one of: {', '.join(NULLS)}")
    if draws < 2:
        raise InputError(f"draws: found {draws}; allowed: 2 and more, as a spread takes two")
    values = topological_overlaps(pair_of(left, right, heads=heads))
    seeds = np.random.SeedSequence(seed).generate_state(2 * draws, dtype=np.uint64).tolist()
    drawn = [
        topological_overlaps(pair_of(NULLS[keeping](left, first), NULLS[keeping](right, second), heads=heads))
        for first, second in zip(seeds[::2], seeds[1::2], strict=True)
    ]
    return {name: beside_drawn(value, np.array([each[name] for each in drawn])) for name, value in values.items()}


def beside_drawn(value: float, drawn: Numbers) -> BesideDrawn:
    """A measure beside its values on random masks, shape (draws,): chance is their mean.

    As in `overlap.Beside`, z is 0 where the draws do not differ, and corrected 1 where chance is 1. What follows from
    an undefined number (nan) is undefined.
    """
    if np.isnan(value) or np.isnan(drawn).any():
        nothing = np.array(UNDEFINED)
        return BesideDrawn(np.array(value), nothing, nothing, nothing, nothing, UNDEFINED)
    level = drawn.mean()
    spread = drawn.std(ddof=1) if np.ptp(drawn) else 0.0
    return BesideDrawn(
        value=np.array(value),
        chance=np.array(level),
        standard_deviation=np.array(spread),
        z=np.array((value - level) / spread if spread else 0.0),
        corrected=np.array((value - level) / (1 - level) if level != 1 else 1.0),
        p=permutation_p(value, drawn),
    )


def _jaccard(left: NDArray[np.int64] | int, right: NDArray[np.int64] | int, both: NDArray[np.int64] | int) -> Numbers:
    return jaccard(Counts(both, left, right, total=left + right - both))


def _spearman(left: NDArray[np.int64], right: NDArray[np.int64]) -> float:
    if np.ptp(left) == 0 or np.ptp(right) == 0:
        return UNDEFINED
    return float(np.corrcoef(rankdata(left), rankdata(right))[0, 1])


def _alive(wiring: Wiring, *, heads: int) -> dict[str, NDArray[np.bool_]]:
    """Whether each unit of each kind is alive, all layers one after another."""
    found: dict[str, list[NDArray[np.bool_]]] = {kind: [] for kind in ("residual", "channel", "neuron", "head")}
    for degrees in wiring.degrees:
        alive = alive_units(degrees)
        found["residual"].append(alive_residuals(wiring.mask, degrees))
        found[INNER[degrees.block.kind]].append(alive)
        if degrees.block.kind == "attention":
            found["head"].append(np.asarray(alive.reshape(heads, -1).any(axis=1)))
    return {kind: np.concatenate(parts) for kind, parts in found.items()}
