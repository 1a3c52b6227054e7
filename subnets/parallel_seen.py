"""What a mask makes of parallel sentences, kept: computed once, whichever source's mask it stands beside."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, ClassVar, Literal

import numpy as np
import safetensors
import safetensors.numpy

from subnets.catalogue import RESULTS, Finite, results_in
from subnets.errors import InputError
from subnets.parallel_results import CORRELATE, RETRIEVE
from subnets.retrieval import Ranks
from subnets.workspace import Folder, held

RANKS = "ranks.safetensors"


@dataclass(frozen=True)
class KeptRanks:
    """What is said of the ranks of all layers, which lie beside it: `retrieval.Ranks`, a layer after the other."""

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    sha256: str


@dataclass(frozen=True)
class KeptSimilarity:
    """One measure of one layer, as `parallel_results.SimilarityRow` has it."""

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    measure: Literal["svcca", "pwcca", "cka", "debiased_cka"]
    value: Finite | None
    chance: Finite | None
    chance_sd: Finite | None
    corrected: Finite | None


@dataclass(frozen=True)
class KeptSimilarities:
    """The measures of every layer."""

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    layers: tuple[tuple[KeptSimilarity, ...], ...]


def seen_once(
    folder: Folder,
    identity: dict[str, Any],
    *,
    step: str,
    sentences: int,
    look: Callable[[], list[Any]],
    waiting: Callable[[str], None],
) -> tuple[list[Any], bool]:
    """What a step sees in every layer: as kept before, or as it comes out and is kept now.

    A worker that comes to a mask another is looking at waits for it.

    Args:
        folder: of the mask, for all that `identity` says.
        identity: all that decides the numbers, the whole digest of the mask among it.
        step: its name.
        sentences: how many pairs there are.
        look: computes it, as `parallel_rows.ranks` or `similarities` does.
        waiting: is told that another worker is waited for.

    Returns:
        An entry a layer, and whether it was there before.

    Raises:
        InputError: what was kept is damaged, or was made of something else.
    """
    with held(folder, identity, waiting=waiting):
        if folder.has(RESULTS):
            return _READ[step](folder, sentences), True
        layers = look()
        _KEEP[step](folder, layers)
        return layers, False


def _keep_ranks(folder: Folder, layers: Sequence[Ranks]) -> None:
    ranks = {"better": np.stack([each.better for each in layers]), "equal": np.stack([each.equal for each in layers])}
    content = safetensors.numpy.save(ranks)
    folder.write(RANKS, content)
    folder.write_json(RESULTS, asdict(KeptRanks(hashlib.sha256(content).hexdigest())))


def _ranks(folder: Folder, sentences: int) -> list[Ranks]:
    said = results_in(folder, KeptRanks)
    try:
        content = folder.read(RANKS)
        ranks = safetensors.numpy.load(content)
        better, equal = ranks["better"], ranks["equal"]
        fits = better.shape == equal.shape == (len(better), 2, sentences)
    except (OSError, KeyError, safetensors.SafetensorError) as problem:
        raise InputError(f"{folder.path}: damaged ({type(problem).__name__}); delete it to compute it again") from None
    if not fits or hashlib.sha256(content).hexdigest() != said.sha256:
        raise InputError(f"{folder.path}: {RANKS} is not what was written; delete the folder to compute it again")
    return [Ranks(*layer) for layer in zip(better, equal, strict=True)]


def _keep_similarities(folder: Folder, layers: Sequence[list[dict[str, Any]]]) -> None:
    folder.write_json(RESULTS, {"layers": layers})


def _similarities(folder: Folder, _sentences: int) -> list[list[dict[str, Any]]]:
    return [[asdict(row) for row in layer] for layer in results_in(folder, KeptSimilarities).layers]


_KEEP: dict[str, Callable[[Folder, list[Any]], None]] = {RETRIEVE: _keep_ranks, CORRELATE: _keep_similarities}
_READ: dict[str, Callable[[Folder, int], list[Any]]] = {RETRIEVE: _ranks, CORRELATE: _similarities}
