"""The schedule: which sparsity each round has, as exact fractions, and how many weights that keeps."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from fractions import Fraction

from pruning.errors import InputError

RATES: dict[str, Callable[[int, Fraction], Fraction]] = {
    "original": lambda round_number, rate: round_number * rate,
    "remaining": lambda round_number, rate: 1 - (1 - rate) ** round_number,
}


def sparsities(
    *,
    rounds: int,
    rate: float,
    rate_of: str,
    explicit: Sequence[float] | None = None,
    skip_to: float | None = None,
) -> tuple[Fraction, ...]:
    """The sparsity of every round: 0 for round 0, which is dense, then strictly more each round, at most 1.

    Exact: a rate of 0.1 counts as 1/10. `explicit`, the sparsities of rounds 1, 2, ..., overrides the other three.

    Args:
        rounds: how many rounds prune, from 0.
        rate: the share removed in a round, above 0 and at most 1.
        rate_of: the share of what: of the `original` weights (sparsity r * rate after r rounds; Foroutan et al. 2022,
            Algorithm 1) or of the `remaining` ones (1 - (1 - rate) ** r; Frankle and Carbin 2019).
        explicit: strictly increasing sparsities, each above 0 and at most 1.
        skip_to: the sparsity of round 1; the rounds that would lie below it are left out.

    Raises:
        InputError: a value out of its range, rounds that would remove more than everything, or none left after a skip.

    >>> [str(sparsity) for sparsity in sparsities(rounds=2, rate=0.1, rate_of="remaining")]
    ['0', '1/10', '19/100']
    """
    found = _explicit(explicit) if explicit is not None else _by_rate(rounds, rate, rate_of)
    return found if skip_to is None else _skipped(found, skip_to)


def kept_count(total: int, sparsity: Fraction) -> int:
    """How many of `total` weights a sparsity keeps: total minus total * sparsity, that product rounded half up.

    Raises:
        InputError: a negative total, or a sparsity outside [0, 1].

    >>> kept_count(5, Fraction(1, 10))
    4
    """
    if total < 0 or not 0 <= sparsity <= 1:
        raise InputError(f"kept count: found total={total} and sparsity={sparsity}; allowed: 0 or more, and 0 to 1")
    return total - math.floor(total * sparsity + Fraction(1, 2))


def _by_rate(rounds: int, rate: float, rate_of: str) -> tuple[Fraction, ...]:
    if rate_of not in RATES:
        raise InputError(f"rate_of: found {rate_of!r}; choose one of: {', '.join(RATES)}")
    if not (math.isfinite(rate) and 0 < rate <= 1):
        raise InputError(f"rate: found {rate}; allowed: above 0 and at most 1")
    if rounds < 0:
        raise InputError(f"rounds: found {rounds}; allowed: 0 or more")
    share = _exact(rate)
    most = _most_rounds(share, rate_of=rate_of)
    if most is not None and rounds > most:
        raise InputError(
            f"rounds={rounds} with rate={rate} of the {rate_of} weights would remove more than 100 %; "
            f"allowed: at most {most} rounds"
        )
    return tuple(RATES[rate_of](round_number, share) for round_number in range(rounds + 1))


def _skipped(levels: tuple[Fraction, ...], to: float) -> tuple[Fraction, ...]:
    first = _exact(to)
    if not 0 < first < levels[-1]:
        raise InputError(f"skip_to: found {to}; allowed: above 0 and below the last sparsity, {float(levels[-1]):g}")
    return (Fraction(0), first, *(level for level in levels if level > first))


def _explicit(given: Sequence[float]) -> tuple[Fraction, ...]:
    if not given or not all(math.isfinite(sparsity) and 0 < sparsity <= 1 for sparsity in given):
        raise InputError(f"sparsities: found {list(given)}; allowed: one or more, each above 0 and at most 1")
    exact = [_exact(sparsity) for sparsity in given]
    if any(later <= earlier for earlier, later in itertools.pairwise(exact)):
        raise InputError(f"sparsities: found {list(given)}; each must be higher than the one before")
    return (Fraction(0), *exact)


def _exact(value: float) -> Fraction:
    # The number as written: Fraction(0.1) itself would be the nearest binary fraction.
    return Fraction(str(value))


def _most_rounds(rate: Fraction, *, rate_of: str) -> int | None:
    """How many rounds there can be until nothing is left; None: any number."""
    if rate_of == "original":
        return math.floor(1 / rate)
    return 1 if rate == 1 else None
