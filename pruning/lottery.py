"""Iterative magnitude pruning: train, score, prune, rewind, until the last sparsity. The one loop of the project."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Generic, Protocol, TypeVar

from pruning.mask import Mask

Score = TypeVar("Score")


@dataclass(frozen=True)
class Round(Generic[Score]):
    """One round: the mask it was trained under, how it scored, and the mask its weights chose (None at the end)."""

    number: int
    mask: Mask
    score: Score
    chosen: Mask | None


class Archive(Protocol[Score]):
    """Where finished rounds are kept, so that a killed run goes on at the last of them."""

    def load(self, number: int) -> Round[Score] | None:
        """The round, if it was finished before."""

    def save(self, finished: Round[Score]) -> None:
        """Keeps a finished round, whole or not at all."""


def find_ticket(
    train: Callable[[int, Mask], Score],
    choose: Callable[[Mask, Fraction], Mask],
    *,
    dense: Mask,
    sparsities: Sequence[Fraction],
    archive: Archive[Score],
) -> list[Round[Score]]:
    """The trajectory of iterative magnitude pruning (Frankle and Carbin 2019, algorithm 1 of Foroutan et al. 2022).

    Args:
        train: rewinds to the start, trains inside a mask and scores the result.
        choose: the surviving weights that the weights just trained keep at a sparsity.
        dense: the mask of round 0, which keeps everything.
        sparsities: of rounds 0, 1, ... R; rising from 0.
        archive: rounds it has already are not computed again.

    Returns:
        The rounds, dense first. The ticket is the sparsest of them that passes the ticket rule.
    """
    trajectory: list[Round[Score]] = []
    mask: Mask | None = dense
    for number, following in enumerate([*sparsities[1:], None]):
        this = archive.load(number)
        if this is None and mask is not None:
            score = train(number, mask)
            this = Round(number, mask, score, None if following is None else choose(mask, following))
            archive.save(this)
        if this is None:
            break
        trajectory.append(this)
        mask = this.chosen
    return trajectory
