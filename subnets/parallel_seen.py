"""What a mask makes of parallel sentences, kept: computed once, whichever source's mask it stands beside."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from annotated_types import Ge
from numpy.typing import NDArray

from subnets.catalogue import RESULTS, Finite, results_in
from subnets.errors import InputError
from subnets.parallel_results import CORRELATE, RETRIEVE
from subnets.retrieval import Ranks
from subnets.workspace import Folder, held

Counts = tuple[tuple[Annotated[int, Ge(0)], ...], tuple[Annotated[int, Ge(0)], ...]]
PositiveCounts = tuple[tuple[Annotated[int, Ge(1)], ...], tuple[Annotated[int, Ge(1)], ...]]


@dataclass(frozen=True)
class KeptRanks:
    """The ranks of one layer; `better` and `equal` as `retrieval.Ranks` has them."""

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    better: Counts
    equal: PositiveCounts


@dataclass(frozen=True)
class KeptSimilarity:
    """One measure of one layer, as `parallel_results.SimilarityRow` has it."""

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    measure: Literal["svcca", "pwcca", "cka", "debiased_cka"]
    value: Finite | None
    chance: Finite | None
    chance_sd: Finite | None
    corrected: Finite | None


def seen_once(
    folder: Folder, identity: dict[str, Any], *, step: str, sentences: int, look: Callable[[], list[Any]]
) -> tuple[list[Any], bool]:
    """What a step sees in every layer: as kept before, or as it comes out and is kept now.

    A worker that comes to a mask another is looking at waits for it.

    Args:
        folder: of the mask, for all that `identity` says.
        identity: all that decides the numbers, the whole digest of the mask among it.
        step: its name.
        sentences: how many pairs there are.
        look: computes it, as `parallel_rows.ranks` or `similarities` does.

    Returns:
        An entry a layer, and whether it was there before.

    Raises:
        InputError: what was kept is damaged, or was made of something else.
    """
    with held(folder, identity, wait=True):
        if folder.has(RESULTS):
            return _READ[step](folder, sentences), True
        layers = look()
        folder.write_json(RESULTS, _PLAIN[step](layers))
        return layers, False


def _plain_ranks(layers: Sequence[Ranks]) -> list[dict[str, Any]]:
    return [{"better": each.better.tolist(), "equal": each.equal.tolist()} for each in layers]


def _ranks(folder: Folder, sentences: int) -> list[Ranks]:
    kept = results_in(folder, tuple[KeptRanks, ...])
    if any(len(side) != sentences for each in kept for side in (*each.better, *each.equal)):
        raise InputError(f"{folder.path / RESULTS}: not of {sentences} sentences; delete it to compute it again")
    return [Ranks(_counts(each.better), _counts(each.equal)) for each in kept]


def _similarities(folder: Folder, _sentences: int) -> list[list[dict[str, Any]]]:
    return [[asdict(row) for row in layer] for layer in results_in(folder, tuple[tuple[KeptSimilarity, ...], ...])]


def _counts(sides: Counts) -> NDArray[np.int64]:
    return np.array(sides, dtype=np.int64)


_PLAIN: dict[str, Callable[[list[Any]], list[Any]]] = {RETRIEVE: _plain_ranks, CORRELATE: list}
_READ: dict[str, Callable[[Folder, int], list[Any]]] = {RETRIEVE: _ranks, CORRELATE: _similarities}
